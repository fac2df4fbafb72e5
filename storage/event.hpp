// One change of one object: what watchers hear. Shared by everybody, never copied.
#pragma once

#include "storage/entry.hpp"

#include <boost/smart_ptr/intrusive_ref_counter.hpp>

#include <memory>
#include <mutex>
#include <vector>

namespace troupe::storage {

/// Immutable but for one slot, where the first reader may leave an encoding for all others.
class event : public boost::intrusive_ref_counter<event> {
public:
  enum class kind : uint8_t { put, erase };

  event(kind what, entry_ptr now, entry_ptr before, uint64_t cause)
      : what{what}, now{std::move(now)}, before{std::move(before)}, cause{cause} {}

  uint64_t revision() const { return now->mod_revision(); }
  bool created() const { return what == kind::put && !before; }

  const kind what;
  const entry_ptr now;    ///< for an erase: the object's final state, dated with the erase
  const entry_ptr before; ///< null when the object did not exist
  const uint64_t cause;   ///< id of the message that caused it

  /// What was attached, or null. Any thread.
  std::shared_ptr<const void> attachment() const {
    std::lock_guard lock{attachment_mutex()};
    return attachment_;
  }

  /// Attaches unless somebody was faster; returns what is attached now.
  std::shared_ptr<const void> attach(std::shared_ptr<const void> made) const {
    std::lock_guard lock{attachment_mutex()};
    if (!attachment_) attachment_ = std::move(made);
    return attachment_;
  }

private:
  std::mutex& attachment_mutex() const;

  mutable std::shared_ptr<const void> attachment_;
};

using event_ptr = boost::intrusive_ptr<const event>;

/// One change of one object as the past remembers it.
struct past_change {
  uint64_t revision = 0;
  uint64_t cause = 0;
  uint64_t time_ms = 0;
  entry_ptr after;  ///< null: it was removed
  entry_ptr before; ///< null: it was created
};

} // namespace troupe::storage
