// Which threads do not wait until others have had their turn on a busy machine: those whose work
// others wait for, such as the tables that traffic follows. Where the process may not raise a
// thread, all wait alike.
#pragma once

#include <atomic>
#include <sys/types.h>

namespace troupe {

/// From now on the calling thread goes before others.
void go_first();

/// A thread that serves others, which goes first while one of those waits that do.
class lent_haste {
public:
  /// By the thread that serves, before it looks for work.
  void serve_here();
  /// By who has just asked it for something.
  void lend();
  /// By the thread that serves: nothing that was asked is left.
  void give_back();

private:
  std::atomic<pid_t> server_ = 0;
  int usual_ = 0; ///< the serving thread's niceness
  std::atomic<bool> lent_ = false;
};

} // namespace troupe
