#include "actors/insight/metered.hpp"

namespace troupe::insight {

namespace {

constexpr size_t arrivals_kept = 64; ///< room for so many stays when nothing waits

int64_t second_of(mailbox_meter::clock::time_point at) {
  return std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
}

std::chrono::microseconds between(mailbox_meter::clock::time_point a,
                                  mailbox_meter::clock::time_point b) {
  return std::chrono::duration_cast<std::chrono::microseconds>(b - a);
}

/// The word that a message begins with; nothing of what it carries.
caf::atom_value word_of(const caf::mailbox_element& what) {
  auto& content = what.content();
  if (content.empty() || content.type(0).first != caf::type_nr<caf::atom_value>::value)
    return what.mid.is_response() ? caf::atom("answer") : caf::atom("message");
  return *static_cast<const caf::atom_value*>(content.get(0));
}

} // namespace

void mailbox_meter::arrived() {
  auto now = clock::now();
  std::lock_guard lock{mutex_};
  arrivals_.push_back(now);
}

void mailbox_meter::begins(const caf::mailbox_element& what) {
  auto word = word_of(what);
  std::lock_guard lock{mutex_};
  since_ = clock::now();
  works_ = true;
  word_ = word;
  if (first_ < arrivals_.size()) ++first_; // timers fire without having been sent
  if (first_ == arrivals_.size()) {
    first_ = 0;
    if (arrivals_.capacity() > arrivals_kept)
      arrivals_ = {};
    else
      arrivals_.clear();
  } else if (first_ >= arrivals_kept && first_ * 2 > arrivals_.size()) {
    arrivals_.erase(arrivals_.begin(), arrivals_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

void mailbox_meter::ended(size_t answers_awaited) {
  std::lock_guard lock{mutex_};
  works_ = false;
  answers_awaited_ = answers_awaited;
  ++handled_;
  auto now = second_of(since_);
  auto& slot = seconds_[static_cast<size_t>(now) % seconds_.size()];
  if (slot.when != now) slot = {now, 0};
  ++slot.handled;
}

mailbox_meter::reading mailbox_meter::read() const {
  auto now = clock::now();
  std::lock_guard lock{mutex_};
  reading out;
  out.waiting = arrivals_.size() - first_;
  if (out.waiting > 0) out.oldest_waits = between(arrivals_[first_], now);
  out.handled = handled_;
  uint64_t lately = 0;
  for (auto& s : seconds_) // those that are over
    if (s.when >= second_of(now) - static_cast<int64_t>(seconds_kept) && s.when < second_of(now))
      lately += s.handled;
  out.per_second = static_cast<double>(lately) / seconds_kept;
  if (works_) {
    out.works_on = caf::to_string(word_);
    out.works_for = between(since_, now);
  }
  out.answers_awaited = answers_awaited_;
  return out;
}

} // namespace troupe::insight
