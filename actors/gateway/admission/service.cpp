// Services get cluster addresses and node ports that nobody else has: each is an entry of its own
// in the store, taken in the same transaction that stores the service.
#include "actors/gateway/admission/service_range.hpp"

#include "actors/gateway/fields.hpp"
#include "actors/gateway/write.hpp"
#include "messages/api/network_address.pb.h"
#include "messages/api/service.pb.h"

#include <arpa/inet.h>

#include <map>
#include <set>

namespace troupe::gateway {

namespace {

using k8s::core::v1::Service;

constexpr int node_port_first = 30000, node_port_last = 32767;
constexpr int tries_max = 64;

std::string text_of(uint32_t address) {
  in_addr a{htonl(address)};
  char out[INET_ADDRSTRLEN];
  return inet_ntop(AF_INET, &a, out, sizeof out);
}

std::optional<uint32_t> read_address(const std::string& text) {
  in_addr a{};
  if (inet_pton(AF_INET, text.c_str(), &a) != 1) return {};
  return ntohl(a.s_addr);
}

bool wants_address(const Service& s) { return s.spec().type() != "ExternalName"; }
bool wants_ports(const Service& s) {
  return s.spec().type() == "NodePort" ||
         (s.spec().type() == "LoadBalancer" && (!s.spec().has_allocate_load_balancer_node_ports() ||
                                                s.spec().allocate_load_balancer_node_ports()));
}

const schema::kind& addresses(const admission_request& r) {
  return *r.c.kinds->by_resource("networking.k8s.io", "v1", "ipaddresses");
}

/// Makes an IPAddress object that says whose the address is; it can be made once only.
void take_address(const admission_request& r, const Service& s, const std::string& ip) {
  k8s::networking::v1::IPAddress a;
  auto& m = *a.mutable_metadata();
  m.set_name(ip);
  begin_life(r.g.given.random, a, {s.metadata().creation_timestamp().seconds(), 0});
  (*m.mutable_labels())["ipaddress.kubernetes.io/ip-family"] = "IPv4";
  (*m.mutable_labels())["ipaddress.kubernetes.io/managed-by"] = "ipallocator.k8s.io";
  auto& ref = *a.mutable_spec()->mutable_parent_ref();
  ref.set_resource("services");
  ref.set_namespace_(s.metadata().namespace_());
  ref.set_name(s.metadata().name());
  auto key = key_of(addresses(r), {}, ip);
  r.tx.require_absent(key);
  r.tx.put(key, stored_form(addresses(r), a), index_of(addresses(r), a));
}

std::string port_key(int port) { return "nodeports.troupe//" + std::to_string(port); }

error field_error(const admission_request& r, const char* field, const std::string& value,
                  const std::string& why) {
  return invalid(*r.c.kind, meta(r.object).name(),
                 {{"FieldValueInvalid", "Invalid value: " + value + ": " + why, field}});
}

result<void> choose_address(const admission_request& r, Service& s) {
  auto& spec = *s.mutable_spec();
  if (spec.cluster_ip() == "None") return {};
  auto ranges = ready_ranges(r);
  auto taken = [&](const std::string& ip) { return r.now.find(key_of(addresses(r), {}, ip)); };
  if (!spec.cluster_ip().empty()) {
    auto address = read_address(spec.cluster_ip());
    if (!address) return {}; // validation says that it is no address
    auto refuse = [&](const std::string& why) {
      return field_error(r, "spec.clusterIPs", "[\"" + spec.cluster_ip() + "\"]",
                         "failed to allocate IP " + spec.cluster_ip() + ": " + why);
    };
    auto range =
        std::find_if(ranges.begin(), ranges.end(), [&](auto& x) { return x.holds(*address); });
    if (range == ranges.end())
      return refuse("the provided network does not match the current range");
    if (!range->gives(*address))
      return refuse("the provided IP (" + spec.cluster_ip() +
                    ") is not in the valid range. The range of valid IPs is " + range->text);
    if (!r.dry_run && taken(spec.cluster_ip())) return refuse("provided IP is already allocated");
  } else {
    auto free = free_address(ranges, r.g.given.random,
                             [&](uint32_t address) { return taken(text_of(address)); });
    if (!free) return error{errc::internal, "failed to allocate a serviceIP: range is full"};
    spec.set_cluster_ip(text_of(free));
  }
  take_address(r, s, spec.cluster_ip());
  return {};
}

/// Ports that this service had before; they are its own already.
std::set<int> ports_of(const Service* s) {
  std::set<int> out;
  if (s)
    for (auto& p : s->spec().ports())
      if (p.node_port() > 0) out.insert(p.node_port());
  return out;
}

/// A port of the same name keeps its number, unless another one has it now.
template<class Ports> void keep_ports(Ports& ports, const Service& old) {
  std::map<std::string_view, int> known;
  for (auto& q : old.spec().ports()) known[q.name()] = q.node_port();
  std::set<int> used;
  for (auto& p : ports)
    if (p.node_port() > 0) used.insert(p.node_port());
  for (auto& p : ports)
    if (auto had = known.find(p.name()); p.node_port() == 0 && had != known.end() &&
                                         had->second > 0 && used.insert(had->second).second)
      p.set_node_port(had->second);
}

result<void> choose_ports(const admission_request& r, Service& s, const Service* old) {
  auto had = ports_of(old);
  std::set<int> mine;
  auto& ports = *s.mutable_spec()->mutable_ports();
  if (old) keep_ports(ports, *old);
  int i = 0;
  for (auto& p : ports) {
    auto field = "spec.ports[" + std::to_string(i++) + "].nodePort";
    if (p.node_port() == 0) {
      for (int n = 0; n < tries_max && p.node_port() == 0; ++n) {
        auto candidate = node_port_first + static_cast<int>(r.g.given.random() %
                                                            (node_port_last - node_port_first + 1));
        if (!mine.contains(candidate) && !r.now.find(port_key(candidate)))
          p.set_node_port(candidate);
      }
      if (p.node_port() == 0) return error{errc::internal, "the range of node ports is full"};
    } else if (p.node_port() < node_port_first || p.node_port() > node_port_last) {
      return invalid(*r.c.kind, s.metadata().name(),
                     {{"FieldValueInvalid",
                       "Invalid value: " + std::to_string(p.node_port()) +
                           ": provided port is not in the valid range. The range of valid ports is "
                           "30000-32767",
                       field}});
    } else if (!had.contains(p.node_port()) && !mine.contains(p.node_port()) &&
               r.now.find(port_key(p.node_port()))) {
      return invalid(*r.c.kind, s.metadata().name(),
                     {{"FieldValueInvalid",
                       "Invalid value: " + std::to_string(p.node_port()) +
                           ": provided port is already allocated",
                       field}});
    }
    if (mine.insert(p.node_port()).second && !had.contains(p.node_port())) {
      r.tx.require_absent(port_key(p.node_port()));
      r.tx.put(port_key(p.node_port()), s.metadata().namespace_() + "/" + s.metadata().name());
    }
  }
  for (auto port : had)
    if (!mine.contains(port) && r.now.find(port_key(port))) r.tx.erase(port_key(port));
  return {};
}

void drop_ports(const admission_request& r, Service& s, const Service* old) {
  auto had = ports_of(old);
  for (auto& p : *s.mutable_spec()->mutable_ports())
    if (old && had.contains(p.node_port())) p.clear_node_port();
  for (auto port : had)
    if (r.now.find(port_key(port))) r.tx.erase(port_key(port));
}

/// A service that only names what stands elsewhere: any address may be behind it.
bool names_only(const Service& s) {
  return s.spec().cluster_ip() == "None" && s.spec().selector().empty();
}

template<class List> bool same_texts(const List& a, const List& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

/// Who knows only the one address, or changes it alone, means the list of them, too.
void settle_lists(Service& s, const Service* old) {
  auto& spec = *s.mutable_spec();
  auto& list = *spec.mutable_cluster_ips();
  auto follow = [&] {
    list.Clear();
    if (!spec.cluster_ip().empty()) *list.Add() = spec.cluster_ip();
  };
  if (!old) {
    if (list.empty()) follow();
    return;
  }
  auto& before = old->spec();
  bool same = spec.cluster_ip() == before.cluster_ip();
  if (same && list.empty()) list = before.cluster_ips();
  if (!same && same_texts(list, before.cluster_ips())) follow();
  if (!wants_address(s) || !wants_address(*old)) return;
  if (spec.cluster_ip().empty()) spec.set_cluster_ip(before.cluster_ip());
  if (list.empty() && spec.cluster_ip() == before.cluster_ip()) list = before.cluster_ips();
}

/// Whether the address and the list say the same, of one family each; validation tells if not.
bool lists_agree(const Service& s) {
  auto& list = s.spec().cluster_ips();
  auto v6 = [&](int i) { return list[i].find(':') != std::string::npos; };
  if (list.size() > 2 || (list.size() == 2 && v6(0) == v6(1))) return false;
  return list.empty() ? s.spec().cluster_ip().empty() : list[0] == s.spec().cluster_ip();
}

/// The families of addresses that a service asks for, told if it does not tell them itself. Those
/// that are given out here are of the fourth version.
result<void> settle_families(const admission_request& r, Service& s, const Service* old) {
  auto& spec = *s.mutable_spec();
  if (!spec.has_ip_family_policy())
    spec.set_ip_family_policy(old && old->spec().has_ip_family_policy()
                                  ? old->spec().ip_family_policy()
                              : names_only(s) ? "RequireDualStack"
                                              : "SingleStack");
  bool single = spec.ip_family_policy() == "SingleStack";
  auto& families = *spec.mutable_ip_families();
  auto before = old ? old->spec().ip_families_size() : 0;
  auto fault = [&](const char* why) {
    return field_error(r, "spec.ipFamilyPolicy", "\"" + spec.ip_family_policy() + "\"", why);
  };
  if (single && before > 1 && families.size() == before &&
      std::equal(families.begin(), families.end(), old->spec().ip_families().begin()))
    families.DeleteSubrange(1, before - 1);
  if (!single && !families.empty() && families.size() < before)
    return fault("must be 'SingleStack' to release the secondary IP family");
  if (single && spec.cluster_ips_size() == 2)
    return fault("must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are "
                 "specified");
  if (single && families.size() == 2)
    return fault("must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are "
                 "specified");
  if (names_only(s)) {
    if (spec.ip_families().empty()) spec.add_ip_families("IPv4");
    if (spec.ip_families_size() < 2 && !single)
      spec.add_ip_families(spec.ip_families(0) == "IPv4" ? "IPv6" : "IPv4");
    return {};
  }
  std::vector<cause> causes;
  for (int i = spec.ip_families_size(); i < spec.cluster_ips_size(); ++i)
    if (spec.cluster_ips(i).find(':') != std::string::npos)
      causes.push_back(
          {"FieldValueInvalid",
           "Invalid value: [\"" + spec.cluster_ips(0) + "\"" +
               (spec.cluster_ips_size() > 1 ? ",\"" + spec.cluster_ips(1) + "\"" : "") +
               "]: IPv6 is not configured on this cluster",
           "spec.clusterIPs[" + std::to_string(i) + "]"});
  if (!causes.empty()) return invalid(*r.c.kind, s.metadata().name(), std::move(causes));
  if (spec.ip_family_policy() == "RequireDualStack")
    causes.push_back({"FieldValueInvalid",
                      "Invalid value: \"RequireDualStack\": this cluster is not configured for "
                      "dual-stack services",
                      "spec.ipFamilyPolicy"});
  for (int i = 0; i < spec.ip_families_size(); ++i)
    if (spec.ip_families(i) == "IPv6")
      causes.push_back({"FieldValueInvalid",
                        "Invalid value: \"IPv6\": not configured on this cluster",
                        "spec.ipFamilies[" + std::to_string(i) + "]"});
  if (!causes.empty()) return invalid(*r.c.kind, s.metadata().name(), std::move(causes));
  if (spec.ip_families().empty()) spec.add_ip_families("IPv4");
  return {};
}

} // namespace

void release_service(const storage::snapshot& now, const schema::registry& kinds, const Service& s,
                     storage::transaction& tx) {
  auto key = key_of(*kinds.by_resource("networking.k8s.io", "v1", "ipaddresses"), {},
                    s.spec().cluster_ip());
  if (!s.spec().cluster_ip().empty() && now.find(key)) tx.erase(key);
  for (auto port : ports_of(&s))
    if (now.find(port_key(port))) tx.erase(port_key(port));
}

result<void> admit_service(const admission_request& r) {
  auto s = as<Service>(r);
  if (!s || (r.c.sub && r.c.sub->name == "status")) return {};
  auto old = r.old ? old_as<Service>(r) : nullptr;
  auto& spec = *s->mutable_spec();
  // What only other types may have goes with the type, if the client left it as it was.
  bool external =
      spec.type() == "NodePort" || spec.type() == "LoadBalancer" || !spec.external_ips().empty();
  if (old && !external && spec.external_traffic_policy() == old->spec().external_traffic_policy())
    spec.clear_external_traffic_policy();
  if (old && spec.type() != "LoadBalancer" &&
      spec.has_allocate_load_balancer_node_ports() ==
          old->spec().has_allocate_load_balancer_node_ports())
    spec.clear_allocate_load_balancer_node_ports();
  settle_lists(*s, old);
  if (wants_address(*s) && !lists_agree(*s)) return {};
  bool had = old && wants_address(*old) && !old->spec().cluster_ip().empty() &&
             old->spec().cluster_ip() != "None";
  if (wants_address(*s))
    if (auto ok = settle_families(r, *s, old); !ok) return ok;
  if (wants_address(*s) && !had) {
    if (auto ok = choose_address(r, *s); !ok) return ok;
  } else if (!wants_address(*s)) {
    if (had) {
      auto key = key_of(addresses(r), {}, old->spec().cluster_ip());
      if (r.now.find(key)) r.tx.erase(key);
      spec.clear_cluster_ip();
    }
    spec.clear_cluster_ips();
    spec.clear_ip_families();
    spec.clear_ip_family_policy();
  }
  if (wants_address(*s) && spec.cluster_ips().empty() && !spec.cluster_ip().empty())
    spec.add_cluster_ips(spec.cluster_ip());
  if (wants_ports(*s)) {
    if (auto ok = choose_ports(r, *s, old); !ok) return ok;
  } else {
    drop_ports(r, *s, old);
  }
  if (spec.type() == "LoadBalancer" && spec.external_traffic_policy() == "Local" &&
      spec.health_check_node_port() == 0)
    spec.set_health_check_node_port(old && old->spec().health_check_node_port()
                                        ? old->spec().health_check_node_port()
                                        : node_port_first +
                                              static_cast<int>(r.g.given.random() % 2768));
  return {};
}

} // namespace troupe::gateway
