#include "actors/service/own_slices.hpp"

namespace troupe::service {

using controllers::built_in, controllers::round;

namespace {

constexpr const char* service_label = "kubernetes.io/service-name";
constexpr const char* manager_label = "endpointslice.kubernetes.io/managed-by";

} // namespace

const schema::kind& service_kind() {
  static auto& kind = built_in("", "v1", "services");
  return kind;
}
const schema::kind& endpoints_kind() {
  static auto& kind = built_in("", "v1", "endpoints");
  return kind;
}
const schema::kind& slice_kind() {
  static auto& kind = built_in("discovery.k8s.io", "v1", "endpointslices");
  return kind;
}

bool chooses_pods(const k8s::core::v1::Service& service) {
  return !service.spec().selector().empty() && service.spec().type() != "ExternalName";
}

std::string own_slices::service_of(const storage::entry& slice) const {
  auto service = slice.label(service_label).value_or("");
  if (service.empty() || slice.label(manager_label) != manager_) return {};
  return gateway::key_of(service_kind(), gateway::split_key(slice.key()).ns, service);
}

void own_slices::hear(const storage::entry& slice, bool gone) {
  auto service = gone ? std::string{} : service_of(slice);
  auto& owner = owners_[std::string(slice.key())];
  auto before = std::exchange(owner, service);
  if (service.empty()) owners_.erase(std::string(slice.key()));
  if (!before.empty() && before != service) change(before, slice, true);
  if (!service.empty()) change(service, slice, false);
}

void own_slices::change(const std::string& service, const storage::entry& slice, bool leaves) {
  auto& s = services_[service];
  std::string key(slice.key());
  auto written = s.unheard.find(key);
  bool foreign = written == s.unheard.end() ||
                 written->second != (leaves ? std::string_view{} : slice.value());
  if (!foreign) s.unheard.erase(written);
  if (leaves) {
    s.map.drop(key);
  } else {
    s.map.note(key, slice.value());
  }
  concerns_(service, foreign);
  if (s.map.all().empty() && s.unheard.empty()) services_.erase(service);
}

void own_slices::clear() {
  services_.clear();
  owners_.clear();
}

const slice_map& own_slices::of(const std::string& service) const {
  static const slice_map none;
  auto hit = services_.find(service);
  return hit == services_.end() ? none : hit->second.map;
}

k8s::meta::v1::ObjectMeta own_slices::head(const std::string& ns, const std::string& service,
                                           const labels& more) const {
  k8s::meta::v1::ObjectMeta head;
  head.set_generate_name(service + "-");
  head.set_namespace_(ns);
  auto& all = *head.mutable_labels();
  for (auto& [k, v] : more) all[k] = v;
  all[service_label] = service;
  all[manager_label] = manager_;
  return head;
}

void own_slices::write(round& r, std::vector<endpoint_group> wanted,
                       const k8s::meta::v1::ObjectMeta& head, const std::set<std::string>* some) {
  auto& s = services_[r.key];
  bool stale = false;
  auto read = [&](const std::string& key) {
    auto entry = r.now.find(key);
    stale = stale || !entry;
    return entry ? entry->value() : std::string_view{};
  };
  auto actions = plan(std::move(wanted), s.map, read, head, some);
  // Somebody has removed a slice: that will be heard, and planned for.
  if (stale) return r.fail({errc::conflict, "a slice of the service has just been removed"});
  auto note = [&](const std::string& key, bool stays) {
    if (auto entry = r.write.written(key)) s.unheard[key] = stays ? entry->value() : "";
  };
  auto stamp = [&](EndpointSlice& slice) {
    (*slice.mutable_metadata()->mutable_annotations())[trigger_annotation] =
        format_time(r.at.seconds);
  };
  for (auto& action : actions) {
    r.send(); // each slice by itself, so that none waits for the others
    result<void> done;
    if (auto a = std::get_if<create_slice>(&action)) {
      stamp(a->slice);
      auto made =
          r.write.create(slice_kind(), std::make_unique<EndpointSlice>(std::move(a->slice)));
      if (made)
        note(std::string((*made)->key()), true);
      else
        done = made.error();
    } else if (auto a = std::get_if<update_slice>(&action)) {
      stamp(a->slice);
      done = r.write.update_but_for(
          slice_kind(), *r.now.find(a->key), std::make_unique<EndpointSlice>(std::move(a->slice)),
          {EndpointSlice::kEndpointsFieldNumber, std::move(a->endpoints)});
      note(a->key, true);
    } else {
      auto& key = std::get<delete_slice>(action).key;
      done = r.write.remove(slice_kind(), *r.now.find(key));
      note(key, false);
    }
    if (!done) r.fail(done.error());
  }
}

bool own_slices::heard_all(const std::string& service) {
  auto hit = services_.find(service);
  if (hit == services_.end()) return true;
  bool all = hit->second.unheard.empty();
  hit->second.unheard.clear();
  return all;
}

} // namespace troupe::service
