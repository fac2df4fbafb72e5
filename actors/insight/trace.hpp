// TRACE: what passes from actor to actor about an object, told while somebody listens. Those who
// send or hear say so here; while nobody listens that is one look at a number. One for the process,
// as the log is.
#pragma once

#include "storage/event.hpp"
#include "storage/transaction.hpp"

#include <atomic>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace troupe::trace {

/// One message as it passes. It says about which object, never what is in it.
struct passage {
  std::string from, to;    ///< names of the directory: "controller/deployment", "store"
  std::string verb;        ///< "changes"
  std::string_view key;    ///< the object's, as it is stored: "pods/default/web-1"
  std::string detail = {}; ///< "r120", "spec.nodeName=one"
  const storage::entry* object = nullptr; ///< as the message has it; valid during the call
};

namespace detail {
extern std::atomic<size_t> listeners;
}

/// Whether anybody listens.
inline bool on() { return detail::listeners.load(std::memory_order_relaxed) > 0; }

/// Tells all who listen, on this thread.
void pass(const passage& what);
/// The store has told an actor of these changes.
void heard(const std::string& who, std::span<const storage::event_ptr> events);
/// An actor has asked the store for this change; `now` is what it finds there.
void commits(const std::string& who, const storage::transaction& change,
             const std::function<const storage::entry*(std::string_view key)>& now);

/// What a selector could ask of both and find changed: "status.phase=Running". Contents are no part
/// of it. Pure.
std::string difference(const storage::entry* before, const storage::entry& after);

/// Listens for as long as it lives. It is called on any thread, one passage at a time, may not
/// block and may pass nothing on itself.
class listener {
public:
  listener(uint64_t id, std::function<void(const passage&)> hear);
  ~listener();
  listener(const listener&) = delete;

private:
  uint64_t id_;
};

/// Whether a listener with this id is in this process.
bool listens(uint64_t id);

} // namespace troupe::trace
