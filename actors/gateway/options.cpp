#include "actors/gateway/options.hpp"

#include "actors/gateway/failures.hpp"
#include "actors/gateway/fields.hpp"
#include "actors/gateway/object.hpp"

#include <charconv>

namespace troupe::gateway {

namespace {

constexpr size_t field_manager_size_max = 128;

/// A flag of a query is set by being there, unless it says 0 or false.
bool flag(const http::query& query, std::string_view name) {
  std::string text(query.get(name));
  for (auto& c : text) c = static_cast<char>(tolower(c));
  return query.has(name) && text != "0" && text != "false";
}

error invalid_option(std::string_view document, std::vector<cause> causes) {
  return invalid("meta.k8s.io", document, "", std::move(causes));
}

cause not_supported(std::string field, std::string_view value, std::string_view supported) {
  return {"FieldValueNotSupported",
          "Unsupported value: \"" + std::string(value) +
              "\": supported values: " + std::string(supported),
          std::move(field)};
}

template<class Number> result<Number> number(std::string_view name, std::string_view text) {
  Number v{};
  auto end = text.data() + text.size();
  auto read = std::from_chars(text.data(), end, v);
  if (read.ec != std::errc{} || read.ptr != end)
    return error{errc::bad_request, std::string(name) + "=" + std::string(text.substr(0, 64)) +
                                        " is not a whole number"};
  return v;
}

} // namespace

result<write_options> read_write_options(const http::query& query, std::string_view document) {
  write_options out;
  std::vector<cause> causes;
  for (auto value : query.all("dryRun")) {
    if (value == "All")
      out.dry_run = true;
    else
      causes.push_back(not_supported("dryRun", value, "\"All\""));
  }
  out.force = flag(query, "force");
  out.field_manager = query.get("fieldManager");
  if (out.field_manager.size() > field_manager_size_max)
    causes.push_back(
        {"FieldValueTooLong", "Too long: may not be more than 128 bytes", "fieldManager"});
  for (unsigned char c : out.field_manager)
    if (c < 0x20 || c == 0x7f) {
      causes.push_back({"FieldValueInvalid",
                        "Invalid value: should only contain printable characters", "fieldManager"});
      break;
    }
  auto validation = query.get("fieldValidation");
  if (validation == "Strict")
    out.fields = field_validation::strict;
  else if (validation == "Ignore")
    out.fields = field_validation::ignore;
  else if (!validation.empty() && validation != "Warn")
    causes.push_back(
        not_supported("fieldValidation", validation, "\"Ignore\", \"Strict\", \"Warn\""));
  if (!causes.empty()) return invalid_option(document, std::move(causes));
  return out;
}

bool selection::matches(const storage::entry& entry) const {
  for (auto& f : fields) {
    std::string_view have;
    if (f.path == "metadata.name")
      have = split_key(entry.key()).name;
    else if (f.path == "metadata.namespace")
      have = split_key(entry.key()).ns;
    else
      have = entry.field(f.path).value_or("");
    if ((have == f.value) != f.equal) return false;
  }
  return labels.empty() || labels.matches([&](const std::string& key) { return entry.label(key); });
}

std::optional<std::string_view> selection::one_name() const {
  for (auto& f : fields)
    if (f.path == "metadata.name" && f.equal) return f.value;
  return {};
}

result<list_options> read_list_options(const schema::kind& kind, const http::query& query) {
  list_options out;
  auto labels = label_selector::parse(query.get("labelSelector"));
  if (!labels) return labels.error();
  out.wanted.labels = std::move(*labels);
  auto fields = parse_field_selector(query.get("fieldSelector"));
  if (!fields) return fields.error();
  for (auto& f : *fields) {
    auto name = selectable(kind, f.path);
    if (!name)
      return error{errc::bad_request,
                   "Unable to find \"" + kind.group_resource() + "\" that match label selector \"" +
                       std::string(query.get("labelSelector")) + "\", field selector \"" +
                       std::string(query.get("fieldSelector")) +
                       "\": field label not supported: " + f.path};
    f.path = std::move(*name);
  }
  out.wanted.fields = std::move(*fields);
  if (auto text = query.get("limit"); !text.empty()) {
    auto limit = number<int64_t>("limit", text);
    if (!limit) return limit.error();
    out.limit = *limit > 0 ? static_cast<uint64_t>(*limit) : 0;
  }
  if (auto text = query.get("timeoutSeconds"); !text.empty()) {
    auto seconds = number<int64_t>("timeoutSeconds", text);
    if (!seconds) return seconds.error();
    out.timeout_seconds = *seconds;
  }
  out.continue_token = query.get("continue");
  out.version = query.get("resourceVersion");
  out.version_match = query.get("resourceVersionMatch");
  out.bookmarks = flag(query, "allowWatchBookmarks");
  out.initial_events = flag(query, "sendInitialEvents");
  if (!out.version.empty()) {
    auto version = read_version(out.version);
    if (!version) return version.error();
  }
  std::vector<cause> causes;
  auto forbid = [&](const char* field, const char* why) {
    causes.push_back({"FieldValueForbidden", std::string("Forbidden: ") + why, field});
  };
  bool initial = query.has("sendInitialEvents");
  if (flag(query, "watch")) {
    if (initial && out.version_match != "NotOlderThan")
      forbid("resourceVersionMatch",
             "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    if (!initial && !out.version_match.empty())
      forbid("resourceVersionMatch",
             "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
  } else {
    if (initial) forbid("sendInitialEvents", "sendInitialEvents is forbidden for list");
    if (!out.version_match.empty() && !out.continue_token.empty())
      forbid("resourceVersionMatch", "resourceVersionMatch is forbidden with continue");
  }
  if (!out.version_match.empty() && out.version_match != "Exact" &&
      out.version_match != "NotOlderThan")
    causes.push_back(
        not_supported("resourceVersionMatch", out.version_match, "\"Exact\", \"NotOlderThan\""));
  if (out.version_match == "Exact" && out.version == "0")
    causes.push_back(
        {"FieldValueForbidden",
         "Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
         "resourceVersionMatch"});
  if (!out.version_match.empty() && out.version.empty() && !out.initial_events)
    causes.push_back(
        {"FieldValueForbidden",
         "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
         "resourceVersionMatch"});
  if (!causes.empty()) return invalid_option("ListOptions", std::move(causes));
  if (!out.continue_token.empty() && !out.version.empty() && out.version != "0" &&
      !flag(query, "watch"))
    return error{errc::bad_request,
                 "specifying resource version is not allowed when using continue"};
  return out;
}

result<void> read_delete_options(const http::query& query, k8s::meta::v1::DeleteOptions& options) {
  for (auto value : query.all("dryRun")) options.add_dry_run(std::string(value));
  if (auto text = query.get("gracePeriodSeconds"); !text.empty()) {
    auto seconds = number<int64_t>("gracePeriodSeconds", text);
    if (!seconds) return seconds.error();
    options.set_grace_period_seconds(*seconds);
  }
  if (auto text = query.get("propagationPolicy"); !text.empty())
    options.set_propagation_policy(std::string(text));
  if (auto text = query.get("orphanDependents"); !text.empty())
    options.set_orphan_dependents(flag(query, "orphanDependents"));
  std::vector<cause> causes;
  for (auto& value : options.dry_run())
    if (value != "All") causes.push_back(not_supported("dryRun", value, "\"All\""));
  if (options.has_orphan_dependents() && options.has_propagation_policy())
    causes.push_back({"FieldValueInvalid",
                      "Invalid value: orphanDependents and deletionPropagation cannot be both set",
                      "propagationPolicy"});
  auto& policy = options.propagation_policy();
  if (options.has_propagation_policy() && policy != "Foreground" && policy != "Background" &&
      policy != "Orphan")
    causes.push_back(
        not_supported("propagationPolicy", policy, "\"Background\", \"Foreground\", \"Orphan\""));
  if (options.grace_period_seconds() < 0)
    options.set_grace_period_seconds(1); // as Kubernetes reads it
  if (!causes.empty()) return invalid_option("DeleteOptions", std::move(causes));
  return {};
}

result<uint64_t> read_version(std::string_view text) {
  uint64_t v = 0;
  auto end = text.data() + text.size();
  auto read = std::from_chars(text.data(), end, v);
  if (text.empty() || read.ec != std::errc{} || read.ptr != end)
    return error{errc::bad_request, "invalid resource version \"" +
                                        std::string(text.substr(0, 64)) +
                                        "\": it must be a number that this server gave out"};
  return v;
}

} // namespace troupe::gateway
