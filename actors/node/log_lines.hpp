// Container logs as they lie on disk, turned into what a reader asked for. Pure.
#pragma once

#include "messages/base/error.hpp"
#include "messages/base/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::node {

struct log_query {
  bool follow = false, previous = false, timestamps = false;
  std::optional<int64_t> tail_lines;
  std::optional<int64_t> limit_bytes;
  std::optional<timestamp> since;
  std::string stream = "All"; ///< "Stdout", "Stderr"
};

/// One line of a log: "TIME stream F|P text".
struct log_record {
  std::string_view time, stream, text;
  bool whole = true;
};
std::optional<log_record> parse_log_line(std::string_view line);

/// Takes in raw bytes of log files in order, gives out what the reader sees.
class log_filter {
public:
  explicit log_filter(log_query asked) : asked_{std::move(asked)} {}
  /// Appends to `out`. False when the reader has all that it may have.
  bool feed(std::string_view raw, std::string& out);

private:
  bool show(std::string_view line, std::string& out);

  log_query asked_;
  std::string rest_;
  int64_t given_ = 0;
  bool in_line_ = false; ///< the last record was the begin of a line
};

/// Where the last `lines` lines begin in `raw`, the end of a file; nothing if there are fewer (then
/// `lines` is lowered by those seen).
std::optional<size_t> tail_begin(std::string_view raw, int64_t& lines);

} // namespace troupe::node
