// What people call resources: "po", "deploy/web", "widgets.example.com". Built-in kinds are known
// at once; others are asked for.
#pragma once

#include "bin/verbs/session.hpp"

#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::verbs {

/// One kind as the server serves it.
struct kind_info {
  std::string group, version, name, plural, singular;
  std::vector<std::string> short_names, categories, verbs;
  bool namespaced = false;

  std::string api_version() const { return group.empty() ? version : group + "/" + version; }
  std::string group_resource() const { return group.empty() ? plural : plural + "." + group; }
  /// "deployment.apps", "pod": how results are told.
  std::string told() const { return group.empty() ? singular : singular + "." + group; }
  /// Where its objects are: of one namespace, or of all if `ns` is empty.
  std::string path(std::string_view ns, std::string_view name = {},
                   std::string_view subresource = {}) const;
};

class kind_book {
public:
  explicit kind_book(session& in) : in_{in} {}

  /// By a word; fails with what to do if there is none.
  result<const kind_info*> find(std::string_view word);
  result<const kind_info*> find(std::string_view api_version, std::string_view kind);
  /// Everything that is listed under `category`: all.
  std::vector<const kind_info*> in_category(std::string_view category);
  /// All, with those that are not built in.
  result<const std::deque<kind_info>*> all();

private:
  const kind_info* known(std::string_view word) const;
  result<void> discover();

  session& in_;
  std::deque<kind_info> built_in_, all_;
  bool discovered_ = false;
};

/// One object, or all of a kind if the name is empty.
struct target {
  const kind_info* kind = nullptr;
  std::string ns; ///< empty: it has none, or all are meant
  std::string name;

  std::string path(std::string_view subresource = {}) const {
    return kind->path(ns, name, subresource);
  }
  /// "deployment.apps/web"
  std::string told() const { return kind->told() + "/" + name; }
};

/// What words name: "pods", "pods a b", "pod/a svc/b", "pods,services".
result<std::vector<target>> read_targets(session& s, const std::vector<std::string>& words,
                                         bool all_namespaces = false);
/// Exactly one object; `usual` is the kind of a name that stands alone.
result<target> read_target(session& s, const std::vector<std::string>& words,
                           std::string_view usual = {});
std::string escaped(std::string_view text);

} // namespace troupe::verbs
