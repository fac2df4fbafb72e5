// The whole state on its way from a leader to a follower that is too far behind; see replica.hpp.
#include "actors/raft/codec.hpp"
#include "actors/raft/replica.hpp"
#include "messages/base/log.hpp"
#include "storage/backup.hpp"

namespace troupe::raft {

namespace {

constexpr const char* incoming_name = "snapshot-incoming";

} // namespace

storage::checkpoint_meta replica::checkpoint_meta_of(const snapshot_meta& x) {
  storage::checkpoint_meta out;
  out.position = {x.index, x.term};
  out.agreement = encode(x.members);
  return out;
}

/// Hands the wanted piece to the core, from the snapshot under way or a new one.
void replica::send_chunk(const output::wanted_chunk& wanted) {
  if (outgoing_ && !outgoing_->bytes) return; // being made: the follower will be asked again
  // A snapshot is of use while the log still continues from it.
  if (!outgoing_ || outgoing_->meta.index < core_->entries().base_index()) return make_snapshot();
  auto offset = wanted.index == outgoing_->meta.index ? wanted.offset : 0;
  auto& bytes = *outgoing_->bytes;
  if (offset >= bytes.size()) return;
  core_->send_chunk(wanted.to, {outgoing_->meta, offset, bytes.size(),
                                bytes.substr(offset, settings_.chunk_bytes)});
}

/// Writes down the state as it is now, beside everything else. Followers ask again until it is
/// there.
void replica::make_snapshot() {
  outgoing_ = outgoing_snapshot{{applied_, applied_term_, core_->members_at(applied_)}, nullptr};
  auto meta = outgoing_->meta;
  hooks_.background([this, meta, from = live_.current(), alive = std::weak_ptr{alive_}] {
    auto bytes = std::make_shared<std::string>();
    auto done = storage::save_backup(from, {meta.index, meta.term}, settings_.wall_clock_ms(),
                                     settings_.seal.get(), [&](std::string_view x) {
                                       bytes->append(x);
                                       return result<void>{};
                                     });
    hooks_.later([this, bytes, alive, fine = done.has_value()] {
      if (alive.expired() || !outgoing_) return;
      if (fine)
        outgoing_->bytes = bytes;
      else
        outgoing_.reset();
    });
  });
}

/// Keeps one piece in a file; the last one makes it an install. On the disk's thread.
result<void> replica::take_chunk(disk_job& job, const snapshot_chunk& chunk) {
  if (chunk.offset == 0) {
    incoming_.reset();
    (void)directory_.remove(incoming_name);
    auto opened = directory_.open(incoming_name, true);
    if (!opened) return opened.error();
    incoming_ = std::move(*opened);
  }
  if (!incoming_) { // it began before a restart: from the beginning, then
    job.installed_meta = chunk.meta;
    job.install_failed = true;
    return {};
  }
  if (auto done = incoming_->write(chunk.offset, chunk.data); !done) return done;
  if (chunk.offset + chunk.data.size() < chunk.total_bytes) return {};
  return install(job, chunk);
}

/// Checks the whole snapshot, then makes it durable: first the log says where it begins, then the
/// checkpoint is replaced. A crash in between leaves the old state, and its log, in force.
result<void> replica::install(disk_job& job, const snapshot_chunk& last) {
  job.installed_meta = last.meta;
  uint64_t at = 0;
  auto source = [&](size_t size) {
    auto bytes = incoming_->read(at, size);
    if (bytes) at += bytes->size();
    return bytes;
  };
  auto loaded = storage::load_backup(source, settings_.seal.get());
  incoming_.reset();
  (void)directory_.remove(incoming_name);
  if (!loaded || loaded->second.position.index != last.meta.index) {
    log::warn("raft", "a snapshot arrived damaged",
              {{"why", loaded ? "it is another one" : loaded.error().message.c_str()}});
    job.install_failed = true;
    return {};
  }
  std::vector<storage::log_record> base{{record_kind::base, last.meta.index, last.meta.term, {}}};
  if (auto done = log_->append(base); !done) return done;
  if (auto done = log_->sync(); !done) return done;
  if (auto done = checkpoint_->replace(loaded->first, checkpoint_meta_of(last.meta)); !done)
    return done;
  job.installed = std::move(loaded->first);
  return {};
}

} // namespace troupe::raft
