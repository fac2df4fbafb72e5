// What a snapshot tells about an object's surroundings: who owns what, which events are about it,
// where it came from.
#pragma once

#include "actors/gateway/object.hpp"
#include "messages/api/event.pb.h"
#include "messages/schema/kind.hpp"
#include "storage/snapshot.hpp"

#include <google/protobuf/map.h>

#include <string>
#include <vector>

namespace troupe::insight {

class facts {
public:
  using meta = k8s::meta::v1::ObjectMeta;

  facts(const storage::snapshot& now, const schema::registry& kinds, int64_t now_seconds)
      : now_{now}, kinds_{kinds}, now_seconds_{now_seconds} {}

  const schema::kind* kind(std::string_view api_version, std::string_view name) const {
    return kinds_.by_kind(api_version, name);
  }
  gateway::object get(const schema::kind& kind, std::string_view ns, std::string_view name) const;
  bool has(std::string_view api_version, std::string_view kind, std::string_view ns,
           std::string_view name) const;
  /// Objects of `kind` in the owner's namespace that it controls.
  std::vector<gateway::object> owned(const schema::kind& kind, const meta& owner) const;
  /// Pods with these labels.
  std::vector<gateway::object>
  selected(std::string_view ns,
           const google::protobuf::Map<std::string, std::string>& labels) const;
  /// The message of the newest warning about an object, of this reason if one is named.
  std::string last_warning(const meta& about, std::string_view reason = {}) const;
  /// The same for any event.
  std::string last_event(const meta& about) const;
  /// "was changed by kubectl 3m ago"
  std::string origin(const meta& m) const;
  /// "2 pods, 1 widgets.example.com": what is left in a namespace.
  std::string remaining(std::string_view ns) const;
  std::string ago(int64_t seconds) const;

private:
  std::string newest(const meta& about, std::string_view type, std::string_view reason) const;

  const storage::snapshot& now_;
  const schema::registry& kinds_;
  const int64_t now_seconds_;
};

} // namespace troupe::insight
