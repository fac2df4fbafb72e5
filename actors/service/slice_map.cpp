#include "actors/service/slice_map.hpp"

#include "messages/codec/json_encode.hpp"

namespace troupe::service {

std::string identity_of(const std::string& uid, const std::string& address) {
  return uid + "/" + address;
}

std::string identity_of(const Endpoint& e) {
  return identity_of(e.target_ref().uid(), e.addresses().empty() ? std::string{} : e.addresses(0));
}

std::string group_of(const std::string& family, const std::vector<EndpointPort>& ports) {
  auto out = family;
  for (auto& p : ports) out += "|" + codec::to_wire(p);
  return out;
}

void slice_map::note(const std::string& key, const EndpointSlice& now) {
  drop(key);
  auto& held = *slices_.try_emplace(key).first;
  auto& s = held.second;
  s.family = now.address_type();
  s.group = group_of(s.family, {now.ports().begin(), now.ports().end()});
  s.endpoints.reserve(static_cast<size_t>(now.endpoints_size()));
  for (auto& e : now.endpoints())
    s.endpoints.push_back(&seats_.emplace(identity_of(e), &held)->first);
}

void slice_map::drop(const std::string& key) {
  auto hit = slices_.find(key);
  if (hit == slices_.end()) return;
  for (auto identity : hit->second.endpoints) {
    auto [seat, end] = seats_.equal_range(*identity);
    while (seat != end && seat->second != &*hit) ++seat;
    if (seat != end) seats_.erase(seat);
  }
  slices_.erase(hit);
}

std::vector<const std::string*> slice_map::holding(const std::string& identity) const {
  std::vector<const std::string*> out;
  auto [seat, end] = seats_.equal_range(identity);
  for (; seat != end; ++seat) out.push_back(&seat->second->first);
  return out;
}

} // namespace troupe::service
