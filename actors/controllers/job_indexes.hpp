// Sets of completion indexes as jobs write them: "0-2,5,7". Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace troupe::controllers {

class index_set {
public:
  /// What does not parse, and what is not below `end`, is left out.
  static index_set parse(std::string_view text, int end);

  void add(int index);
  bool contains(int index) const;
  int size() const;
  bool empty() const { return ranges_.empty(); }
  std::string text() const;

private:
  void add(int first, int last);
  std::map<int, int> ranges_; ///< first to last, apart from each other
};

} // namespace troupe::controllers
