// THE DIRECTORY: which of this process's actors can be addressed from outside, by name, and who
// supervises whom. Any thread.
#pragma once

#include <caf/actor_control_block.hpp>

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

class directory {
public:
  struct row {
    std::string name;       ///< "controller/deployment"
    std::string supervisor; ///< "server"
    bool resyncs = false;   ///< it takes a resync: look at everything again
    caf::weak_actor_ptr who;
  };

  void put(row r) {
    std::lock_guard lock{mutex_};
    rows_[r.name] = r;
  }
  void drop(const std::string& name) {
    std::lock_guard lock{mutex_};
    rows_.erase(name);
  }
  std::optional<row> find(const std::string& name) const {
    std::lock_guard lock{mutex_};
    auto hit = rows_.find(name);
    return hit == rows_.end() ? std::nullopt : std::optional{hit->second};
  }
  std::vector<row> all() const {
    std::lock_guard lock{mutex_};
    std::vector<row> out;
    for (auto& [_, r] : rows_) out.push_back(r);
    return out;
  }

private:
  mutable std::mutex mutex_;
  std::map<std::string, row> rows_;
};

} // namespace troupe
