// Kubeconfigs: one cluster's entries put into a file that has others, and taken out again. Pure.
#pragma once

#include "messages/base/error.hpp"

#include <string>

namespace troupe::clusters {

/// `more` (a kubeconfig) put into `whole` (another, or nothing): entries of the same names are
/// replaced, and its context becomes the current one.
result<std::string> merge_kubeconfig(const std::string& whole, const std::string& more);

/// `whole` without the cluster, the user and the context of these names.
result<std::string> without_cluster(const std::string& whole, const std::string& cluster,
                                    const std::string& user);

} // namespace troupe::clusters
