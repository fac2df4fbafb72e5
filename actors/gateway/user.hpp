// Who is asking, as far as authentication found out.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::gateway {

struct user {
  std::string name;
  std::string uid;
  std::vector<std::string> groups;
  std::map<std::string, std::vector<std::string>> extra;

  bool in(std::string_view group) const {
    for (auto& g : groups)
      if (g == group) return true;
    return false;
  }
  bool operator==(const user&) const = default;
};

} // namespace troupe::gateway
