#include "actors/gateway/media.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

namespace troupe::gateway {

namespace {

constexpr size_t accept_parts_max = 32;

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  while (!text.empty() && parts.size() < accept_parts_max) {
    auto at = std::min(text.find(by), text.size());
    parts.push_back(trim(text.substr(0, at)));
    text.remove_prefix(std::min(at + 1, text.size()));
  }
  return parts;
}

/// One clause of an Accept header, understood or not.
bool understand(std::string_view clause, bool custom, bool convertible, bool list, media& out) {
  auto parts = split(clause, ';');
  if (parts.empty()) return false;
  auto type = parts[0];
  if (type == "application/json" || type == "*/*" || type == "application/*")
    out.as = format::json;
  else if (type == "application/yaml")
    out.as = format::yaml;
  else if (type == "application/vnd.kubernetes.protobuf" && !custom)
    out.as = format::protobuf;
  else
    return false;
  std::string_view as, group, version;
  for (size_t i = 1; i < parts.size(); ++i) {
    auto equal = parts[i].find('=');
    auto key = trim(parts[i].substr(0, equal));
    auto value = equal == parts[i].npos ? std::string_view{} : trim(parts[i].substr(equal + 1));
    if (key == "as") as = value;
    if (key == "g") group = value;
    if (key == "v") version = value;
    if (key == "pretty") out.pretty = value == "1" || value == "true";
  }
  if (as.empty()) return true;
  if (!convertible || group != "meta.k8s.io" || (version != "v1" && version != "v1beta1"))
    return false;
  out.table_version = version;
  if (as == "Table" && out.as != format::protobuf)
    out.what = shape::table;
  else if (as == (list ? "PartialObjectMetadataList" : "PartialObjectMetadata"))
    out.what = shape::partial;
  else
    return false;
  return true;
}

/// How much a clause is wished for: 1 unless its q says less.
double quality(std::string_view clause) {
  for (auto part : split(clause, ';')) {
    if (!part.starts_with("q=")) continue;
    part.remove_prefix(2);
    double q = 1;
    auto read = std::from_chars(part.data(), part.data() + part.size(), q);
    return read.ec == std::errc{} ? q : 1;
  }
  return 1;
}

/// Most wished for first; what names a type before what takes any.
std::vector<std::string_view> by_preference(std::vector<std::string_view> clauses) {
  std::stable_sort(clauses.begin(), clauses.end(), [](auto a, auto b) {
    auto qa = quality(a), qb = quality(b);
    return qa != qb ? qa > qb : a.find('*') == a.npos && b.find('*') != b.npos;
  });
  return clauses;
}

std::string_view plain_type(std::string_view content_type) {
  return trim(content_type.substr(0, content_type.find(';')));
}

} // namespace

result<media> choose_media(std::string_view accept, bool custom, bool convertible, bool list) {
  if (trim(accept).empty()) return media{};
  for (auto clause : by_preference(split(accept, ','))) {
    media out;
    if (understand(clause, custom, convertible, list, out)) return out;
  }
  return error{errc::not_acceptable,
               "only the following media types are accepted: application/json, application/yaml"
               ", application/vnd.kubernetes.protobuf"};
}

result<format> body_format(std::string_view content_type) {
  std::string type(plain_type(content_type));
  for (auto& c : type) c = static_cast<char>(tolower(c));
  if (type.empty() || type == "application/json") return format::json;
  if (type == "application/yaml") return format::yaml;
  if (type == "application/vnd.kubernetes.protobuf") return format::protobuf;
  return error{errc::unsupported_media_type,
               "the body of the request was in an unknown format - accepted media types include: "
               "application/json, application/yaml, application/vnd.kubernetes.protobuf"};
}

std::string_view content_type(format f) {
  switch (f) {
  case format::json: return "application/json";
  case format::yaml: return "application/yaml";
  case format::protobuf: return "application/vnd.kubernetes.protobuf";
  }
  return "application/json";
}

result<patch_type> read_patch_type(std::string_view content_type) {
  auto type = plain_type(content_type);
  if (type == "application/json-patch+json") return patch_type::json;
  if (type == "application/merge-patch+json") return patch_type::merge;
  if (type == "application/strategic-merge-patch+json") return patch_type::strategic;
  if (type == "application/apply-patch+yaml" || type == "application/apply-patch+json")
    return patch_type::apply;
  return error{errc::unsupported_media_type,
               "the body of the request was in an unknown format - accepted media types include: "
               "application/json-patch+json, application/merge-patch+json, "
               "application/strategic-merge-patch+json, application/apply-patch+yaml"};
}

} // namespace troupe::gateway
