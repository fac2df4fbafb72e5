#include "storage/transaction_codec.hpp"

#include "messages/cluster/store.pb.h"
#include "storage/sealer.hpp"

namespace troupe::storage {

namespace {

error corrupt(std::string what) { return {errc::corrupt, "log entry: " + std::move(what)}; }

result<void> encode_mutation(const mutation& from, const sealer* seal, cluster::Mutation& to) {
  auto& object = *from.object;
  to.set_kind(from.what == mutation::kind::put ? cluster::Mutation::PUT : cluster::Mutation::ERASE);
  to.set_key(object.key().data(), object.key().size());
  to.set_index(object.index().packed().data(), object.index().packed().size());
  if (!seal || !seal->covers(object.key())) {
    to.set_value(object.value().data(), object.value().size());
    return {};
  }
  auto sealed = seal->seal(object.key(), object.value());
  if (!sealed) return sealed.error();
  to.set_value(std::move(*sealed));
  to.set_sealed(true);
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
  cluster::Transaction to;
  for (auto& x : from.preconditions) {
    auto& y = *to.add_preconditions();
    y.set_kind(static_cast<cluster::Precondition::Kind>(x.what));
    y.set_key(x.key);
    y.set_mod_revision(x.mod_revision);
  }
  for (auto& x : from.mutations)
    if (auto done = encode_mutation(x, seal, *to.add_mutations()); !done) return done.error();
  to.set_leader_term(from.leader_term);
  to.set_cause(from.cause);
  to.set_time_ms(time_ms);
  to.set_mark(mark);
  return to.SerializeAsString();
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
