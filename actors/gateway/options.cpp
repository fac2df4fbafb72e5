#include "actors/gateway/options.hpp"

#include "actors/gateway/failures.hpp"
#include "actors/gateway/fields.hpp"
#include "actors/gateway/object.hpp"
#include "messages/base/json.hpp"

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
          "Unsupported value: " + std::string(value) +
              ": supported values: " + std::string(supported),
          std::move(field)};
}

std::string as_json(std::string_view text) {
  std::string out;
  json::write_string(out, text);
  return out;
}

/// All of the values are named, as JSON, as soon as one is not known.
void check_dry_run(const std::vector<std::string>& values, std::vector<cause>& causes) {
  std::string all;
  bool known = true;
  for (auto& v : values) {
    all.append(all.empty() ? "" : ",").append(as_json(v));
    known = known && v == "All";
  }
  if (!known) causes.push_back(not_supported("dryRun", "[" + all + "]", "\"All\""));
}

/// Characters that show nothing may not stand in names of managers; places count bytes.
void check_manager_name(std::string_view name, std::vector<cause>& causes) {
  if (name.size() > field_manager_size_max)
    causes.push_back(
        {"FieldValueTooLong", "Too long: may not be more than 128 bytes", "fieldManager"});
  for (size_t i = 0; i < name.size(); ++i) {
    auto c = static_cast<unsigned char>(name[i]);
    if (c >= 0x20 && c != 0x7f) continue;
    char code[8];
    snprintf(code, sizeof code, "U+%04X", c);
    causes.push_back({"FieldValueInvalid",
                      "Invalid value: " + as_json(name) + ": invalid character " + code +
                          " (at position " + std::to_string(i) + ")",
                      "fieldManager"});
  }
}

template<class Number> result<Number> number(std::string_view text) {
  Number v{};
  auto end = text.data() + text.size();
  auto read = std::from_chars(text.data(), end, v);
  if (read.ec != std::errc{} || read.ptr != end)
    return error{errc::bad_request,
                 "strconv.ParseInt: parsing " + as_json(text.substr(0, 64)) +
                     (read.ec == std::errc::result_out_of_range ? ": value out of range"
                                                                : ": invalid syntax")};
  return v;
}

} // namespace

result<write_options> read_write_options(const http::query& query, std::string_view document) {
  write_options out;
  std::vector<cause> causes;
  out.force = flag(query, "force");
  out.field_manager = query.get("fieldManager");
  check_manager_name(out.field_manager, causes);
  auto dry_run = query.all("dryRun");
  out.dry_run = !dry_run.empty();
  check_dry_run({dry_run.begin(), dry_run.end()}, causes);
  auto validation = query.get("fieldValidation");
  if (validation == "Strict")
    out.fields = field_validation::strict;
  else if (validation == "Ignore")
    out.fields = field_validation::ignore;
  else if (!validation.empty() && validation != "Warn")
    causes.push_back(not_supported("fieldValidation", as_json(validation),
                                   "\"\", \"Ignore\", \"Strict\", \"Warn\""));
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

namespace {

cause forbidden(const char* field, const char* why) {
  return {"FieldValueForbidden", std::string("Forbidden: ") + why, field};
}

constexpr const char* match = "resourceVersionMatch";

/// Whether what is meant by a version is said in one of the words for it.
void check_match(const list_options& o, std::vector<cause>& causes) {
  if (o.version_match != "Exact" && o.version_match != "NotOlderThan")
    causes.push_back(
        not_supported(match, as_json(o.version_match), "\"Exact\", \"NotOlderThan\", \"\""));
}

std::vector<cause> wrong_in_list(const list_options& o, bool initial) {
  std::vector<cause> causes;
  if (!o.version_match.empty()) {
    if (o.version.empty())
      causes.push_back(
          forbidden(match, "resourceVersionMatch is forbidden unless resourceVersion is provided"));
    if (!o.continue_token.empty())
      causes.push_back(
          forbidden(match, "resourceVersionMatch is forbidden when continue is provided"));
    check_match(o, causes);
    if (o.version_match == "Exact" && o.version == "0")
      causes.push_back(forbidden(
          match, "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""));
  }
  if (initial)
    causes.push_back(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
  return causes;
}

std::vector<cause> wrong_in_watch(const list_options& o, bool initial) {
  std::vector<cause> causes;
  if (initial && o.version_match != "NotOlderThan")
    causes.push_back(forbidden(
        match, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"));
  if (o.version_match.empty()) return causes;
  if (!initial)
    causes.push_back(forbidden(
        match, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"));
  check_match(o, causes);
  if (!o.continue_token.empty())
    causes.push_back(
        forbidden(match, "resourceVersionMatch is forbidden when continue is provided"));
  return causes;
}

} // namespace

result<list_options> read_list_options(const schema::kind& kind, const http::query& query) {
  list_options out;
  auto labels = label_selector::parse(query.get("labelSelector"));
  if (!labels) return labels.error();
  out.wanted.labels = std::move(*labels);
  auto fields = parse_field_selector(query.get("fieldSelector"));
  if (!fields) return fields.error();
  for (auto& f : *fields) {
    auto name = selectable(kind, f.path);
    if (!name) return error{errc::bad_request, not_selectable(kind, f.path)};
    f.path = std::move(*name);
  }
  out.wanted.fields = std::move(*fields);
  if (auto text = query.get("limit"); !text.empty()) {
    auto limit = number<int64_t>(text);
    if (!limit) return limit.error();
    out.limit = *limit > 0 ? static_cast<uint64_t>(*limit) : 0;
  }
  if (auto text = query.get("timeoutSeconds"); !text.empty()) {
    auto seconds = number<int64_t>(text);
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
  bool watch = flag(query, "watch");
  auto causes = watch ? wrong_in_watch(out, query.has("sendInitialEvents"))
                      : wrong_in_list(out, query.has("sendInitialEvents"));
  if (!causes.empty()) return invalid_option("ListOptions", std::move(causes));
  if (!out.continue_token.empty() && !out.version.empty() && out.version != "0" && !watch)
    return error{errc::bad_request,
                 "specifying resource version is not allowed when using continue"};
  return out;
}

result<void> read_delete_options(const http::query& query, k8s::meta::v1::DeleteOptions& options) {
  for (auto value : query.all("dryRun")) options.add_dry_run(std::string(value));
  if (auto text = query.get("gracePeriodSeconds"); !text.empty()) {
    auto seconds = number<int64_t>(text);
    if (!seconds) return seconds.error();
    options.set_grace_period_seconds(*seconds);
  }
  if (auto text = query.get("propagationPolicy"); !text.empty())
    options.set_propagation_policy(std::string(text));
  if (auto text = query.get("orphanDependents"); !text.empty())
    options.set_orphan_dependents(flag(query, "orphanDependents"));
  std::vector<cause> causes;
  auto& policy = options.propagation_policy();
  if (options.has_orphan_dependents() && options.has_propagation_policy())
    causes.push_back({"FieldValueInvalid",
                      "Invalid value: " + as_json(policy) +
                          ": orphanDependents and deletionPropagation cannot be both set",
                      "propagationPolicy"});
  if (options.has_propagation_policy() && policy != "Foreground" && policy != "Background" &&
      policy != "Orphan")
    causes.push_back(not_supported("propagationPolicy", as_json(policy),
                                   "\"Foreground\", \"Background\", \"Orphan\", \"nil\""));
  check_dry_run({options.dry_run().begin(), options.dry_run().end()}, causes);
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
    return error{
        errc::bad_request,
        "invalid resource version: resourceVersion: Invalid value: " + as_json(text.substr(0, 64)) +
            ": strconv.ParseUint: parsing " + as_json(text.substr(0, 64)) + ": invalid syntax"};
  return v;
}

} // namespace troupe::gateway
