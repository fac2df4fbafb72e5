// Kubeconfigs: one cluster's entries put into a file that has others, and taken out again.
#pragma once

#include "messages/base/error.hpp"

#include <filesystem>
#include <functional>
#include <string>

namespace troupe {

/// `more` (a kubeconfig) put into `whole` (another, or nothing): entries of the same names are
/// replaced, and its context becomes the current one.
result<std::string> merge_kubeconfig(const std::string& whole, const std::string& more);

/// `whole` without the cluster, the user and the context of these names.
result<std::string> without_cluster(const std::string& whole, const std::string& cluster,
                                    const std::string& user);

/// `whole` without the entries of the cluster that `own` speaks of: that of the same name and the
/// same authority. One that merely has its name stays.
result<std::string> without_own(const std::string& whole, const std::string& own);

/// Where kubectl keeps what its user did not name: the first of KUBECONFIG, or ~/.kube/config.
std::filesystem::path users_kubeconfig();

/// Puts `more` into that file, which need not exist.
result<void> merge_into(const std::filesystem::path& file, const std::string& more);

/// Writes the file anew as `change` makes it of what is there; no file is nothing to change.
result<void>
rewrite_kubeconfig(const std::filesystem::path& file,
                   const std::function<result<std::string>(const std::string&)>& change);

} // namespace troupe
