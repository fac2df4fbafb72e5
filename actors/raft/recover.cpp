#include "actors/raft/recover.hpp"

#include "actors/raft/codec.hpp"
#include "storage/lmdb_checkpoint.hpp"
#include "storage/opening.hpp"

#include <algorithm>

namespace troupe::raft {

namespace {

struct opened_data {
  std::unique_ptr<storage::directory> directory;
  std::unique_ptr<storage::wal> log;
  recovered found;
  hard_state state;
  uint64_t last_term = 0;
};

result<opened_data> open(const std::string& path, std::shared_ptr<const storage::sealer> seal) {
  opened_data out;
  auto mark = storage::opening::begin(path, seal);
  if (!mark) return mark.error();
  auto directory = storage::open_posix_directory(path);
  if (!directory) return directory.error();
  out.directory = std::move(*directory);
  auto checkpoint = storage::lmdb_checkpoint::open(path + "/state.mdb", seal);
  if (!checkpoint) return checkpoint.error();
  auto kept = (*checkpoint)->load();
  if (!kept) return kept.error();
  auto take_members = [&](std::string_view bytes) -> result<void> {
    auto read = decode_membership(bytes);
    if (!read) return read.error();
    out.found.before = std::move(*read);
    return {};
  };
  if (!kept->meta.agreement.empty())
    if (auto read = take_members(kept->meta.agreement); !read) return read.error();
  out.found.last_index = kept->meta.position.index;
  out.last_term = kept->meta.position.term;
  auto visit = [&](const storage::log_record& x) -> result<void> {
    if (x.kind == storage::record_kind::hard_state) {
      auto read = decode_hard_state(x.payload);
      if (!read) return read.error();
      out.state = *read;
      return {};
    }
    if (!storage::is_entry(x.kind) || x.index <= kept->meta.position.index) return {};
    out.found.last_index = x.index;
    out.last_term = x.term;
    return x.kind == storage::record_kind::membership ? take_members(x.payload) : result<void>{};
  };
  auto log = storage::wal::open(*out.directory, {}, 1, visit);
  if (!log) return log.error();
  out.log = std::move(*log);
  auto committed = std::max(out.state.commit, kept->meta.position.index);
  out.found.uncommitted = out.found.last_index - std::min(committed, out.found.last_index);
  return out;
}

} // namespace

result<recovered> inspect(const std::string& path, member_id self,
                          std::shared_ptr<const storage::sealer> seal) {
  auto data = open(path, std::move(seal));
  if (!data) return data.error();
  if (!data->found.before.members.contains(self))
    return error{errc::conflict, "server " + std::to_string(self) +
                                     " does not belong to the group in " + path +
                                     ": recover one that does"};
  return data->found;
}

result<recovered> make_only_member(const std::string& path, member_id self,
                                   std::shared_ptr<const storage::sealer> seal) {
  auto data = open(path, std::move(seal));
  if (!data) return data.error();
  auto own = data->found.before.members.find(self);
  if (own == data->found.before.members.end())
    return error{errc::conflict,
                 "server " + std::to_string(self) + " does not belong to the group"};
  membership alone;
  alone.greatest_id = data->found.before.greatest_id;
  alone.members[self] = own->second;
  alone.members[self].voter = true;
  // A term that nobody of the others can have seen: what they still say does not count here.
  constexpr uint64_t terms_skipped = 1'000;
  auto term = std::max(data->state.term, data->last_term) + terms_skipped;
  auto members = encode(alone);
  auto state = encode(hard_state{term, nobody, data->state.commit});
  const storage::log_record records[] = {
      {storage::record_kind::membership, data->found.last_index + 1, term, members},
      {storage::record_kind::hard_state, 0, 0, state}};
  if (auto done = data->log->append(records); !done) return done.error();
  if (auto done = data->log->sync(); !done) return done.error();
  return data->found;
}

} // namespace troupe::raft
