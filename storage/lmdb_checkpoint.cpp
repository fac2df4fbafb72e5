#include "storage/lmdb_checkpoint.hpp"

#include "messages/base/log.hpp"
#include "storage/binary.hpp"
#include "storage/crc32c.hpp"
#include "storage/state_record.hpp"

#include <openssl/evp.h>

#include <unordered_map>

namespace troupe::storage {

namespace {

constexpr uint32_t meta_version = 1;            // permanent
constexpr std::string_view meta_key = "meta";   // permanent
constexpr size_t plain_key_bytes_max = 480;     // permanent; LMDB allows 511
constexpr size_t hashed_key_prefix_bytes = 440; // permanent

/// The LMDB key of an object. A long key keeps its beginning and continues with NUL, which no key
/// contains, and its SHA-256.
std::string table_key(std::string_view key) {
  if (key.size() <= plain_key_bytes_max) return std::string{key};
  std::string out{key.substr(0, hashed_key_prefix_bytes)};
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(key.data(), key.size(), digest, &size, EVP_sha256(), nullptr);
  out.push_back('\0');
  out.append(reinterpret_cast<char*>(digest), size);
  return out;
}

std::string undo_key(uint64_t revision, uint32_t number) {
  std::string out;
  put_sortable(out, revision);
  put_sortable(out, number);
  return out;
}

error corrupt(std::string_view what) { return {errc::corrupt, "checkpoint: " + std::string(what)}; }

result<void> encode_undo(std::string& out, const event& x, uint64_t time_ms, const sealer* seal) {
  put_number(out, uint32_t{0});
  put_number(out, x.cause);
  put_number(out, time_ms);
  put_number(out, static_cast<uint32_t>(x.now->key().size()));
  out += x.now->key();
  if (x.before)
    if (auto done = encode_record(out, *x.before, seal); !done) return done;
  set_number(out, 0, crc32c(std::string_view{out}.substr(4)));
  return {};
}

uint64_t undo_time_ms(std::string_view value) {
  binary_reader in{value};
  in.bytes(12);
  return in.number<uint64_t>();
}

} // namespace

result<entry_ptr> lmdb_checkpoint::read_object(std::string_view key, std::string_view value) const {
  auto object = decode_record(value, seal_.get());
  if (!object) return with_context(object.error(), log::escaped(key));
  if (table_key((*object)->key()) != key) return corrupt("an object under a wrong key");
  return object;
}

result<checkpoint::undo> lmdb_checkpoint::read_change(std::string_view key,
                                                      std::string_view value) const {
  binary_reader in{value};
  auto sum = in.number<uint32_t>();
  if (key.size() != 16 || !in.ok() || sum != crc32c(in.rest()))
    return corrupt("a history record's checksum is wrong");
  undo out;
  out.revision = get_sortable(key);
  out.cause = in.number<uint64_t>();
  out.time_ms = in.number<uint64_t>();
  auto key_bytes = in.number<uint32_t>();
  out.key = in.bytes(key_bytes);
  if (!in.ok()) return corrupt("a history record is malformed");
  if (in.rest().empty()) return out;
  auto before = decode_record(in.rest(), seal_.get());
  if (!before) return before.error();
  out.before = std::move(*before);
  return out;
}

lmdb_checkpoint::tables_ptr lmdb_checkpoint::current() const {
  std::lock_guard lock{exchanging_};
  return tables_;
}

result<checkpoint::loaded> lmdb_checkpoint::load() {
  auto of = current();
  std::shared_lock resizing{of->resizing};
  auto begun = lmdb::transaction::begin(of->env.get(), true);
  if (!begun) return begun.error();
  auto meta = read_meta(*begun, *of);
  if (!meta) return meta.error();
  loaded out{{}, std::move(*meta)};
  auto at = lmdb::cursor::open(*begun, of->state);
  if (!at) return at.error();
  auto more = at->move(MDB_FIRST);
  for (; more && *more; more = at->move(MDB_NEXT)) {
    auto object = read_object(at->key(), at->value());
    if (!object) return object.error();
    out.contents.objects.put(std::move(*object));
  }
  if (!more) return more.error();
  MDB_stat counted;
  mdb_stat(begun->get(), of->state, &counted);
  if (counted.ms_entries != out.contents.objects.size())
    return corrupt("counts " + std::to_string(counted.ms_entries) + " objects and holds " +
                   std::to_string(out.contents.objects.size()));
  out.contents.revision = out.meta.revision;
  lmdb::let_go_of_pages(of->env.get());
  return out;
}

/// Runs `act` in a write transaction, again in a larger map when the map was full.
template<class Act> result<void> lmdb_checkpoint::write(Act act) {
  if (failed_) return *failed_;
  for (;;) {
    auto attempt = [&]() -> result<void> {
      std::shared_lock resizing{tables_->resizing};
      auto begun = lmdb::transaction::begin(tables_->env.get(), false);
      if (!begun) return begun.error();
      if (auto done = act(*begun); !done) return done;
      return begun->commit();
    };
    auto done = attempt();
    if (done || done.error().code != errc::storage_full) return done;
    if (!done.error().message.ends_with(mdb_strerror(MDB_MAP_FULL))) return done;
    if (auto grown = grow(); !grown) return grown;
  }
}

result<void> lmdb_checkpoint::grow() {
  if (settings_.map_bytes >= settings_.map_bytes_max)
    return error{errc::storage_full, "the checkpoint has reached its largest size"};
  settings_.map_bytes *= 2;
  std::unique_lock alone{tables_->resizing};
  if (auto code = mdb_env_set_mapsize(tables_->env.get(), settings_.map_bytes))
    return lmdb::failed("resize", code);
  log::info("storage", "grew the checkpoint's address space", {{"bytes", settings_.map_bytes}});
  return {};
}

result<void>
lmdb_checkpoint::add(const std::vector<std::shared_ptr<const published_batch>>& batches,
                     const history_limits& limits, uint64_t now_ms) {
  std::lock_guard writing{writing_};
  size_t next = 0;
  // A snapshot from the leader may have come in while these were on their way.
  while (next < batches.size() && batches[next]->position.index <= last_index_) ++next;
  while (next < batches.size()) {
    auto end = next;
    auto some = [&](lmdb::transaction& in) -> result<void> {
      size_t bytes = 0;
      auto meta = read_meta(in, *tables_);
      if (!meta) return meta.error();
      for (end = next; end < batches.size() && bytes < settings_.transaction_bytes_max; ++end) {
        if (auto done = add_batch(in, *batches[end]); !done) return done;
        if (!batches[end]->agreement.empty()) meta->agreement = batches[end]->agreement;
        bytes += batches[end]->bytes;
      }
      meta->position = batches[end - 1]->position;
      meta->revision = batches[end - 1]->revision;
      if (auto done = forget_history(in, limits, now_ms, *meta); !done) return done;
      return write_meta(in, *meta);
    };
    if (auto done = write(some); !done) return done;
    last_index_ = batches[end - 1]->position.index;
    for (; next < end; ++next) unrested_bytes_ += batches[next]->bytes;
  }
  if (unrested_bytes_ > settings_.unrested_bytes_max) rest();
  return {};
}

void lmdb_checkpoint::rest() {
  std::shared_lock resizing{tables_->resizing};
  lmdb::let_go_of_pages(tables_->env.get());
  unrested_bytes_ = 0;
}

result<void> lmdb_checkpoint::add_batch(lmdb::transaction& in, const published_batch& batch) {
  uint32_t number = 0;
  std::unordered_map<std::string_view, const event*> last; // a key is written once a batch
  for (auto& x : batch.events) {
    std::string undo;
    if (auto done = encode_undo(undo, *x, batch.time_ms, seal_.get()); !done) return done;
    if (auto done = in.put(tables_->undo, undo_key(x->revision(), number++), undo, MDB_APPEND);
        !done)
      return done;
    last[x->now->key()] = x.get();
  }
  for (auto& x : batch.events) {
    if (last[x->now->key()] != x.get()) continue;
    auto key = table_key(x->now->key());
    if (x->what == event::kind::erase) {
      if (auto done = in.erase(tables_->state, key); !done) return done;
      continue;
    }
    std::string record;
    if (auto done = encode_record(record, *x->now, seal_.get()); !done) return done;
    if (auto done = in.put(tables_->state, key, record); !done) return done;
  }
  return {};
}

/// Removes the oldest history beyond the limits, a bounded amount at a time.
result<void> lmdb_checkpoint::forget_history(lmdb::transaction& in, const history_limits& limits,
                                             uint64_t now_ms, checkpoint_meta& meta) {
  constexpr size_t rows_max = 100'000;
  MDB_stat stat;
  mdb_stat(in.get(), tables_->undo, &stat);
  auto bytes = (stat.ms_leaf_pages + stat.ms_overflow_pages + stat.ms_branch_pages) * stat.ms_psize;
  auto surplus = bytes > limits.bytes_max ? bytes - limits.bytes_max : 0;
  auto at = lmdb::cursor::open(in, tables_->undo);
  if (!at) return at.error();
  auto more = at->move(MDB_FIRST);
  for (size_t rows = 0; more && *more && rows < rows_max; ++rows, more = at->move(MDB_NEXT)) {
    auto old = undo_time_ms(at->value()) + limits.age_ms < now_ms;
    if (!old && surplus == 0) break;
    surplus -= std::min<size_t>(surplus, at->key().size() + at->value().size());
    meta.compacted = get_sortable(at->key());
    if (auto done = at->erase(); !done) return done;
  }
  if (!more) return more.error();
  return {};
}

/// The first content of a fresh file, a bounded amount at a time; what it says of itself comes
/// last.
result<void> lmdb_checkpoint::fill(const state& contents, const checkpoint_meta& meta) {
  std::lock_guard writing{writing_};
  tree::cursor at{contents.objects, ""};
  while (at) {
    auto next = at;
    auto some = [&](lmdb::transaction& in) -> result<void> {
      next = at;
      for (size_t bytes = 0; next && bytes < settings_.transaction_bytes_max; next.next()) {
        std::string record;
        if (auto done = encode_record(record, *next.get(), seal_.get()); !done) return done;
        if (auto done = in.put(tables_->state, table_key(next.get()->key()), record); !done)
          return done;
        bytes += record.size();
      }
      return {};
    };
    if (auto done = write(some); !done) return done;
    at = next;
  }
  return write([&](lmdb::transaction& in) {
    auto fresh = meta;
    fresh.revision = fresh.compacted = contents.revision;
    return write_meta(in, fresh);
  });
}

result<uint64_t> lmdb_checkpoint::visit_history(uint64_t below,
                                                const std::function<bool(undo)>& visit) {
  auto of = current();
  std::shared_lock resizing{of->resizing};
  auto begun = lmdb::transaction::begin(of->env.get(), true);
  if (!begun) return begun.error();
  auto meta = read_meta(*begun, *of);
  if (!meta) return meta.error();
  auto at = lmdb::cursor::open(*begun, of->undo);
  if (!at) return at.error();
  auto found = at->move(MDB_SET_RANGE, undo_key(below, 0));
  auto more = found && *found ? at->move(MDB_PREV) : at->move(MDB_LAST);
  for (; more && *more; more = at->move(MDB_PREV)) {
    auto change = read_change(at->key(), at->value());
    if (!change) return change.error();
    if (!visit(std::move(*change))) break;
  }
  if (!found || !more) return found ? more.error() : found.error();
  return meta->compacted;
}

result<checkpoint_meta> lmdb_checkpoint::read_meta(lmdb::transaction& in, const tables& of) const {
  checkpoint_meta out;
  auto found = in.get(of.meta, meta_key);
  if (!found) return found.error();
  if (!found->data()) return out;
  binary_reader from{*found};
  auto sum = from.number<uint32_t>();
  if (!from.ok() || sum != crc32c(from.rest())) return corrupt("its meta record is damaged");
  if (auto version = from.number<uint32_t>(); version != meta_version)
    return corrupt("format " + std::to_string(version) + " is unknown here: a newer version's");
  out.position.index = from.number<uint64_t>();
  out.position.term = from.number<uint64_t>();
  out.revision = from.number<uint64_t>();
  out.compacted = from.number<uint64_t>();
  out.log_id = from.number<uint64_t>();
  out.agreement = from.rest();
  if (!from.ok()) return corrupt("its meta record is malformed");
  return out;
}

result<void> lmdb_checkpoint::write_meta(lmdb::transaction& in, const checkpoint_meta& meta) const {
  std::string out;
  put_number(out, uint32_t{0});
  put_number(out, meta_version);
  put_number(out, meta.position.index);
  put_number(out, meta.position.term);
  put_number(out, meta.revision);
  put_number(out, meta.compacted);
  put_number(out, meta.log_id);
  out += meta.agreement;
  set_number(out, 0, crc32c(std::string_view{out}.substr(4)));
  return in.put(tables_->meta, meta_key, out);
}

} // namespace troupe::storage
