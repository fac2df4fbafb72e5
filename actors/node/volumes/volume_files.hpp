// The contents of volumes that are made from objects: config maps, secrets, the downward API,
// tokens, and projections of them together. Pure, but for looking at what the servers have told.
#pragma once

#include "actors/node/downward.hpp"
#include "actors/node/facts.hpp"

#include <map>
#include <set>

namespace troupe::node {

struct volume_file {
  std::string bytes;
  uint32_t mode = 0644;

  bool operator==(const volume_file&) const = default;
};
/// By path below the volume.
using volume_files = std::map<std::string, volume_file>;

/// A token that a projection wants.
struct token_request {
  std::string audience; ///< empty: the API server's own
  int64_t seconds = 3600;

  auto operator<=>(const token_request&) const = default;
};
struct token_held {
  std::string token;
  int64_t refresh_at = 0, expires_at = 0; ///< seconds since 1970
};
using token_book = std::map<token_request, token_held>;

/// Every token that the pod's volumes want.
std::set<token_request> tokens_of(const k8s::core::v1::Pod& pod);
/// Renewed when four fifths of its life are over, and when it is a day old.
int64_t refresh_time(int64_t issued_at, int64_t expires_at);

/// Whether the volume's contents are made here.
bool is_made_of_objects(const k8s::core::v1::Volume& volume);

/// The volume's files. Fails, naming what is missing; unavailable while a token has not come.
result<volume_files> files_of(const k8s::core::v1::Pod& pod, const k8s::core::v1::Volume& volume,
                              const facts& told, const node_view& node, const token_book& tokens);

} // namespace troupe::node
