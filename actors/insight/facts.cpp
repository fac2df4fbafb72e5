#include "actors/insight/facts.hpp"

#include "messages/base/time.hpp"

#include <algorithm>
#include <set>

namespace troupe::insight {

gateway::object facts::get(const schema::kind& kind, std::string_view ns,
                           std::string_view name) const {
  auto entry = now_.get(gateway::key_of(kind, ns, name));
  return entry ? gateway::load(kind, *entry) : nullptr;
}

bool facts::has(std::string_view api_version, std::string_view kind_name, std::string_view ns,
                std::string_view name) const {
  auto k = kind(api_version, kind_name);
  return k && now_.find(gateway::key_of(*k, ns, name));
}

std::vector<gateway::object> facts::owned(const schema::kind& kind, const meta& owner) const {
  std::vector<gateway::object> out;
  for (auto& entry : now_.list(gateway::prefix_of(kind, owner.namespace_()))) {
    // A uid stands in the bytes as it is; only what has it is taken apart.
    if (entry.value().find(owner.uid()) == std::string_view::npos) continue;
    auto object = gateway::load(kind, entry);
    for (auto& o : gateway::meta(*object).owner_references())
      if (o.uid() == owner.uid() && o.controller()) {
        out.push_back(std::move(object));
        break;
      }
  }
  return out;
}

std::vector<gateway::object>
facts::selected(std::string_view ns,
                const google::protobuf::Map<std::string, std::string>& labels) const {
  std::vector<gateway::object> out;
  auto pods = kind("v1", "Pod");
  for (auto& entry : now_.list(gateway::prefix_of(*pods, ns))) {
    bool all = std::all_of(labels.begin(), labels.end(), [&](auto& wanted) {
      auto have = entry.label(wanted.first);
      return have && *have == wanted.second;
    });
    if (all) out.push_back(gateway::load(*pods, entry));
  }
  return out;
}

std::string facts::newest(const meta& about, std::string_view type, std::string_view reason) const {
  auto events = kind("v1", "Event");
  if (!events || about.uid().empty()) return {};
  std::string out;
  int64_t latest = -1;
  for (auto& entry : now_.list(gateway::prefix_of(
           *events, about.namespace_().empty() ? "default" : about.namespace_()))) {
    if (entry.value().find(about.uid()) == std::string_view::npos) continue;
    auto object = gateway::load(*events, entry);
    auto& e = static_cast<const k8s::core::v1::Event&>(*object);
    if (e.involved_object().uid() != about.uid() || (!type.empty() && e.type() != type) ||
        (!reason.empty() && e.reason() != reason))
      continue;
    auto at = std::max({e.last_timestamp().seconds(), e.event_time().seconds(),
                        e.metadata().creation_timestamp().seconds()});
    if (at < latest) continue;
    latest = at;
    out = e.message();
  }
  return out;
}

std::string facts::last_warning(const meta& about, std::string_view reason) const {
  return newest(about, "Warning", reason);
}

std::string facts::last_event(const meta& about) const { return newest(about, {}, {}); }

std::string facts::ago(int64_t seconds) const {
  return format_age(std::chrono::seconds{std::max<int64_t>(0, now_seconds_ - seconds)}) + " ago";
}

std::string facts::origin(const meta& m) const {
  std::string who;
  int64_t latest = 0;
  for (auto& f : m.managed_fields())
    if (f.subresource().empty() && f.time().seconds() >= latest) {
      latest = f.time().seconds();
      who = f.manager();
    }
  for (auto& o : m.owner_references())
    if (o.controller())
      return "was made by " + o.kind() + "/" + o.name() + " " +
             ago(m.creation_timestamp().seconds());
  auto created = m.creation_timestamp().seconds();
  bool changed = latest > created;
  return std::string(changed ? "was changed" : "was created") + (who.empty() ? "" : " by " + who) +
         " " + ago(changed ? latest : created) +
         (m.generation() > 1 ? " (generation " + std::to_string(m.generation()) + ")" : "");
}

std::string facts::remaining(std::string_view ns) const {
  std::string out;
  std::set<std::string> seen;
  for (auto& k : kinds_.all()) {
    if (!k.namespaced || k.name == "Event" || !seen.insert(k.group_resource()).second) continue;
    if (auto n = now_.count(gateway::prefix_of(k, ns)))
      out += (out.empty() ? "" : ", ") + std::to_string(n) + " " + k.group_resource();
  }
  return out;
}

} // namespace troupe::insight
