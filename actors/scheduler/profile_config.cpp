#include "actors/scheduler/profile_config.hpp"

#include "messages/base/json.hpp"
#include "messages/codec/yaml.hpp"

#include <boost/json/array.hpp>

namespace troupe::scheduler {

namespace {

constexpr size_t profiles_max = 64;

error bad(const std::string& why) {
  return {errc::bad_request, "the scheduler's configuration cannot be used: " + why};
}

struct score_name {
  const char* plugin;
  float profile::*weight;
};
/// Scores by the names that Kubernetes gives their plug-ins.
constexpr score_name scores[] = {
    {"NodeResourcesFit", &profile::resources},
    {"NodeResourcesBalancedAllocation", &profile::balance},
    {"NodeAffinity", &profile::preference},
    {"TaintToleration", &profile::taints},
    {"ImageLocality", &profile::images},
    {"PodTopologySpread", &profile::spread},
    {"InterPodAffinity", &profile::neighbours},
};

const boost::json::array& list(const json::value& of,
                               std::initializer_list<std::string_view> keys) {
  static const boost::json::array none;
  auto at = json::find(of, keys);
  return at && at->is_array() ? at->get_array() : none;
}

result<void> weigh(profile& p, const json::value& profile_object, std::string_view point) {
  for (auto& x : list(profile_object, {"plugins", point, "disabled"})) {
    auto name = json::string_at(x, {"name"});
    bool known = name == "*";
    for (auto& s : scores)
      if (name == "*" || name == s.plugin) {
        p.*s.weight = 0;
        known = true;
      }
    if (!known) return bad("no score is named \"" + std::string(name) + "\"");
  }
  for (auto& x : list(profile_object, {"plugins", point, "enabled"})) {
    auto name = json::string_at(x, {"name"});
    auto weight = json::find(x, {"weight"});
    bool known = false;
    for (auto& s : scores)
      if (name == s.plugin) {
        p.*s.weight = weight && weight->is_number() ? weight->to_number<float>() : 1;
        known = true;
      }
    if (!known) return bad("no score is named \"" + std::string(name) + "\"");
    if (weight && weight->is_number() && weight->to_number<double>() < 0)
      return bad("the weight of " + std::string(name) + " is negative");
  }
  return {};
}

result<profile> read_profile(const json::value& from) {
  profile out;
  if (auto name = json::string_at(from, {"schedulerName"}); !name.empty()) out.name = name;
  for (auto point : {"multiPoint", "score"})
    if (auto ok = weigh(out, from, point); !ok) return ok.error();
  for (auto& config : list(from, {"pluginConfig"})) {
    if (json::string_at(config, {"name"}) != "NodeResourcesFit") continue;
    auto type = json::string_at(config, {"args", "scoringStrategy", "type"});
    if (type == "MostAllocated")
      out.strategy = profile::packing::most_allocated;
    else if (!type.empty() && type != "LeastAllocated")
      return bad("the scoring strategy " + std::string(type) +
                 " is not there; there are LeastAllocated and MostAllocated");
  }
  return out;
}

} // namespace

result<profiles> read_profiles(std::string_view text) {
  auto documents = yaml::to_json(text);
  if (!documents) return with_context(documents.error(), "the scheduler's configuration");
  if (documents->size() != 1) return bad("it must be one document");
  auto tree = json::parse(documents->front().json);
  if (!tree) return with_context(tree.error(), "the scheduler's configuration");
  if (json::string_at(*tree, {"kind"}) != "KubeSchedulerConfiguration")
    return bad("its kind must be KubeSchedulerConfiguration");
  profiles out;
  for (auto& from : list(*tree, {"profiles"})) {
    auto one = read_profile(from);
    if (!one) return one.error();
    auto name = one->name;
    if (!out.emplace(name, std::move(*one)).second)
      return bad("there are two profiles named " + name);
    if (out.size() > profiles_max) return bad("there are more than 64 profiles");
  }
  if (out.empty()) out.emplace("default-scheduler", profile{});
  return out;
}

} // namespace troupe::scheduler
