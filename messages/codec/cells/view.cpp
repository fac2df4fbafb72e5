#include "messages/codec/cells/view.hpp"

#include "messages/base/selector.hpp"

#include <map>

namespace troupe::codec {

namespace {

view name_and_age() {
  view v;
  v.columns = {{"Name", "string", "name", {}, {}, 0}, {"Age", "string", {}, {}, {}, 0}};
  v.cells = [](const google::protobuf::Message& m, int64_t now) {
    auto field = m.GetDescriptor()->FindFieldByNumber(1);
    auto& meta =
        static_cast<const k8s::meta::v1::ObjectMeta&>(m.GetReflection()->GetMessage(m, field));
    json::array out;
    add(out, {meta.name(), age(meta.creation_timestamp().seconds(), now)});
    return out;
  };
  return v;
}

} // namespace

const view& view_of(const google::protobuf::Descriptor* kind) {
  static const auto all = [] {
    views made;
    add_pod_view(made);
    add_workload_views(made);
    add_network_views(made);
    add_storage_views(made);
    add_cluster_views(made);
    return made;
  }();
  static const auto plain = name_and_age();
  auto hit = all.find(kind);
  return hit == all.end() ? plain : hit->second;
}

void add(json::array& out, std::initializer_list<cell> cells) {
  for (auto& c : cells) out.push_back(c.value);
}

std::string age(int64_t seconds, int64_t now_seconds) {
  return seconds == 0 ? "<unknown>" : format_age(std::chrono::seconds(now_seconds - seconds));
}

std::string joined(const std::vector<std::string>& words, const char* none) {
  std::string out;
  for (auto& w : words) out.append(out.empty() ? "" : ",").append(w);
  return out.empty() ? none : out;
}

std::string labels_text(const google::protobuf::Map<std::string, std::string>& labels,
                        const char* none) {
  std::vector<std::string> words;
  for (auto& [k, v] : std::map<std::string, std::string>(labels.begin(), labels.end()))
    words.push_back(k + "=" + v);
  return joined(words, none);
}

std::string selector_text(const k8s::meta::v1::LabelSelector& selector) {
  if (selector.match_expressions().empty()) return labels_text(selector.match_labels());
  auto parsed = label_selector::from(selector);
  return parsed ? parsed->text() : "<error>";
}

} // namespace troupe::codec
