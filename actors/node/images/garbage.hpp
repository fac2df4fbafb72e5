// Which images go when a disk becomes too full: those that no container has needed for the longest
// time, and no more than must go. Pure; somebody else looks at the disk and removes them.
#pragma once

#include "actors/node/images/image.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace troupe::node {

struct image_limits {
  int percent_high = 85;             ///< images go when the disk is fuller than this
  int percent_low = 80;              ///< until it is no fuller than that
  std::chrono::seconds age_min{120}; ///< who knows for what a younger one was pulled
};

struct disk_room {
  uint64_t capacity = 0, available = 0;
};

class image_garbage {
public:
  explicit image_garbage(image_limits limits) : limits_{limits} {}

  /// The ids of images that are to go now. `here`: all images; `needed`: ids of those that
  /// containers have; what was not pulled stays, for nobody could bring it back.
  std::vector<std::string> look(const std::vector<std::shared_ptr<const image>>& here,
                                const std::set<std::string>& needed, const disk_room& disk,
                                std::chrono::seconds now);

private:
  struct use {
    std::chrono::seconds first_seen, last_needed;
  };
  image_limits limits_;
  std::map<std::string, use> uses_; ///< by id, of images that are here
};

} // namespace troupe::node
