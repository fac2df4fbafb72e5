#include "storage/caretaker.hpp"

#include "messages/base/log.hpp"

namespace troupe::storage {

result<log_position> caretaker::write_checkpoint() {
  auto written = past_.write_checkpoint(wall_clock_ms_());
  if (!written) return written;
  if (auto dropped = log_.drop_through(written->index); !dropped) return dropped.error();
  defragment_when_worth_it();
  return written;
}

void caretaker::defragment_when_worth_it() {
  auto room = kept_->measure();
  if (!room || room->free_bytes <= settings_.free_bytes_max || room->free_bytes <= room->bytes / 2)
    return;
  if (auto done = kept_->defragment(); !done)
    log::warn("storage", "the checkpoint keeps room that it does not use",
              {{"free_bytes", room->free_bytes}, {"why", done.error().message}});
}

result<check_report> caretaker::check(const pacer& pace) {
  auto report = check_and_heal(pace);
  if (!report) return report;
  report->time_ms = wall_clock_ms_();
  std::lock_guard lock{mutex_};
  last_check_ = *report;
  return report;
}

result<check_report> caretaker::check_and_heal(const pacer& pace) {
  auto stopped = [](const error& why) { return why.code != errc::corrupt; };
  check_report out;
  auto note = [&out](const error& why) {
    out.damage += (out.damage.empty() ? "" : "; ") + why.message;
  };
  bool healed = true;
  if (auto sound = kept_->check(pace); !sound) {
    if (stopped(sound.error())) return sound.error();
    note(sound.error());
    auto written = past_.rewrite_checkpoint();
    if (written) written = past_.write_checkpoint(wall_clock_ms_());
    if (!written) note(written.error());
    healed = written.has_value() && kept_->check(pace).has_value();
  }
  if (auto sound = log_.check(pace); !sound) {
    if (stopped(sound.error())) return sound.error();
    note(sound.error());
    // A checkpoint makes what is in closed segments superfluous.
    auto written = write_checkpoint();
    if (!written) note(written.error());
    healed = healed && written.has_value() && log_.check(pace).has_value();
  }
  out.healed = !out.damage.empty() && healed;
  return out;
}

result<care_figures> caretaker::look() {
  auto room = kept_->measure();
  if (!room) return room.error();
  std::lock_guard lock{mutex_};
  return care_figures{*room, log_.segments(), last_check_};
}

} // namespace troupe::storage
