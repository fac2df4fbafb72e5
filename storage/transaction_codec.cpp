#include "storage/transaction_codec.hpp"

#include "messages/cluster/store.pb.h"
#include "messages/codec/wire.hpp"
#include "storage/sealer.hpp"

namespace troupe::storage {

namespace {

namespace wire = codec::wire;

error corrupt(std::string what) { return {errc::corrupt, "log entry: " + std::move(what)}; }

// Written by hand, field by field as store.proto has them: a value is copied once.

void put_number(std::string& out, int number, uint64_t v) {
  if (v) wire::put_int(out, static_cast<uint32_t>(number), static_cast<int64_t>(v));
}

void put_text(std::string& out, int number, std::string_view text) {
  if (!text.empty()) wire::put_bytes(out, static_cast<uint32_t>(number), text);
}

void encode_precondition(std::string& out, const precondition& from) {
  using to = cluster::Precondition;
  auto start = wire::open(out, cluster::Transaction::kPreconditionsFieldNumber);
  put_number(out, to::kKindFieldNumber, static_cast<uint64_t>(from.what));
  put_text(out, to::kKeyFieldNumber, from.key);
  put_number(out, to::kModRevisionFieldNumber, from.mod_revision);
  wire::close(out, start);
}

result<void> encode_mutation(std::string& out, const mutation& from, const sealer* seal) {
  using to = cluster::Mutation;
  auto& object = *from.object;
  auto start = wire::open(out, cluster::Transaction::kMutationsFieldNumber);
  put_number(out, to::kKindFieldNumber, from.what == mutation::kind::put ? to::PUT : to::ERASE);
  put_text(out, to::kKeyFieldNumber, object.key());
  bool sealed = seal && seal->covers(object.key());
  if (sealed) {
    auto hidden = seal->seal(object.key(), object.value());
    if (!hidden) return hidden.error();
    put_text(out, to::kValueFieldNumber, *hidden);
  } else {
    put_text(out, to::kValueFieldNumber, object.value());
  }
  put_text(out, to::kIndexFieldNumber, object.index().packed());
  put_number(out, to::kSealedFieldNumber, sealed);
  wire::close(out, start);
  return {};
}

result<mutation> decode_mutation(const cluster::Mutation& from, const sealer* seal) {
  auto what = mutation::kind::put;
  if (from.kind() == cluster::Mutation::ERASE)
    what = mutation::kind::erase;
  else if (from.kind() != cluster::Mutation::PUT)
    return corrupt("unknown kind of mutation " + std::to_string(from.kind()));
  if (!index_view::well_formed(from.index())) return corrupt("malformed index");
  if (!from.sealed()) return mutation{what, entry::make(from.key(), from.index(), from.value())};
  if (!seal) return error{errc::internal, "a sealed value, and no key to open it"};
  auto opened = seal->open(from.key(), from.value());
  if (!opened) return opened.error();
  return mutation{what, entry::make(from.key(), from.index(), *opened)};
}

result<precondition> decode_precondition(const cluster::Precondition& from) {
  if (from.kind() < 0 || from.kind() > cluster::Precondition::REVISION_IS)
    return corrupt("unknown kind of precondition " + std::to_string(from.kind()));
  return precondition{static_cast<precondition::kind>(from.kind()), from.key(),
                      from.mod_revision()};
}

} // namespace

result<std::string> encode(const transaction& from, uint64_t time_ms, const sealer* seal,
                           uint64_t mark) {
  constexpr size_t around_each = 64, around_all = 64;
  size_t expected = around_all;
  for (auto& x : from.preconditions) expected += x.key.size() + around_each;
  for (auto& x : from.mutations) expected += x.object->memory_bytes() + around_each;
  std::string out;
  out.reserve(expected);
  for (auto& x : from.preconditions) encode_precondition(out, x);
  for (auto& x : from.mutations)
    if (auto done = encode_mutation(out, x, seal); !done) return done.error();
  put_number(out, cluster::Transaction::kLeaderTermFieldNumber, from.leader_term);
  put_number(out, cluster::Transaction::kCauseFieldNumber, from.cause);
  put_number(out, cluster::Transaction::kTimeMsFieldNumber, time_ms);
  put_number(out, cluster::Transaction::kMarkFieldNumber, mark);
  return out;
}

result<dated_transaction> decode(std::string_view payload, const sealer* seal) {
  cluster::Transaction from;
  if (!from.ParseFromArray(payload.data(), static_cast<int>(payload.size())))
    return corrupt("not a transaction");
  dated_transaction to;
  to.time_ms = from.time_ms();
  to.mark = from.mark();
  auto& changes = to.changes;
  changes.leader_term = from.leader_term();
  changes.cause = from.cause();
  for (auto& x : from.preconditions()) {
    auto condition = decode_precondition(x);
    if (!condition) return condition.error();
    changes.preconditions.push_back(std::move(*condition));
  }
  for (auto& x : from.mutations()) {
    auto change = decode_mutation(x, seal);
    if (!change) return change.error();
    changes.mutations.push_back(std::move(*change));
  }
  if (auto checked = check(changes); !checked) return corrupt(checked.error().message);
  return to;
}

} // namespace troupe::storage
