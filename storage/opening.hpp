// LMDB trusts the page numbers in its file: reading a damaged one can end the process. A mark lies
// in the data directory while it is loaded; whoever finds one reads everything in a child process
// first.
#pragma once

#include "storage/sealer.hpp"

#include <memory>
#include <string>
#include <utility>

namespace troupe::storage {

class opening {
public:
  /// Marks the directory. If a mark was there, the last load ended its process: errc::corrupt when
  /// a check in a child process ends that as well, or finds damage.
  static result<opening> begin(const std::string& path, std::shared_ptr<const sealer> seal);

  opening(opening&& other) noexcept : mark_{std::exchange(other.mark_, {})} {}
  opening& operator=(opening&&) = delete;
  /// The load has ended, well or not: takes the mark away.
  ~opening();

private:
  explicit opening(std::string mark) : mark_{std::move(mark)} {}

  std::string mark_;
};

} // namespace troupe::storage
