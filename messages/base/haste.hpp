// Which threads do not wait until others have had their turn on a busy machine: those whose work
// others wait for, such as the tables that traffic follows and the log that all writes go to. Where
// the process may not raise a thread, all wait alike.
#pragma once

#include <cstdint>
#include <mutex>
#include <sys/types.h>

namespace troupe {

/// From now on the calling thread goes before others.
void go_first();

/// The calling thread has short turns from now on: one that has much to do as well as much to wait
/// for is let in sooner when it wakes, and gets no more than others.
void take_short_turns();

/// The haste of one thread that others wait for, as long as there is a reason.
class haste {
public:
  enum reason : uint8_t {
    asked = 1,   ///< one of the threads that go first waits for it: it goes as they do
    writing = 2, ///< all writers wait for it: it is let in at once when the disk is done
  };

  /// Said by the thread that it is of.
  void of_this_thread();
  /// By any thread. What threads that do not go first ask for is no reason.
  void ask();
  void raise(reason why);
  void lower(reason why);

private:
  void settle();

  std::mutex mutex_;
  pid_t thread_ = 0;
  int usual_ = 0; ///< the thread's niceness
  uint8_t reasons_ = 0;
};

} // namespace troupe
