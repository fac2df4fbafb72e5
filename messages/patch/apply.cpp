#include "messages/patch/apply.hpp"

#include "messages/base/json.hpp"
#include "messages/base/time.hpp"

#include <algorithm>
#include <optional>
#include <set>

namespace troupe::patch {

namespace {

using schema::form;
using schema::type;

bool merges(const type& t, const json::value& v) { return v.is_object() && !whole(t); }
bool merges_list(const type& t, const json::value& v) {
  return v.is_array() && t.what == form::list && kind_of(t) != list_kind::atomic;
}

void merge(json::value& into, const json::value& wanted, const type& t) {
  if (merges(t, wanted)) {
    if (!into.is_object()) into = json::object{};
    for (auto& [key, v] : wanted.get_object())
      merge(into.get_object()[key], v, member_type(t, key));
    return;
  }
  if (!merges_list(t, wanted)) {
    into = wanted;
    return;
  }
  if (!into.is_array()) into = json::array{};
  auto& list = into.get_array();
  bool keyed = kind_of(t) == list_kind::map;
  json::array out;
  std::set<std::string> named;
  for (auto& e : wanted.get_array()) named.insert(element_key(t, e));
  // Elements of others stay before the stated one that follows them; stated ones stand as stated.
  auto old = std::move(list);
  std::vector<bool> used(old.size());
  size_t next = 0;
  auto flush_others = [&](size_t until) {
    for (; next < until; ++next)
      if (!used[next] && !named.contains(element_key(t, old[next]))) {
        used[next] = true;
        out.push_back(old[next]);
      }
  };
  for (auto& e : wanted.get_array()) {
    auto key = element_key(t, e);
    auto hit =
        std::find_if(old.begin(), old.end(), [&](auto& x) { return element_key(t, x) == key; });
    json::value merged = nullptr;
    if (hit != old.end()) {
      flush_others(static_cast<size_t>(hit - old.begin()));
      merged = *hit;
    } else {
      // A new element comes behind those of others that stand here.
      auto until = next;
      while (until < old.size() && !named.contains(element_key(t, old[until]))) ++until;
      flush_others(until);
    }
    if (keyed)
      merge(merged, e, element_type(t));
    else
      merged = e;
    out.push_back(std::move(merged));
  }
  flush_others(old.size());
  list = std::move(out);
}

/// The set with every named field on the way made a member: whoever owns a.b.c owns a as well, in
/// as far as a is there only for it. Entries of free maps are not named fields.
field_set with_parents(const field_set& set, const type& t) {
  field_set out;
  out.self = set.self;
  for (auto& [key, below] : set.below) {
    bool named = key.starts_with("f:");
    auto& inner = named ? member_type(t, std::string_view(key).substr(2)) : element_type(t);
    auto child = with_parents(below, inner);
    if (named && t.what == form::object && !child.below.empty()) child.self = true;
    out.below.emplace(key, std::move(child));
  }
  return out;
}

void prune(json::value& v, const field_set& gone, const type& t) {
  if (auto members = v.if_object()) {
    for (auto& [key, below] : gone.below) {
      if (!key.starts_with("f:")) continue;
      auto name = std::string_view(key).substr(2);
      auto child = members->if_contains(name);
      if (!child) continue;
      if (below.self)
        members->erase(name);
      else
        prune(*child, below, member_type(t, name));
    }
  } else if (auto elements = v.if_array(); elements && t.what == form::list) {
    for (auto it = elements->begin(); it != elements->end();) {
      auto hit = gone.below.find(element_key(t, *it));
      if (hit == gone.below.end()) {
        ++it;
      } else if (hit->second.self) {
        it = elements->erase(it);
      } else {
        prune(*it, hit->second, element_type(t));
        ++it;
      }
    }
  }
}

error conflicts_error(const std::vector<std::pair<std::string, std::string>>& all) {
  error e{errc::conflict, ""};
  std::set<std::string> who;
  for (auto& [by, field] : all) who.insert(by);
  e.message = "Apply failed with " + std::to_string(all.size()) + " conflict" +
              (all.size() == 1 ? ": conflict with " + all[0].first + ": " + all[0].second : "s: ");
  for (auto& by : who) {
    if (all.size() == 1) break;
    e.message += (by == *who.begin() ? "conflicts with " : "\nconflicts with ") + by + ":";
    for (auto& [owner, field] : all)
      if (owner == by) e.message += "\n- " + field;
  }
  for (auto& [by, field] : all)
    e.details.causes.push_back({"FieldManagerConflict", "conflict with " + by, field});
  return e;
}

std::string describe(const manager& m) {
  auto text = json::write(json::value(m.name));
  if (!m.subresource.empty()) text += " with subresource \"" + m.subresource + "\"";
  if (!m.apply) text += " using " + m.api_version;
  if (!m.apply && m.time_seconds) text += " at " + format_time(m.time_seconds);
  return text;
}

constexpr const char* last_applied = "kubectl.kubernetes.io/last-applied-configuration";

/// What the annotation of the client's own apply says, if it is there.
std::optional<std::string> last_applied_of(const json::value& object) {
  auto found = json::find(object, {"metadata", "annotations", last_applied});
  if (!found || !found->is_string()) return {};
  return std::string(found->get_string());
}

void set_last_applied(json::value& object, const json::value& wanted) {
  auto said = wanted;
  if (auto annotations = json::find(said, {"metadata", "annotations"});
      annotations && annotations->is_object())
    said.get_object()["metadata"].get_object()["annotations"].get_object().erase(last_applied);
  auto& metadata = object.get_object()["metadata"].get_object();
  metadata["annotations"].get_object()[last_applied] = json::value(json::write(said) + "\n");
}

} // namespace

result<void> check_lists(const json::value& value, const type& t) {
  if (merges(t, value)) {
    for (auto& [key, v] : value.get_object())
      if (auto ok = check_lists(v, member_type(t, key)); !ok) return with_context(ok.error(), key);
  } else if (merges_list(t, value)) {
    std::set<std::string> seen;
    for (auto& e : value.get_array()) {
      auto key = element_key(t, e);
      if (!seen.insert(key).second)
        return error{errc::invalid, "the list has two elements with the same key " + key.substr(2)};
      if (auto ok = check_lists(e, element_type(t)); !ok) return ok;
    }
  }
  return {};
}

result<applied> apply(const apply_request& request, const json::value& live,
                      std::vector<manager> managers) {
  auto& t = *request.kind.shape;
  if (auto ok = check_lists(request.wanted, t); !ok) return ok.error();
  auto wanted = without_identity(fields_of(request.wanted, t));
  manager mine{request.manager,     true,  request.kind.api_version(), request.subresource,
               request.now.seconds, wanted};

  field_set last;
  for (auto it = managers.begin(); it != managers.end();) {
    bool me = it->apply && it->name == mine.name && it->subresource == mine.subresource;
    if (me) {
      last = unite(last, it->fields.set());
      if (it->fields.set() == wanted && it->api_version == mine.api_version)
        mine.time_seconds = it->time_seconds;
      it = managers.erase(it);
    } else {
      ++it;
    }
  }

  applied out;
  out.object = live;
  merge(out.object, request.wanted, t);
  field_set others;
  for (auto& m : managers) others = unite(others, m.fields.set());
  auto kept = with_parents(unite(others, wanted), t);
  auto gone = subtract(with_parents(last, t), kept);
  prune(out.object, gone, t);

  auto changed = without_identity(changed_fields(live, out.object, t));
  std::vector<std::pair<std::string, std::string>> conflicts;
  for (auto& m : managers) {
    auto clash = intersect(intersect(m.fields.set(), changed), wanted);
    if (clash.empty()) continue;
    each_path(clash, [&](const std::string& path) { conflicts.emplace_back(describe(m), path); });
    if (request.force) m.fields.take(clash);
  }
  if (!conflicts.empty() && !request.force) return conflicts_error(conflicts);
  auto removed = without_identity(removed_fields(live, out.object, t));
  for (auto& m : managers) m.fields.take(removed);
  managers.push_back(std::move(mine));
  out.managers = std::move(managers);
  return out;
}

result<applied> apply_migrating(apply_request request, const json::value& live,
                                const std::vector<manager>& managers) {
  auto done = apply(request, live, managers);
  auto before = request.manager == "kubectl" ? last_applied_of(live) : std::nullopt;
  if (!before) return done;
  if (!done) {
    // Its own fields of before are no conflicts, whoever is named for them.
    auto said = json::parse(*before);
    if (done.error().code != errc::conflict || !said || !said->is_object()) return done;
    std::set<std::string> own;
    each_path(fields_of(*said, *request.kind.shape),
              [&](const std::string& path) { own.insert(path); });
    for (auto& c : done.error().details.causes)
      if (!own.contains(c.field)) return done;
    request.force = true;
    done = apply(request, live, managers);
  }
  if (done && last_applied_of(done->object)) set_last_applied(done->object, request.wanted);
  return done;
}

} // namespace troupe::patch
