#include "actors/client/lease.hpp"

namespace troupe::client {

json::value lease_keeper::made(const json::value* old, timestamp now, bool taken_over) const {
  json::value out =
      old ? *old
          : json::object{{"apiVersion", "coordination.k8s.io/v1"},
                         {"kind", "Lease"},
                         {"metadata", json::object{{"name", name_}, {"namespace", ns_}}},
                         {"spec", json::object{}}};
  auto& root = out.as_object();
  if (!root["spec"].is_object()) root["spec"] = json::object{};
  auto& spec = root["spec"].as_object();
  spec["holderIdentity"] = self_;
  spec["leaseDurationSeconds"] = std::max<int64_t>(1, time_.count() / 1000);
  spec["renewTime"] = format_micro_time(now);
  if (taken_over) {
    spec["acquireTime"] = format_micro_time(now);
    auto& count = spec["leaseTransitions"];
    count = old && count.is_number() ? count.to_number<int64_t>() + 1 : 0;
  }
  return out;
}

lease_step lease_keeper::look(const json::value* lease, std::chrono::milliseconds steady,
                              timestamp now) {
  if (!lease) return {false, true, true, made(nullptr, now, true)};
  auto holder = json::string_at(*lease, {"spec", "holderIdentity"});
  if (holder == self_) return {true, true, false, made(lease, now, false)};
  auto renewed =
      std::string(holder) + "@" + std::string(json::string_at(*lease, {"spec", "renewTime"}));
  if (renewed != seen_) {
    seen_ = renewed;
    seen_at_ = steady;
  }
  // The holder's clock is not trusted, only that it goes on.
  bool over = holder.empty() || steady - seen_at_ >= time_;
  return over ? lease_step{false, true, false, made(lease, now, true)} : lease_step{};
}

} // namespace troupe::client
