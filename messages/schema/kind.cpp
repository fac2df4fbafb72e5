#include "messages/schema/kind.hpp"

#include "messages/api/options.pb.h"
#include "messages/schema/built_in.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>

namespace troupe::schema {

namespace {

constexpr std::string_view all_verbs = "create,delete,deletecollection,get,list,patch,update,watch";

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    auto comma = std::min(text.find(','), text.size());
    parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

kind describe(const google::protobuf::Message& prototype) {
  auto d = prototype.GetDescriptor();
  auto& options = d->options().GetExtension(k8s::kind);
  kind k;
  k.group = options.group();
  k.version = options.version();
  k.name = d->name();
  k.list_name = d->name() + "List";
  k.plural = options.plural();
  k.singular = options.has_singular() ? options.singular() : lower(d->name());
  k.short_names.assign(options.short_().begin(), options.short_().end());
  k.categories.assign(options.category().begin(), options.category().end());
  k.verbs = split(options.has_verbs() ? std::string_view(options.verbs()) : all_verbs);
  k.namespaced = options.namespaced();
  k.doc = options.doc();
  k.shape = &of(d);
  k.prototype = &prototype;
  for (auto& s : options.subresource())
    k.subresources.push_back({s.name(), s.has_kind() ? s.kind() : d->name(), split(s.verbs())});
  return k;
}

std::string key(std::string_view a, std::string_view b, std::string_view c) {
  std::string out;
  out.reserve(a.size() + b.size() + c.size() + 2);
  return out.append(a).append("/").append(b).append("/").append(c);
}

/// The packages in which the documents of a group are declared.
const std::unordered_map<std::string_view, std::string_view>& packages() {
  static const std::unordered_map<std::string_view, std::string_view> table{
      {"", "core"},
      {"rbac.authorization.k8s.io", "rbac"},
      {"flowcontrol.apiserver.k8s.io", "flowcontrol"},
      {"admissionregistration.k8s.io", "admissionregistration"},
      {"apiextensions.k8s.io", "apiextensions"},
      {"apiregistration.k8s.io", "apiregistration"},
      {"audit.k8s.io", "audit"},
      {"custom.metrics.k8s.io", "custom_metrics"},
      {"external.metrics.k8s.io", "external_metrics"},
  };
  return table;
}

} // namespace

bool kind::has_verb(std::string_view verb) const {
  return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
}

const subresource* kind::find_subresource(std::string_view name) const {
  for (auto& s : subresources)
    if (s.name == name) return &s;
  return nullptr;
}

const std::shared_ptr<const registry>& registry::built_in() {
  static const auto& shared = *new std::shared_ptr<const registry>([] {
    auto all = std::make_shared<registry>();
    for (auto* prototype : built_in_prototypes()) all->add(describe(*prototype));
    return all;
  }());
  return shared;
}

std::shared_ptr<const registry> registry::with(std::vector<kind> custom) {
  auto all = std::make_shared<registry>();
  for (auto& k : built_in()->kinds_) all->add(k);
  for (auto& k : custom) all->add(std::move(k));
  return all;
}

void registry::add(kind k) {
  auto& kept = kinds_.emplace_back(std::move(k));
  by_resource_.emplace(key(kept.group, kept.version, kept.plural), &kept);
  by_kind_.emplace(key(kept.group, kept.version, kept.name), &kept);
}

const kind* registry::by_resource(std::string_view group, std::string_view version,
                                  std::string_view plural) const {
  auto hit = by_resource_.find(key(group, version, plural));
  return hit == by_resource_.end() ? nullptr : hit->second;
}

const kind* registry::by_kind(std::string_view api_version, std::string_view kind) const {
  auto gv = split_api_version(api_version);
  auto hit = by_kind_.find(key(gv.group, gv.version, kind));
  return hit == by_kind_.end() ? nullptr : hit->second;
}

const kind* registry::by_word(std::string_view word) const {
  auto wanted = lower(word);
  for (auto& k : kinds_) {
    auto matches = [&](std::string_view name) {
      return wanted == name || wanted == std::string(name) + "." + k.group ||
             wanted == std::string(name) + "." + k.version + "." + k.group;
    };
    if (matches(k.plural) || matches(k.singular)) return &k;
    if (std::any_of(k.short_names.begin(), k.short_names.end(), matches)) return &k;
  }
  return nullptr;
}

std::vector<const kind*> registry::kinds_of(std::string_view group,
                                            std::string_view version) const {
  std::vector<const kind*> found;
  for (auto& k : kinds_)
    if (k.group == group && k.version == version) found.push_back(&k);
  return found;
}

std::vector<std::string> registry::homes(std::string_view kind) const {
  std::vector<std::string> found;
  for (auto& k : kinds_)
    if (k.name == kind) found.push_back(k.api_version());
  return found;
}

const google::protobuf::Descriptor* find_message(std::string_view api_version,
                                                 std::string_view kind) {
  static const auto linked = other_documents();
  auto pool = google::protobuf::DescriptorPool::generated_pool();
  auto gv = split_api_version(api_version);
  auto known = packages().find(gv.group);
  auto group = known != packages().end() ? known->second : gv.group.substr(0, gv.group.find('.'));
  auto in = [&](std::string_view package) {
    auto name = "k8s." + std::string(package) + "." + std::string(kind);
    return pool->FindMessageTypeByName(name);
  };
  auto found = in(std::string(group) + "." + std::string(gv.version));
  if (!found) found = in("meta.v1");
  return found && of(found).type_meta ? found : nullptr;
}

group_version split_api_version(std::string_view api_version) {
  auto slash = api_version.find('/');
  if (slash == api_version.npos) return {{}, api_version};
  return {api_version.substr(0, slash), api_version.substr(slash + 1)};
}

} // namespace troupe::schema
