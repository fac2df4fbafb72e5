#include "actors/gateway/discovery.hpp"

#include "actors/gateway/documents.hpp"
#include "actors/gateway/paths.hpp"
#include "messages/codec/discovery.hpp"

#include <algorithm>

namespace troupe::gateway {

namespace {

constexpr std::string_view parameters_of_aggregated = ";g=apidiscovery.k8s.io;v=";
constexpr std::string_view aggregated_kind = ";as=APIGroupDiscoveryList";

bool has_group(const schema::registry& kinds, const std::string& name) {
  auto& all = kinds.all();
  return std::any_of(all.begin(), all.end(), [&](auto& k) { return k.group == name; });
}

void answer_aggregated(gateway& g, call& c, const discovery_form& form, bool core) {
  auto& version = form.aggregated;
  bool binary = form.content.as == format::protobuf;
  auto made = g.documents.get(c.kinds, c.where.path + "#" + version + (binary ? ".pb" : ""), [&] {
    auto json = codec::aggregated_json(*c.kinds, core, version);
    return binary ? codec::discovery_protobuf(json) : json;
  });
  answer_document(c, made,
                  std::string(content_type(form.content.as))
                      .append(parameters_of_aggregated)
                      .append(version)
                      .append(aggregated_kind));
}

std::optional<std::string> legacy_json(const schema::registry& kinds, bool core,
                                       const std::vector<std::string>& parts) {
  if (core && parts.size() == 1) return codec::core_versions_json("127.0.0.1");
  if (core && parts.size() == 2) return codec::resources_json(kinds, "", parts[1]);
  if (parts.size() == 1) return codec::groups_json(kinds);
  if (parts.size() == 2) return codec::group_json(kinds, parts[1]);
  if (parts.size() == 3) return codec::resources_json(kinds, parts[1], parts[2]);
  return {};
}

} // namespace

result<discovery_form> choose_discovery(std::string_view accept, bool aggregates) {
  auto left = accept;
  do {
    auto end = std::min(left.find(','), left.size());
    auto clause = left.substr(0, end);
    left.remove_prefix(std::min(end + 1, left.size()));
    if (clause.find("as=APIGroupDiscoveryList") == clause.npos) {
      if (auto legacy = choose_media(clause, false, false)) return discovery_form{*legacy, {}};
      continue;
    }
    if (!aggregates || clause.find("g=apidiscovery.k8s.io") == clause.npos) continue;
    auto media = choose_media(clause.substr(0, clause.find(';')), false, false);
    if (!media || media->as == format::yaml) continue;
    if (clause.find("v=v2beta1") != clause.npos) return discovery_form{*media, "v2beta1"};
    if (clause.find("v=v2") != clause.npos) return discovery_form{*media, "v2"};
  } while (!left.empty());
  return choose_media("none", false, false).error();
}

void answer_discovery(gateway& g, call& c, const std::vector<std::string>& parts) {
  bool core = parts[0] == "api";
  auto form = choose_discovery(c.request.header("Accept"), parts.size() == 1);
  if (!form) return c.fail(form.error());
  if (!form->aggregated.empty()) return answer_aggregated(g, c, *form, core);
  auto media = form->content;
  media.pretty = media.pretty || c.media.pretty;
  auto text = legacy_json(*c.kinds, core, parts);
  c.media = media;
  if (!text && !core && !has_group(*c.kinds, parts[1])) return c.answer(page_not_found());
  if (!text) return c.fail(no_such_resource());
  if (media.as == format::protobuf)
    return c.answer(
        http::answer(200, std::string(content_type(media.as)), codec::discovery_protobuf(*text)));
  c.answer(json_answer(200, std::move(*text), media));
}

} // namespace troupe::gateway
