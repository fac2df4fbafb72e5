// A whole cluster on this machine: every member a process in a network namespace of its own, all on
// one bridge. Made, started, stopped and taken away; every step is harmless to repeat.
#pragma once

#include "bin/cluster/plan.hpp"

#include <functional>
#include <set>

namespace troupe::clusters {

class cluster {
public:
  cluster(book b, places at) : book_{std::move(b)}, at_{std::move(at)} {}

  /// Keys, credentials of every member, and the book itself.
  result<void> prepare();
  /// Puts image archives where every agent takes them in.
  result<void> take_images(const std::vector<std::string>& files) const;
  /// Namespaces, links, processes: whatever is not there.
  result<void> start();
  /// Waits until all servers agree and all agents are ready; `tell` hears what is reached.
  result<void> wait_until_ready(const std::function<void(const std::string&)>& tell);
  /// Ends all processes and all pods, and takes the network away; what is stored stays.
  void stop();
  /// Nothing is left.
  result<void> remove();

  const book& described() const { return book_; }
  size_t running() const;
  size_t processes() const;
  std::filesystem::path kubeconfig() const { return at_.of(book_) / "kubeconfig"; }

private:
  std::filesystem::path pid_file(const std::string& name) const;
  std::filesystem::path log_file(const std::string& name) const;
  result<void> make_network() const;
  result<void> connect(const member& m) const;
  result<void> keep_running(const std::string& name, const std::function<result<int>()>& spawned);
  result<void> start_member(const member& m);
  result<void> start_relay();
  result<void> start_all();
  void clear_agents(const char* command) const;
  void remove_network() const;

  book book_;
  places at_;
  std::set<std::string> begun_; ///< what was started here
};

/// The clusters of this machine.
std::vector<book> all_books(const places& at);
result<book> find_book(const places& at, const std::string& name);

} // namespace troupe::clusters
