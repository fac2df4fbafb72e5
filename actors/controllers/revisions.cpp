#include "actors/controllers/revisions.hpp"

#include "actors/controllers/family.hpp"
#include "actors/controllers/template_hash.hpp"
#include "messages/codec/json_decode.hpp"
#include "messages/codec/json_encode.hpp"

#include <algorithm>

namespace troupe::controllers {

namespace {

// A revision is a patch: applied to its owner, it puts the whole template back.
constexpr std::string_view data_head = R"({"spec":{"template":{"$patch":"replace",)";
constexpr std::string_view data_tail = "}}";
constexpr size_t owner_name_max = 223;

} // namespace

revision_view revision_view::of(storage::entry_ptr entry) {
  k8s::apps::v1::ControllerRevision r;
  r.ParsePartialFromArray(entry->value().data(), static_cast<int>(entry->value().size()));
  revision_view v{
      entry,        entry->key(),  r.metadata().has_deletion_timestamp(), r.metadata().name(),
      r.revision(), r.data().raw()};
  return v;
}

std::string revision_data(const k8s::core::v1::PodTemplateSpec& wanted) {
  auto json = codec::to_json(wanted);
  return std::string(data_head).append(json, 1, json.npos).append(data_tail);
}

k8s::core::v1::PodTemplateSpec template_of(const std::string& data) {
  k8s::core::v1::PodTemplateSpec out;
  auto start = data.find("\"template\":");
  if (start == data.npos || data.size() < start + data_tail.size() + 11) return out;
  auto json = data.substr(start + 11);
  json.resize(json.size() - data_tail.size());
  (void)codec::from_json(json, out); // "$patch" is no field of it and is passed over
  return out;
}

history_plan plan_history(const std::string& owner, const std::string& data, int collisions,
                          const std::vector<const revision_view*>& known) {
  history_plan out;
  const revision_view* same = nullptr;
  int64_t newest = 0;
  for (auto r : known) {
    newest = std::max(newest, r->number);
    if (!r->going && r->data == data && (!same || r->number > same->number)) same = r;
  }
  auto base = owner.substr(0, owner_name_max) + "-";
  if (same) {
    out.current = same->name;
    out.hash = same->name.substr(std::min(base.size(), same->name.size()));
    out.number = same->number;
    if (same->number < newest) {
      out.renumber = same;
      out.number = newest + 1;
    }
    return out;
  }
  out.hash = short_hash(data, collisions);
  out.current = base + out.hash;
  out.number = newest + 1;
  out.create = std::make_unique<k8s::apps::v1::ControllerRevision>();
  out.create->mutable_metadata()->set_name(out.current);
  out.create->mutable_data()->set_raw(data);
  out.create->set_revision(out.number);
  return out;
}

std::vector<const revision_view*> outdated(std::vector<const revision_view*> known,
                                           const std::vector<std::string>& in_use, int limit) {
  std::erase_if(known, [&](auto r) {
    return r->going || std::find(in_use.begin(), in_use.end(), r->name) != in_use.end();
  });
  std::sort(known.begin(), known.end(), [](auto a, auto b) { return a->number < b->number; });
  auto surplus = std::max<int64_t>(static_cast<int64_t>(known.size()) - limit, 0);
  known.resize(static_cast<size_t>(surplus));
  return known;
}

} // namespace troupe::controllers
