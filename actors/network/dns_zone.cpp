#include "actors/network/dns_zone.hpp"

#include "messages/base/address.hpp"

#include <algorithm>

namespace troupe::network_of_pods {

namespace {

using k8s::core::v1::Service;
using k8s::discovery::v1::Endpoint;
using k8s::discovery::v1::EndpointSlice;

constexpr uint32_t ttl_seconds = 5;
constexpr int aliases_max = 8; // a chain longer than that is a circle

std::string lower(std::string text) {
  for (auto& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

dns::record address_record(const dns::name& name, const address& ip) {
  dns::record out{name, ttl_seconds, {}};
  if (ip.v6)
    out.data = dns::record::aaaa{ip.bytes};
  else
    out.data = dns::record::a{{ip.bytes[0], ip.bytes[1], ip.bytes[2], ip.bytes[3]}};
  return out;
}

dns::record name_record(const dns::name& name, dns::type kind, const dns::name& target) {
  return {name, ttl_seconds, dns::record::name_data{kind, target}};
}

/// "5.0.244.10.in-addr.arpa", or the nibbles of ip6.arpa.
dns::name reverse(const address& ip) {
  std::string out;
  if (!ip.v6) {
    for (int i = 3; i >= 0; --i) out += std::to_string(ip.bytes[i]) + ".";
    return out + "in-addr.arpa";
  }
  constexpr char digits[] = "0123456789abcdef";
  for (int i = 15; i >= 0; --i) {
    out.push_back(digits[ip.bytes[i] & 15]);
    out.push_back('.');
    out.push_back(digits[ip.bytes[i] >> 4]);
    out.push_back('.');
  }
  return out + "ip6.arpa";
}

/// "10-244-0-5".
std::string dashed(const address& ip) {
  auto out = ip.text();
  std::replace(out.begin(), out.end(), ip.v6 ? ':' : '.', '-');
  return out;
}

dns::type type_of(const dns::record& r) {
  if (auto name = std::get_if<dns::record::name_data>(&r.data)) return name->kind;
  switch (r.data.index()) {
  case 0: return dns::type::a;
  case 1: return dns::type::aaaa;
  case 2: return dns::type::srv;
  case 3: return dns::type::soa;
  default: return dns::type::txt;
  }
}

bool shown(const Endpoint& e, const Service& service) {
  return !e.conditions().has_ready() || e.conditions().ready() ||
         service.spec().publish_not_ready_addresses();
}

} // namespace

dns_zone::dns_zone(std::string domain) : domain_{lower(std::move(domain))} {
  add("", {"dns-version." + domain_, ttl_seconds, dns::record::txt{"1.1.0"}});
  // These exist even before there is any service.
  for (auto& name : {"svc." + domain_, "pod." + domain_}) count_parents("x." + name, 1);
}

void dns_zone::put(const std::string& key, const Service* service,
                   const std::vector<const EndpointSlice*>& slices) {
  remove_all_of(key);
  ++serial_;
  if (!service) return;
  auto& spec = service->spec();
  auto own = lower(service->metadata().name() + "." + service->metadata().namespace_() + ".svc." +
                   domain_);
  auto port_name = [&](const std::string& port, const std::string& protocol) {
    return lower("_" + port + "._" + (protocol.empty() ? "tcp" : protocol) + "." + own);
  };
  if (spec.type() == "ExternalName") {
    if (auto target = dns::read_name(spec.external_name()))
      add(key, name_record(own, dns::type::cname, *target));
    return;
  }
  if (!spec.cluster_ip().empty() && spec.cluster_ip() != "None") {
    auto ips = std::vector<std::string>(spec.cluster_ips().begin(), spec.cluster_ips().end());
    if (ips.empty()) ips.push_back(spec.cluster_ip());
    for (auto& text : ips)
      if (auto ip = address::parse(text)) {
        add(key, address_record(own, *ip));
        add(key, name_record(reverse(*ip), dns::type::ptr, own));
      }
    for (auto& p : spec.ports())
      if (!p.name().empty())
        add(key, {port_name(p.name(), p.protocol()), ttl_seconds,
                  dns::srv{0, 100, static_cast<uint16_t>(p.port()), own}});
    return;
  }
  for (auto slice : slices)
    for (auto& e : slice->endpoints()) {
      if (!shown(e, *service)) continue;
      for (auto& text : e.addresses()) {
        auto ip = address::parse(text);
        if (!ip) continue;
        auto one = lower(e.hostname().empty() ? dashed(*ip) : e.hostname()) + "." + own;
        add(key, address_record(own, *ip));
        add(key, address_record(one, *ip));
        add(key, name_record(reverse(*ip), dns::type::ptr, one));
        for (auto& p : slice->ports())
          if (!p.name().empty())
            add(key, {port_name(p.name(), p.protocol()), ttl_seconds,
                      dns::srv{0, 100, static_cast<uint16_t>(p.port()), one}});
      }
    }
}

void dns_zone::add(const std::string& owner, dns::record what) {
  auto name = what.name;
  auto& held = names_[name];
  if (held.records.empty()) count_parents(name, 1);
  held.records.push_back(std::move(what));
  auto& own = of_owner_[owner];
  if (own.empty() || own.back() != name) own.push_back(name);
}

void dns_zone::remove_all_of(const std::string& owner) {
  auto own = of_owner_.extract(owner);
  if (!own) return;
  std::sort(own.mapped().begin(), own.mapped().end());
  own.mapped().erase(std::unique(own.mapped().begin(), own.mapped().end()), own.mapped().end());
  for (auto& name : own.mapped()) {
    auto held = names_.find(name);
    if (held == names_.end()) continue;
    // A name has one owner but for reverse ones, which its other owner puts in again when it
    // changes next.
    held->second.records.clear();
    count_parents(name, -1);
    if (auto h = names_.find(name); h != names_.end() && h->second.below == 0) names_.erase(h);
  }
}

void dns_zone::count_parents(const dns::name& name, int by) {
  for (auto dot = name.find('.'); dot != name.npos; dot = name.find('.', dot + 1)) {
    auto parent = name.substr(dot + 1);
    auto& held = names_[parent];
    held.below += by;
    if (held.below == 0 && held.records.empty()) names_.erase(parent);
    if (parent == domain_) return;
  }
}

/// "10-244-0-5.default.pod.cluster.local" means what it says.
std::vector<dns::record> dns_zone::pod_records(const dns::name& name) const {
  auto suffix = ".pod." + domain_;
  if (!name.ends_with(suffix)) return {};
  auto rest = name.substr(0, name.size() - suffix.size());
  auto dot = rest.find('.');
  if (dot == rest.npos || rest.find('.', dot + 1) != rest.npos) return {};
  auto text = rest.substr(0, dot);
  bool v4 = std::count(text.begin(), text.end(), '-') == 3 &&
            text.find_first_not_of("0123456789-") == text.npos;
  std::replace(text.begin(), text.end(), '-', v4 ? '.' : ':');
  auto ip = address::parse(text);
  if (!ip) return {};
  return {address_record(name, *ip)};
}

bool dns_zone::is_ours(const dns::name& name) const {
  return name == domain_ ||
         (name.ends_with(domain_) && name[name.size() - domain_.size() - 1] == '.');
}

dns::answer dns_zone::negative(dns::code why) const {
  dns::answer out;
  out.code = why;
  out.authority.push_back({domain_, ttl_seconds,
                           dns::soa{"ns.dns." + domain_, "hostmaster." + domain_, serial_, 7200,
                                    1800, 86'400, ttl_seconds}});
  return out;
}

std::variant<dns::answer, dns::referral> dns_zone::resolve(const dns::question& asked) const {
  dns::answer out;
  auto name = asked.name;
  for (int followed = 0; followed < aliases_max; ++followed) {
    auto held = names_.find(name);
    std::vector<dns::record> computed;
    if (held == names_.end()) computed = pod_records(name);
    bool exists = held != names_.end() || !computed.empty();
    if (!is_ours(name) && !exists) return dns::referral{name, std::move(out.answers)};
    if (!exists) {
      auto no = negative(dns::code::no_such_name);
      no.answers = std::move(out.answers);
      return no;
    }
    auto& records = held != names_.end() ? held->second.records : computed;
    const dns::record* alias = nullptr;
    auto before = out.answers.size();
    for (auto& r : records) {
      auto kind = type_of(r);
      if (kind == asked.kind || asked.kind == dns::type::any) out.answers.push_back(r);
      if (kind == dns::type::cname) alias = &r;
    }
    if (out.answers.size() > before &&
        (!alias || asked.kind == dns::type::cname || asked.kind == dns::type::any)) {
      // Whoever asks for a port needs the addresses next.
      if (asked.kind == dns::type::srv)
        for (size_t i = before; i < out.answers.size(); ++i)
          if (auto target = names_.find(std::get<dns::srv>(out.answers[i].data).target);
              target != names_.end())
            for (auto& r : target->second.records)
              if (type_of(r) == dns::type::a || type_of(r) == dns::type::aaaa)
                out.additional.push_back(r);
      return out;
    }
    if (!alias) {
      auto no = negative(dns::code::ok);
      no.answers = std::move(out.answers);
      return no;
    }
    out.answers.push_back(*alias);
    name = std::get<dns::record::name_data>(alias->data).target;
  }
  return negative(dns::code::server_failure);
}

} // namespace troupe::network_of_pods
