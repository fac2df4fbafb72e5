// CustomResourceDefinitions: names, versions, columns, subresources. Their schemas are in
// custom_schema.cpp.
#include "messages/schema/validate/custom.hpp"

#include "messages/api/apiextensions.pb.h"

#include <algorithm>

namespace troupe::schema::validate {

namespace {

using namespace k8s::apiextensions::v1;
using names_of = CustomResourceDefinitionNames;
using version_of = CustomResourceDefinitionVersion;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return tolower(c); });
  return text;
}

void kind_names(report& out, const path& at, const names_of& n) {
  constexpr const char* mixed = "may have mixed case, but should otherwise match: ";
  out.not_empty(at / "plural", n.plural());
  out.not_empty(at / "singular", n.singular());
  out.not_empty(at / "kind", n.kind());
  out.not_empty(at / "listKind", n.list_kind());
  auto label = [&](const path& here, const std::string& shown, const std::string& value,
                   std::string_view prefix = {}) {
    out.invalid_joined(here, shown, names::dns1035_label(value), ",", prefix);
  };
  if (!n.plural().empty()) label(at / "plural", n.plural(), n.plural());
  if (!n.singular().empty()) label(at / "singular", n.singular(), n.singular());
  if (!n.kind().empty()) label(at / "kind", n.kind(), lower(n.kind()), mixed);
  if (!n.list_kind().empty()) label(at / "listKind", n.list_kind(), lower(n.list_kind()), mixed);
  auto shorts = at / "shortNames", categories = at / "categories";
  for (int i = 0; i < n.short_names_size(); ++i)
    label(shorts[i], n.short_names(i), n.short_names(i));
  if (!n.kind().empty() && n.kind() == n.list_kind())
    out.invalid(at / "listKind", n.list_kind(), "kind and listKind may not be the same");
  for (int i = 0; i < n.categories_size(); ++i)
    label(categories[i], n.categories(i), n.categories(i));
}

/// A plain chain of names, without subscripts.
bool plain_path(std::string_view text) {
  return text.starts_with('.') && text.find_first_of("[]()*") == text.npos && text.back() != '.' &&
         text.find("..") == text.npos;
}

/// A JSONPath of a subresource or column begins with a dot; whether all is well.
bool dotted(report& out, const path& at, const std::string& text) {
  if (text.starts_with('.')) return true;
  out.invalid(at, text, "must be a simple json path starting with .");
  return false;
}

void columns(report& out, const path& at, const version_of& v) {
  for (int i = 0; i < v.additional_printer_columns_size(); ++i) {
    auto& c = v.additional_printer_columns(i);
    auto here = at[i];
    out.not_empty(here / "name", c.name());
    constexpr std::string_view types[] = {"integer", "number", "string", "boolean", "date"};
    if (c.type().empty())
      out.required(here / "type", "must be one of boolean,date,integer,number,string");
    else if (std::find(std::begin(types), std::end(types), c.type()) == std::end(types))
      out.invalid(here / "type", c.type(), "must be one of boolean,date,integer,number,string");
    constexpr std::string_view formats[] = {"",     "int32", "int64",     "float",   "double",
                                            "byte", "date",  "date-time", "password"};
    if (std::find(std::begin(formats), std::end(formats), c.format()) == std::end(formats))
      out.invalid(here / "format", c.format(),
                  "must be one of byte,date,date-time,double,float,int32,int64,password");
    // Kubernetes' spelling in faults.
    if (out.not_empty(here / "JSONPath", c.json_path()))
      dotted(out, here / "JSONPath", c.json_path());
  }
}

void scale(report& out, const path& at, const CustomResourceSubresourceScale& s) {
  auto check = [&](const char* field, const std::string& value, allowed prefixes, const char* why) {
    if (dotted(out, at / field, value) &&
        std::none_of(prefixes.begin(), prefixes.end(),
                     [&](auto p) { return value.starts_with(p); }))
      out.invalid(at / field, value, why);
  };
  if (out.not_empty(at / "specReplicasPath", s.spec_replicas_path()))
    check("specReplicasPath", s.spec_replicas_path(), {".spec."},
          "should be a json path under .spec");
  if (out.not_empty(at / "statusReplicasPath", s.status_replicas_path()))
    check("statusReplicasPath", s.status_replicas_path(), {".status."},
          "should be a json path under .status");
  if (!s.label_selector_path().empty())
    check("labelSelectorPath", s.label_selector_path(), {".spec.", ".status."},
          "should be a json path under either .spec or .status");
}

/// What a schema says of the field behind `.a.b`; null if it knows none.
const JSONSchemaProps* part_at(const JSONSchemaProps& s, std::string_view path) {
  auto at = &s;
  while (!path.empty()) {
    path.remove_prefix(1);
    auto dot = std::min(path.find('.'), path.size());
    auto below = at->properties().find(std::string(path.substr(0, dot)));
    if (below == at->properties().end()) return nullptr;
    at = &below->second;
    path.remove_prefix(dot);
  }
  return at;
}

void selectable(report& out, const path& at, const version_of& v) {
  constexpr int most = 8;
  if (v.selectable_fields_size() > most)
    out.too_many(at, static_cast<size_t>(v.selectable_fields_size()), most);
  std::set<std::string_view> seen;
  for (int i = 0; i < v.selectable_fields_size(); ++i) {
    auto here = at[i];
    auto& field = v.selectable_fields(i).json_path();
    auto said = here / "jsonPath";
    if (field.empty()) {
      out.required(said);
      continue;
    }
    auto found = plain_path(field) ? part_at(v.schema().openapi_v3_schema(), field) : nullptr;
    bool metadata = field == ".metadata" || field.starts_with(".metadata.");
    if (metadata)
      out.invalid(said, field, "must not point to fields in metadata");
    else if (!found)
      out.invalid(said, field, "is an invalid path: does not refer to a valid field");
    else if (found->type() != "string" && found->type() != "boolean" && found->type() != "integer")
      out.invalid(
          said, field,
          "must point to a field of type string, boolean or integer. Enum string fields and "
          "strings with formats are allowed.");
    if (!found || metadata) continue;
    if (!seen.insert(field).second) out.duplicate(here / "jsonPath", field);
  }
}

/// Where faults in a part of every version are reported: what all versions share counts as said
/// once.
class places {
public:
  explicit places(const CustomResourceDefinitionSpec& s) {
    for (auto& v : s.versions()) {
      shared_schema = shared_schema && same(v.schema(), s.versions(0).schema());
      shared_subresources =
          shared_subresources && same(v.subresources(), s.versions(0).subresources());
      shared_columns = shared_columns && same_list(v.additional_printer_columns(),
                                                   s.versions(0).additional_printer_columns());
      shared_fields =
          shared_fields && same_list(v.selectable_fields(), s.versions(0).selectable_fields());
    }
  }

  bool shared_schema = true, shared_subresources = true, shared_columns = true,
       shared_fields = true;

private:
  template<class List> static bool same_list(const List& a, const List& b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](auto& x, auto& y) { return same(x, y); });
  }
};

void deprecation(report& out, const path& at, const version_of& v) {
  if (!v.has_deprecation_warning()) return;
  auto& text = v.deprecation_warning();
  if (!v.deprecated()) return out.invalid(at, text, "can only be set for deprecated versions");
  if (text.size() > 256) out.invalid(at, text, "must be <= 256 characters long");
  if (text.empty()) out.invalid(at, text, "must not be an empty string");
  for (size_t i = 0; i < text.size(); ++i)
    if (auto c = static_cast<unsigned char>(text[i]); c < ' ' || c == 0x7f)
      return out.invalid(at, text,
                         "must only contain printable UTF-8 characters; non-printable character "
                         "found at index " +
                             std::to_string(i));
}

void versions(report& out, const path& at, const CustomResourceDefinitionSpec& s) {
  places where(s);
  auto list = at / "versions";
  int stored = 0;
  bool unique = true;
  std::set<std::string_view> seen;
  for (int i = 0; i < s.versions_size(); ++i) {
    auto& v = s.versions(i);
    auto here = list[i];
    out.invalid_joined(here / "name", v.name(), names::dns1035_label(v.name()), ",");
    unique = seen.insert(v.name()).second && unique;
    stored += v.storage();
    deprecation(out, here / "deprecationWarning", v);
    bool first = i == 0;
    if (first || !where.shared_schema) {
      if (!v.schema().has_openapi_v3_schema())
        for (int n = i; n < (where.shared_schema ? s.versions_size() : i + 1); ++n) {
          auto each = list[n];
          out.required(each / "schema.openAPIV3Schema", "schemas are required");
        }
      else
        custom_schema(out,
                      where.shared_schema ? at / "validation.openAPIV3Schema"
                                          : here / "schema.openAPIV3Schema",
                      v.schema().openapi_v3_schema(), v.subresources().has_status());
    }
    if (first || !where.shared_columns)
      columns(out,
              where.shared_columns ? at / "additionalPrinterColumns"
                                   : here / "additionalPrinterColumns",
              v);
    if ((first || !where.shared_subresources) && v.subresources().has_scale())
      scale(out,
            where.shared_subresources ? at / "subresources.scale" : here / "subresources.scale",
            v.subresources().scale());
    if (first || !where.shared_fields)
      selectable(out, where.shared_fields ? at / "selectableFields" : here / "selectableFields", v);
  }
  if (!unique) out.invalid(list, "", "must contain unique version names");
  if (stored != 1)
    out.invalid(list, stored, "must have exactly one version marked as storage version");
  // The first version stands for all where there used to be one.
  if (s.versions_size() > 0)
    out.invalid_joined(at / "version", s.versions(0).name(),
                       names::dns1035_label(s.versions(0).name()), ",");
}

void conversion(report& out, const path& at, const CustomResourceConversion& c) {
  if (c.strategy() != "Webhook") {
    out.one_of(at / "strategy", c.strategy(), {"None", "Webhook"});
    constexpr const char* why = "should not be set when strategy is not set to Webhook";
    if (c.webhook().has_client_config()) out.forbidden(at / "webhookClientConfig", why);
    if (c.webhook().conversion_review_versions_size() > 0)
      out.forbidden(at / "conversionReviewVersions", why);
    return;
  }
  auto client = at / "webhookClientConfig";
  if (!c.webhook().has_client_config()) {
    out.required(client, "required when strategy is set to Webhook");
  } else {
    auto& config = c.webhook().client_config();
    webhook_client(out, client, config.url(), config.has_url(), config.has_service(),
                   config.service().name(), config.service().namespace_(), config.service().path(),
                   config.service().port());
  }
  review_versions(out, at / "conversionReviewVersions", c.webhook().conversion_review_versions(),
                  {});
}

void stored_versions(report& out, const path& at, const CustomResourceDefinition& d) {
  auto& stored = d.status().stored_versions();
  if (stored.empty()) return out.invalid(at, "", "must have at least one stored version");
  for (auto& v : d.spec().versions())
    if (v.storage() && std::find(stored.begin(), stored.end(), v.name()) == stored.end())
      out.invalid(at, v.name(), "must have the storage version " + v.name());
  for (int i = 0; i < stored.size(); ++i) {
    auto known = [&](auto& v) { return v.name() == stored[i]; };
    if (std::none_of(d.spec().versions().begin(), d.spec().versions().end(), known))
      out.invalid(at[i], stored[i], "must appear in spec.versions");
  }
}

/// Kinds in Kubernetes' own groups say who approved them, or that nobody did.
void approval(report& out, const path& at, const texts& notes) {
  constexpr const char* note = "api-approved.kubernetes.io";
  constexpr const char* see = ", see https://github.com/kubernetes/enhancements/pull/1111";
  auto why = "protected groups must have approval annotation \"" + std::string(note) + "\"";
  auto found = notes.find(note);
  auto here = at.key(note);
  if (found == notes.end() || found->second.empty()) return out.required(here, why + see);
  auto& value = found->second;
  auto scheme = value.find("://");
  bool url =
      scheme != value.npos && scheme > 0 && scheme + 3 < value.size() && value[scheme + 3] != '/';
  if (!value.starts_with("unapproved") && !url)
    out.invalid(here, value,
                why + " with either a URL or a reason starting with \"unapproved\"" + see);
}

void definition_create(report& out, const CustomResourceDefinition& d) {
  path top;
  if (d.metadata().name() != d.spec().names().plural() + "." + d.spec().group())
    out.invalid(top / "metadata.name", d.metadata().name(),
                "must be spec.names.plural+\".\"+spec.group");
}

void definition(report& out, const CustomResourceDefinition& d) {
  path top;
  auto at = top / "spec";
  auto& s = d.spec();
  auto group = at / "group";
  if (out.not_empty(group, s.group())) {
    auto faults = names::dns_subdomain(s.group());
    out.invalid_joined(group, s.group(), faults, ",");
    if (faults.empty() && s.group().find('.') == s.group().npos)
      out.invalid(group, s.group(), "should be a domain with at least one dot");
    bool protected_group = s.group() == "k8s.io" || s.group() == "kubernetes.io" ||
                           s.group().ends_with(".k8s.io") || s.group().ends_with(".kubernetes.io");
    if (protected_group) approval(out, top / "metadata.annotations", d.metadata().annotations());
  }
  out.one_of(at / "scope", s.scope(), {"Cluster", "Namespaced"});
  versions(out, at, s);
  kind_names(out, at / "names", s.names());
  conversion(out, at / "conversion", s.conversion());
  if (s.preserve_unknown_fields())
    out.invalid(at / "preserveUnknownFields", true,
                "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in "
                "spec.versions[*].schema instead");
  stored_versions(out, top / "status.storedVersions", d);
}

bool established(const CustomResourceDefinition& d) {
  return std::any_of(d.status().conditions().begin(), d.status().conditions().end(),
                     [](auto& c) { return c.type() == "Established" && c.status() == "True"; });
}

void definition_update(report& out, const CustomResourceDefinition& d,
                       const CustomResourceDefinition& old) {
  path top;
  auto at = top / "spec";
  auto &now = d.spec(), &before = old.spec();
  if (established(old)) {
    out.immutable(at / "scope", now.scope(), now.scope() == before.scope());
    out.immutable(at / "names.kind", now.names().kind(),
                  now.names().kind() == before.names().kind());
  }
  out.immutable(at / "group", now.group(), now.group() == before.group());
  out.immutable(at / "names.plural", now.names().plural(),
                now.names().plural() == before.names().plural());
}

void definition_status(report& out, const CustomResourceDefinition& d,
                       const CustomResourceDefinition&) {
  path at;
  stored_versions(out, at / "status.storedVersions", d);
}

} // namespace

std::vector<row> custom_kinds() {
  return {
      kind_row<CustomResourceDefinition>()
          .any_time<definition>()
          .on_create<definition_create>()
          .on_update<definition_update>()
          .on_status<definition_status>(),
  };
}

} // namespace troupe::schema::validate
