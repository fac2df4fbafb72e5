#include "actors/service/slice_map.hpp"

#include "messages/codec/json_encode.hpp"
#include "messages/codec/stored_parts.hpp"

#include <algorithm>
#include <utility>

namespace troupe::service {

namespace {

constexpr char identity_separator = '/';

namespace wire = codec::wire;

struct endpoint_identity {
  std::string_view uid, address;

  bool is(std::string_view text) const {
    return text.size() == uid.size() + 1 + address.size() && text.starts_with(uid) &&
           text.ends_with(address) && text[uid.size()] == identity_separator;
  }
};

/// Of an endpoint as it is stored.
endpoint_identity identity_in(std::string_view stored) {
  endpoint_identity out;
  wire::reader endpoint(stored);
  while (endpoint.next()) {
    if (endpoint.number == Endpoint::kAddressesFieldNumber && out.address.empty())
      out.address = endpoint.data;
    if (endpoint.number == Endpoint::kTargetRefFieldNumber)
      out.uid = codec::part_of(endpoint.data, k8s::core::v1::ObjectReference::kUidFieldNumber);
  }
  return out;
}

void add_port(std::string& group, std::string_view stored) { group.append("|").append(stored); }

} // namespace

std::string identity_of(std::string_view uid, std::string_view address) {
  std::string out;
  out.reserve(uid.size() + 1 + address.size());
  return out.append(uid).append(1, identity_separator).append(address);
}

void read_identity(std::string_view stored, std::string& out) {
  auto who = identity_in(stored);
  out.assign(who.uid).append(1, identity_separator).append(who.address);
}

std::string identity_of(const Endpoint& e) {
  return identity_of(e.target_ref().uid(),
                     e.addresses().empty() ? std::string_view{} : e.addresses(0));
}

std::string group_of(const std::string& family, const std::vector<EndpointPort>& ports) {
  auto out = family;
  for (auto& p : ports) add_port(out, codec::to_wire(p));
  return out;
}

void slice_map::note(const std::string& key, std::string_view stored) {
  auto& held = *slices_.try_emplace(key).first;
  auto& s = held.second;
  auto before = std::exchange(s.endpoints, {});
  auto next = before.begin(); // what is left of them; their order seldom changes
  std::string ports;
  wire::reader slice(stored);
  while (slice.next()) {
    if (slice.number == EndpointSlice::kAddressTypeFieldNumber) s.family = slice.data;
    if (slice.number == EndpointSlice::kPortsFieldNumber) add_port(ports, slice.data);
    if (slice.number != EndpointSlice::kEndpointsFieldNumber) continue;
    auto who = identity_in(slice.data);
    auto same = std::find_if(next, before.end(), [&](auto x) { return who.is(*x); });
    if (same == before.end()) {
      s.endpoints.push_back(&seats_.emplace(identity_of(who.uid, who.address), &held)->first);
      continue;
    }
    for (; next != same; ++next) release(held, *next);
    s.endpoints.push_back(*next++);
  }
  for (; next != before.end(); ++next) release(held, *next);
  s.group = s.family + ports;
}

void slice_map::drop(const std::string& key) {
  auto hit = slices_.find(key);
  if (hit == slices_.end()) return;
  for (auto identity : hit->second.endpoints) release(*hit, identity);
  slices_.erase(hit);
}

void slice_map::release(const slices::value_type& slice, const std::string* identity) {
  auto [seat, end] = seats_.equal_range(*identity);
  while (seat != end && (seat->second != &slice || &seat->first != identity)) ++seat;
  if (seat != end) seats_.erase(seat);
}

std::vector<const std::string*> slice_map::holding(const std::string& identity) const {
  std::vector<const std::string*> out;
  auto [seat, end] = seats_.equal_range(identity);
  for (; seat != end; ++seat) out.push_back(&seat->second->first);
  return out;
}

} // namespace troupe::service
