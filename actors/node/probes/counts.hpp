// How often each probe has succeeded and failed, for /metrics/probes.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>

namespace troupe::node {

/// Any thread.
class probe_counts {
public:
  /// `labels`: of the pod and container, as metrics spell them. `kind`: "Readiness" and so on.
  void note(const std::string& pod_uid, const std::string& labels, const std::string& kind,
            bool success) {
    std::lock_guard lock(mutex_);
    auto& row = rows_[{pod_uid, labels, kind}];
    ++(success ? row.first : row.second);
  }
  void forget(const std::string& pod_uid) {
    std::lock_guard lock(mutex_);
    auto begin = rows_.lower_bound({pod_uid, "", ""});
    auto end = begin;
    while (end != rows_.end() && std::get<0>(end->first) == pod_uid) ++end;
    rows_.erase(begin, end);
  }
  std::string text() const {
    std::string out = "# HELP prober_probe_total Probes of containers by result\n"
                      "# TYPE prober_probe_total counter\n";
    std::lock_guard lock(mutex_);
    for (auto& [key, row] : rows_)
      for (auto [result, count] :
           {std::pair("successful", row.first), std::pair("failed", row.second)})
        if (count > 0)
          out += "prober_probe_total{" + std::get<1>(key) + ",pod_uid=\"" + std::get<0>(key) +
                 "\",probe_type=\"" + std::get<2>(key) + "\",result=\"" + result + "\"} " +
                 std::to_string(count) + "\n";
    return out;
  }

private:
  mutable std::mutex mutex_;
  std::map<std::tuple<std::string, std::string, std::string>, std::pair<uint64_t, uint64_t>> rows_;
};

} // namespace troupe::node
