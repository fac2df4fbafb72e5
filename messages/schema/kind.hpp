// The registry of kinds: everything that can be served under a name, built in or custom, in one
// table.
#pragma once

#include "messages/schema/type.hpp"

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace google::protobuf {
class Message;
}

namespace troupe::schema {

struct subresource {
  std::string name;
  std::string kind; ///< of its body: "Pod" or "autoscaling/v1.Scale"
  std::vector<std::string> verbs;
};

/// A column of a table. Custom kinds name the JSONPath of its cells; those of built-in kinds are
/// computed in codec/cells.
struct column {
  std::string name;
  std::string type = "string";
  std::string format;
  std::string path;
  std::string description;
  int priority = 0;
};

/// One version of one kind.
struct kind {
  std::string group; ///< empty for the core group
  std::string version;
  std::string name;      ///< Pod
  std::string list_name; ///< PodList
  std::string plural;    ///< pods
  std::string singular;  ///< pod
  std::vector<std::string> short_names;
  std::vector<std::string> categories;
  std::vector<std::string> verbs;
  std::vector<subresource> subresources;
  bool namespaced = false;
  std::string doc;

  /// The shape of the object. For custom kinds it includes apiVersion, kind and metadata.
  const type* shape = nullptr;
  /// What typed objects are made of; null for custom kinds.
  const google::protobuf::Message* prototype = nullptr;

  // Custom kinds only.
  std::vector<column> columns;
  std::shared_ptr<const void> keeps;   ///< owns `shape`
  std::string stored_version;          ///< the version that objects are stored in
  std::vector<std::string> selectable; ///< JSON paths of further selectable fields
  std::string scale_spec_path, scale_status_path, scale_selector_path;

  bool custom() const { return prototype == nullptr; }
  /// "v1" or "apps/v1".
  std::string api_version() const { return group.empty() ? version : group + "/" + version; }
  /// "pods" or "deployments.apps": the first part of every key in the store, and what messages say.
  std::string group_resource() const { return group.empty() ? plural : plural + "." + group; }
  bool has_verb(std::string_view verb) const;
  const subresource* find_subresource(std::string_view name) const;
};

/// All kinds at one moment: immutable, shared, replaced as a whole when custom kinds come and go.
class registry {
public:
  /// The kinds that are always there.
  static const std::shared_ptr<const registry>& built_in();

  /// The built-in kinds and these.
  static std::shared_ptr<const registry> with(std::vector<kind> custom);

  const kind* by_resource(std::string_view group, std::string_view version,
                          std::string_view plural) const;
  const kind* by_kind(std::string_view api_version, std::string_view kind) const;
  /// By what a person types: plural, singular, short name, kind, "deployments.apps", "deploy".
  const kind* by_word(std::string_view word) const;
  /// The kinds of one group and version.
  std::vector<const kind*> kinds_of(std::string_view group, std::string_view version) const;
  /// Every kind, group by group in the order in which discovery shows them.
  const std::deque<kind>& all() const { return kinds_; }
  /// Group-versions where `kind` lives, for messages to people who named a wrong one.
  std::vector<std::string> homes(std::string_view kind) const;

private:
  void add(kind k);

  std::deque<kind> kinds_;
  std::unordered_map<std::string, const kind*> by_resource_;
  std::unordered_map<std::string, const kind*> by_kind_;
};

/// The Protobuf message of any built-in document, kinds and lists and options alike, or null.
const google::protobuf::Descriptor* find_message(std::string_view api_version,
                                                 std::string_view kind);

/// Splits "apps/v1" into group and version.
struct group_version {
  std::string_view group;
  std::string_view version;
};
group_version split_api_version(std::string_view api_version);

} // namespace troupe::schema
