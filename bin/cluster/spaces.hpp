// Network namespaces with names, as `ip netns` keeps them, and processes that live in them. A
// process is entered into a network and nothing else: it sees the machine's files and control
// groups.
#pragma once

#include "messages/base/error.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace troupe::clusters {

/// An open network namespace.
class space {
public:
  /// Makes it if it is not there.
  static result<space> make(const std::string& name);
  static result<space> open(const std::string& name);
  static void remove(const std::string& name);

  space(space&& other) noexcept;
  space& operator=(space&&) = delete;
  ~space();
  int fd() const { return fd_; }

private:
  explicit space(int fd) : fd_{fd} {}
  int fd_ = -1;
};

/// This program with other arguments, in a session of its own, its words in `log`. `where` null: in
/// the network of this process.
/// `program` empty: this one.
result<int> spawn(const std::vector<std::string>& arguments, const space* where,
                  const std::filesystem::path& log, const std::filesystem::path& program = {});
/// Whether a process of ours has ended by now.
bool ended(int pid);
/// The same, until it has ended; its exit code.
result<int> run(const std::vector<std::string>& arguments, const space* where,
                const std::filesystem::path& log);

/// The process that a file remembers, with the time at which it began: a number alone may be
/// somebody else's by now.
void remember(int pid, const std::filesystem::path& file);
/// 0 if it does not run any more, or has been killed and is about to end.
int remembered(const std::filesystem::path& file);
/// Whether it has ended when `patience` is over: what it held is free then.
bool await_end(const std::filesystem::path& file, std::chrono::milliseconds patience);
/// Asks a process to end, and makes it when `patience` is over.
void end(const std::filesystem::path& file, std::chrono::milliseconds patience);

} // namespace troupe::clusters
