// Lists in JSON, encoded straight from stored bytes. One that is long goes out piece by piece while
// it is still being written, as fast as its client takes it: it never stands in memory as a whole.
#pragma once

#include "actors/gateway/call.hpp"
#include "actors/gateway/gateway.hpp"

namespace troupe::gateway {

/// A long list never moves in memory: it is made of pieces of this size.
inline constexpr size_t list_piece_bytes = 256u << 10;

/// The items of a list, as text between its brackets.
class json_items {
public:
  explicit json_items(const call& c) : call_{c}, partial_{c.media.what == shape::partial} {}

  void add(const storage::entry& entry);
  /// What has been added since the last time.
  std::string take() { return std::exchange(text_, {}); }
  size_t bytes() const { return text_.size(); }

private:
  const call& call_;
  bool partial_;
  bool any_ = false;
  std::string text_;
};

/// A list up to its first item.
std::string json_list_head(const call& c, uint64_t revision, const std::string& next,
                           int64_t remaining);

/// Whether what the client has asked for can be sent before all of it is known.
bool may_flow(const call& c, const list_options& options);

/// Answers with the list of what stands under `prefix`: at once if it is short.
void flow_list(gateway& g, call_ptr c, storage::snapshot state, list_options options,
               std::string prefix);

} // namespace troupe::gateway
