// Limit ranges: defaults for what containers do not say, and bounds on what they and their pods and
// claims ask for.
#include "actors/gateway/admission/parts.hpp"

#include "messages/api/claim.pb.h"
#include "messages/api/pod.pb.h"
#include "messages/api/quota.pb.h"
#include "messages/base/quantity.hpp"

#include <algorithm>
#include <map>

namespace troupe::gateway {

namespace {

using k8s::core::v1::LimitRangeItem;
using amounts = google::protobuf::Map<std::string, k8s::base::Quantity>;
using totals = std::map<std::string, quantity>;

quantity amount(const k8s::base::Quantity& q) {
  auto parsed = quantity::parse(q.string());
  return parsed ? *parsed : quantity{};
}

std::vector<std::string> sorted_keys(const amounts& map) {
  std::vector<std::string> keys;
  for (auto& [name, q] : map) keys.push_back(name);
  std::sort(keys.begin(), keys.end());
  return keys;
}

/// Puts defaults into one container; says which were used.
template<class Containers>
void fill_in(Containers& containers, const LimitRangeItem& item, const char* what,
             std::vector<std::string>& notes) {
  for (auto& c : containers) {
    auto fill = [&](amounts& to, const amounts& from, const char* which) {
      std::string used;
      for (auto& name : sorted_keys(from)) {
        if (to.contains(name)) continue;
        to[name] = from.at(name);
        used.append(used.empty() ? "" : ", ").append(name);
      }
      if (!used.empty()) notes.push_back(used + " " + which + " for " + what + " " + c.name());
    };
    auto& resources = *c.mutable_resources();
    fill(*resources.mutable_requests(), item.default_request(), "request");
    fill(*resources.mutable_limits(), item.default_(), "limit");
  }
}

/// What is wrong with requests and limits under one item, in Kubernetes' words.
void judge(const LimitRangeItem& item, const totals& requests, const totals& limits,
           std::vector<std::string>& faults) {
  auto bound = [&](const amounts& bounds, const char* word, bool least) {
    for (auto& name : sorted_keys(bounds)) {
      auto limit = amount(bounds.at(name));
      auto request = requests.find(name), ceiling = limits.find(name);
      auto head =
          std::string(word) + " " + name + " usage per " + item.type() + " is " + limit.text();
      if (least) {
        if (request == requests.end())
          faults.push_back(head + ".  No request is specified");
        else if (request->second < limit)
          faults.push_back(head + ", but request is " + request->second.text());
        else if (ceiling != limits.end() && ceiling->second < limit)
          faults.push_back(head + ", but limit is " + ceiling->second.text());
      } else if (item.type() == "PersistentVolumeClaim") {
        if (request != requests.end() && request->second > limit)
          faults.push_back(head + ", but request is " + request->second.text());
      } else {
        if (ceiling == limits.end())
          faults.push_back(head + ".  No limit is specified");
        else if (ceiling->second > limit)
          faults.push_back(head + ", but limit is " + ceiling->second.text());
        else if (request != requests.end() && request->second > limit)
          faults.push_back(head + ", but request is " + request->second.text());
      }
    }
  };
  bound(item.min(), "minimum", true);
  bound(item.max(), "maximum", false);
  for (auto& name : sorted_keys(item.max_limit_request_ratio())) {
    auto ratio = amount(item.max_limit_request_ratio().at(name));
    auto request = requests.find(name), limit = limits.find(name);
    auto head = name + " max limit to request ratio per " + item.type() + " is " + ratio.text();
    if (request == requests.end() || request->second.zero())
      faults.push_back(head + ", but no request is specified or request is 0");
    else if (limit == limits.end() || limit->second.zero())
      faults.push_back(head + ", but no limit is specified or limit is 0");
    else if (auto real = limit->second.approximate() / request->second.approximate();
             real > ratio.approximate())
      faults.push_back(head + ", but provided ratio is " + std::to_string(real));
  }
}

totals read(const amounts& from) {
  totals out;
  for (auto& [name, q] : from) out[name] = amount(q);
  return out;
}

/// What all containers together ask for. Nobody knows the sum when one of them does not say.
template<class Containers, class Amounts> totals sum(const Containers& containers, Amounts of) {
  totals out;
  std::map<std::string, int> said;
  for (auto& c : containers)
    for (auto& [name, q] : of(c.resources())) {
      auto one = amount(q);
      out[name] +=
          name == "cpu" ? quantity::of_milli(one.milli_value()) : quantity::of(one.value());
      ++said[name];
    }
  for (auto& [name, count] : said)
    if (count < containers.size()) out.erase(name);
  return out;
}

/// Or what one init container asks for, which runs before them, if that is more.
template<class Amounts> totals total(const k8s::core::v1::PodSpec& spec, Amounts of) {
  auto out = sum(spec.containers(), of);
  for (auto& c : spec.init_containers())
    for (auto& [name, q] : of(c.resources())) {
      auto one = amount(q);
      auto [at, fresh] = out.emplace(name, one);
      if (!fresh && one > at->second) at->second = one;
    }
  return out;
}

void judge_pod(const k8s::core::v1::PodSpec& spec, const LimitRangeItem& item,
               std::vector<std::string>& faults) {
  if (item.type() == "Container") {
    for (auto& c : spec.containers())
      judge(item, read(c.resources().requests()), read(c.resources().limits()), faults);
    for (auto& c : spec.init_containers())
      judge(item, read(c.resources().requests()), read(c.resources().limits()), faults);
  } else if (item.type() == "Pod") {
    auto requests = total(
        spec, [](auto& r) -> auto& { return r.requests(); });
    auto limits = total(
        spec, [](auto& r) -> auto& { return r.limits(); });
    judge(item, requests, limits, faults);
  }
}

std::vector<LimitRangeItem> items_for(const admission_request& r) {
  std::vector<LimitRangeItem> items;
  each_object<k8s::core::v1::LimitRange>(r, "", "v1", "limitranges", r.c.where.ns,
                                         [&](auto& range, auto&) {
                                           for (auto& item : range.spec().limits())
                                             items.push_back(item);
                                         });
  return items;
}

} // namespace

result<void> admit_limit_range(const admission_request& r) {
  auto pod = r.creating() ? as<k8s::core::v1::Pod>(r) : nullptr;
  if (!pod) return {};
  std::vector<std::string> notes;
  for (auto& item : items_for(r)) {
    if (item.type() != "Container") continue;
    fill_in(*pod->mutable_spec()->mutable_containers(), item, "container", notes);
    fill_in(*pod->mutable_spec()->mutable_init_containers(), item, "init container", notes);
  }
  if (notes.empty()) return {};
  std::string text = "LimitRanger plugin set: ";
  for (auto& n : notes) text.append(&n == &notes[0] ? "" : "; ").append(n);
  (*pod->mutable_metadata()->mutable_annotations())["kubernetes.io/limit-ranger"] = text;
  return {};
}

result<void> review_limit_range(const admission_request& r) {
  bool resized = r.c.sub && r.c.sub->name == "resize";
  if (r.c.sub && !resized) return {};
  auto pod = r.creating() || resized ? as<k8s::core::v1::Pod>(r) : nullptr;
  auto claim = as<k8s::core::v1::PersistentVolumeClaim>(r);
  if (!pod && !claim) return {};
  std::vector<std::string> faults;
  for (auto& item : items_for(r)) {
    std::vector<std::string> found;
    if (pod)
      judge_pod(pod->spec(), item, found);
    else if (item.type() == "PersistentVolumeClaim")
      judge(item, read(claim->spec().resources().requests()), {}, found);
    // Two containers with the same fault are told once.
    for (auto& f : found)
      if (std::find(faults.begin(), faults.end(), f) == faults.end()) faults.push_back(f);
  }
  if (faults.empty()) return {};
  std::string text;
  for (auto& f : faults) text.append(text.empty() ? "" : ", ").append(f);
  return forbidden(*r.c.kind, meta(r.object).name(), faults.size() > 1 ? "[" + text + "]" : text);
}

} // namespace troupe::gateway
