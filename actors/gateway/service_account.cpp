#include "actors/gateway/service_account.hpp"

#include "actors/gateway/write.hpp"
#include "actors/gateway/node_authorizer.hpp"
#include "actors/gateway/node_restriction.hpp"
#include "messages/api/authentication.pb.h"
#include "messages/api/config.pb.h"
#include "messages/api/pod.pb.h"

#include <algorithm>

namespace troupe::gateway {

namespace {

using k8s::authentication::v1::TokenRequest;

constexpr const char* issuer = token_issuer;
constexpr const char* claim_space = "kubernetes.io";
// Of tokens that secrets hold.
constexpr const char* older_issuer = "kubernetes/serviceaccount";
constexpr const char* older_namespace = "kubernetes.io/serviceaccount/namespace";
constexpr const char* older_secret = "kubernetes.io/serviceaccount/secret.name";
constexpr const char* older_name = "kubernetes.io/serviceaccount/service-account.name";
constexpr const char* older_uid = "kubernetes.io/serviceaccount/service-account.uid";
constexpr int64_t seconds_default = 3600;
constexpr int64_t seconds_min = 600;
constexpr int64_t seconds_max = int64_t{1} << 32;

error dead(const char* why) {
  return {errc::unauthorized, std::string("the service account token does not hold: ") + why};
}

/// The uid of an object, or nothing if it is not there or on its way out.
std::optional<std::string> uid_of(const storage::snapshot& now, const schema::registry& kinds,
                                  std::string_view plural, std::string_view ns,
                                  std::string_view name) {
  auto kind = kinds.by_resource("", "v1", plural);
  auto entry = now.get(key_of(*kind, ns, name));
  if (!entry) return {};
  auto object = load(*kind, *entry);
  if (meta(*object).has_deletion_timestamp() && plural == "serviceaccounts") return {};
  return meta(*object).uid();
}

std::vector<std::string> audiences_of(const json::value& claims) {
  std::vector<std::string> out;
  auto found = json::find(claims, "aud");
  if (!found) return out;
  if (found->is_string()) out.emplace_back(found->get_string());
  if (auto all = found->if_array())
    for (auto& a : *all)
      if (a.is_string()) out.emplace_back(a.get_string());
  return out;
}

int64_t number(const json::value& claims, std::string_view name) {
  auto found = json::find(claims, name);
  return found && found->is_int64() ? found->get_int64() : 0;
}

user account_user(const std::string& ns, const std::string& name, const std::string& uid) {
  return {"system:serviceaccount:" + ns + ":" + name,
          uid,
          {"system:serviceaccounts", "system:serviceaccounts:" + ns},
          {}};
}

/// A token of the older form is for this cluster's API, and holds while its secret still has it.
result<user> check_older(const storage::snapshot& now, const schema::registry& kinds,
                         std::string_view token, const json::value& claims,
                         const std::vector<std::string>& audiences) {
  if (!audiences.empty() &&
      std::find(audiences.begin(), audiences.end(), issuer) == audiences.end())
    return dead("it is made for another audience");
  std::string ns(json::string_at(claims, {older_namespace})),
      name(json::string_at(claims, {older_name}));
  k8s::core::v1::Secret secret;
  auto held = now.get(
      key_of(*kinds.by_resource("", "v1", "secrets"), ns, json::string_at(claims, {older_secret})));
  if (!held || !read_entry(*held, secret) || secret.metadata().has_deletion_timestamp())
    return dead("its secret is gone");
  auto kept = secret.data().find("token");
  if (kept == secret.data().end() || kept->second != token)
    return dead("its secret holds another one");
  auto uid = uid_of(now, kinds, "serviceaccounts", ns, name);
  if (!uid || *uid != json::string_at(claims, {older_uid})) return dead("its account is gone");
  return account_user(ns, name, *uid);
}

/// What the request says about its account must be what the URL says.
error wrong_account(const call& c, const char* field, const std::string& said) {
  return invalid("authentication.k8s.io", "TokenRequest", c.where.name,
                 {{"FieldValueInvalid",
                   "Invalid value: \"" + said + "\": must match the service account " + field +
                       " if specified",
                   std::string("metadata.") + field}});
}

std::vector<cause> check(const TokenRequest& request) {
  std::vector<cause> causes;
  auto seconds = request.spec().expiration_seconds();
  if (request.spec().has_expiration_seconds() && seconds < seconds_min)
    causes.push_back({"FieldValueInvalid",
                      "Invalid value: " + std::to_string(seconds) +
                          ": may not specify a duration less than 10 minutes",
                      "spec.expirationSeconds"});
  if (seconds > seconds_max)
    causes.push_back({"FieldValueInvalid",
                      "Invalid value: " + std::to_string(seconds) +
                          ": may not specify a duration larger than 2^32 seconds",
                      "spec.expirationSeconds"});
  return causes;
}

/// Which token it is, in the form of a uid.
std::string token_id(uint64_t id) {
  uint64_t more = id * 0x9e3779b97f4a7c15ull; // an even spread of the same chance
  char out[37];
  snprintf(out, sizeof out, "%08x-%04x-4%03x-%04x-%012llx", static_cast<unsigned>(id >> 32),
           static_cast<unsigned>(id >> 16 & 0xffff), static_cast<unsigned>(id & 0xfff),
           static_cast<unsigned>(0x8000 | (more >> 48 & 0x3fff)),
           static_cast<unsigned long long>(more & 0xffffffffffff));
  return out;
}

/// What the token is bound to besides its account: a claim, or why it cannot be.
struct bound {
  std::string kind, name, uid;
  std::string node_name = {}, node_uid = {};
};
result<bound> bound_object(const call& c, const storage::snapshot& now,
                           const TokenRequest& request) {
  if (!request.spec().has_bound_object_ref()) return bound{};
  auto& ref = request.spec().bound_object_ref();
  auto kind = c.kinds->by_kind(ref.api_version().empty() ? "v1" : ref.api_version(), ref.kind());
  if (!kind || (kind->name != "Pod" && kind->name != "Secret" && kind->name != "Node"))
    return error{errc::bad_request, "cannot bind token for serviceaccount \"" + c.where.name +
                                        "\" to " + ref.kind() +
                                        ": only Pod, Secret and Node can be named"};
  auto uid = uid_of(now, *c.kinds, kind->plural, kind->namespaced ? c.where.ns : "", ref.name());
  if (!uid) return not_found(*kind, ref.name());
  bound out{kind->singular, ref.name(), *uid};
  if (kind->name == "Pod") {
    k8s::core::v1::Pod pod;
    if (auto entry = now.find(key_of(*kind, c.where.ns, ref.name())); entry)
      read_entry(*entry, pod);
    if (pod.spec().service_account_name() != c.where.name)
      return error{errc::bad_request, "cannot bind token for serviceaccount \"" + c.where.name +
                                          "\" to pod running with different serviceaccount name."};
    out.node_name = pod.spec().node_name();
    if (!out.node_name.empty())
      out.node_uid = uid_of(now, *c.kinds, "nodes", {}, out.node_name).value_or("");
  }
  if (!ref.uid().empty() && ref.uid() != *uid) {
    auto e = conflict(*kind, ref.name(),
                      "the UID in the bound object reference (" + ref.uid() +
                          ") does not match the UID in record. The object might have been deleted "
                          "and then recreated");
    e.details.kind = kind->name;
    return e;
  }
  return out;
}

/// A node gets tokens for its own pods only.
std::string why_not_for_node(const call& c, const std::string& node, const storage::snapshot& now,
                             const TokenRequest& request) {
  k8s::core::v1::Pod pod;
  auto& ref = request.spec().bound_object_ref();
  auto pods = c.kinds->by_resource("", "v1", "pods");
  auto entry = ref.kind() == "Pod" ? now.find(key_of(*pods, c.where.ns, ref.name())) : nullptr;
  bool there = entry && read_entry(*entry, pod);
  return why_node_may_not_have_token(node, c.where.name,
                                     request.spec().has_bound_object_ref() ? &ref : nullptr,
                                     there ? &pod : nullptr);
}

} // namespace

result<std::string> sign_token(const tls::token_keys& keys, const token_claims& t) {
  json::array audiences;
  for (auto& a : t.audiences) audiences.push_back(json::value(a));
  if (audiences.empty()) audiences.push_back(json::value(issuer));
  json::object own{{"namespace", t.ns},
                   {"serviceaccount", json::object{{"name", t.account}, {"uid", t.account_uid}}}};
  if (!t.bound_kind.empty())
    own[t.bound_kind] = json::object{{"name", t.bound_name}, {"uid", t.bound_uid}};
  if (!t.node_name.empty()) {
    json::object node{{"name", t.node_name}};
    if (!t.node_uid.empty()) node["uid"] = t.node_uid;
    own["node"] = std::move(node);
  }
  json::object claims{{"iss", issuer},
                      {"sub", "system:serviceaccount:" + t.ns + ":" + t.account},
                      {"aud", std::move(audiences)},
                      {"iat", t.now},
                      {"nbf", t.now},
                      {"exp", t.expires},
                      {"jti", token_id(t.id)},
                      {claim_space, std::move(own)}};
  return keys.sign(json::write(json::value(std::move(claims))));
}

result<std::string> sign_older_token(const tls::token_keys& keys, const secret_claims& t) {
  return keys.sign(json::write(
      json::value(json::object{{"iss", older_issuer},
                               {"sub", "system:serviceaccount:" + t.ns + ":" + t.account},
                               {older_namespace, t.ns},
                               {older_secret, t.secret},
                               {older_name, t.account},
                               {older_uid, t.account_uid}})));
}

std::optional<std::string> account_uid(const storage::snapshot& now, std::string_view ns,
                                       std::string_view name) {
  return uid_of(now, *schema::registry::built_in(), "serviceaccounts", ns, name);
}

void create_token(gateway& g, call_ptr p) {
  auto& c = *p;
  auto options = read_write_options(c.query, "CreateOptions");
  if (!options) return c.fail(options.error());
  TokenRequest request;
  auto form = body_format(c.request.header("Content-Type"));
  if (!form) return c.fail(form.error());
  auto read =
      read_document(request, "authentication.k8s.io/v1", "TokenRequest", *form, c.request.body);
  if (!read) return c.fail(read.error());
  auto& said = request.metadata();
  if (!said.name().empty() && said.name() != c.where.name)
    return c.fail(wrong_account(c, "name", said.name()));
  if (!said.namespace_().empty() && said.namespace_() != c.where.ns)
    return c.fail(wrong_account(c, "namespace", said.namespace_()));
  auto now = g.given.store->current();
  auto account = uid_of(now, *c.kinds, "serviceaccounts", c.where.ns, c.where.name);
  if (!account) return c.fail(not_found(*c.kind, c.where.name));
  if (auto causes = check(request); !causes.empty())
    return c.fail(invalid("authentication.k8s.io", "TokenRequest", "", std::move(causes)));
  if (auto node = node_of(c.who))
    if (auto why = why_not_for_node(c, *node, now, request); !why.empty())
      return c.fail(forbidden(*c.kind, c.where.name, why));
  auto bound = bound_object(c, now, request);
  if (!bound) return c.fail(bound.error());

  auto& spec = *request.mutable_spec();
  if (!spec.has_expiration_seconds()) spec.set_expiration_seconds(seconds_default);
  if (spec.audiences().empty()) spec.add_audiences(issuer);
  auto end = c.now.seconds + spec.expiration_seconds();
  auto token = sign_token(*g.given.token_keys,
                          {.ns = c.where.ns,
                           .account = c.where.name,
                           .account_uid = *account,
                           .audiences = {spec.audiences().begin(), spec.audiences().end()},
                           .bound_kind = bound->kind,
                           .bound_name = bound->name,
                           .bound_uid = bound->uid,
                           .node_name = bound->node_name,
                           .node_uid = bound->node_uid,
                           .now = c.now.seconds,
                           .expires = end,
                           .id = g.given.random()});
  if (!token) return c.fail(token.error());
  auto& m = *request.mutable_metadata();
  m.set_name(c.where.name);
  m.set_namespace_(c.where.ns);
  m.mutable_creation_timestamp()->set_seconds(c.now.seconds);
  request.mutable_status()->set_token(*token);
  request.mutable_status()->mutable_expiration_timestamp()->set_seconds(end);
  c.answer_document(201, "authentication.k8s.io/v1", "TokenRequest", request);
}

result<std::optional<user>> check_token(const tls::token_keys& keys, const storage::snapshot& now,
                                        const schema::registry& kinds, timestamp at,
                                        std::string_view token,
                                        const std::vector<std::string>& audiences) {
  if (std::count(token.begin(), token.end(), '.') != 2) return std::optional<user>{};
  auto text = keys.verify(token);
  if (!text) return text.error();
  auto claims = json::parse(*text);
  if (claims && json::string_at(*claims, {"iss"}) == older_issuer) {
    auto who = check_older(now, kinds, token, *claims, audiences);
    if (!who) return who.error();
    return std::optional(std::move(*who));
  }
  if (!claims || json::string_at(*claims, {"iss"}) != issuer) return dead("its issuer is another");
  if (number(*claims, "exp") <= at.seconds) return dead("it has expired");
  if (number(*claims, "nbf") > at.seconds) return dead("its time has not come");
  auto made_for = audiences_of(*claims);
  std::vector<std::string> wanted =
      audiences.empty() ? std::vector<std::string>{issuer} : audiences;
  if (std::none_of(wanted.begin(), wanted.end(), [&](auto& w) {
        return std::find(made_for.begin(), made_for.end(), w) != made_for.end();
      }))
    return dead("it is made for another audience");
  auto ns = std::string(json::string_at(*claims, {claim_space, "namespace"}));
  auto name = std::string(json::string_at(*claims, {claim_space, "serviceaccount", "name"}));
  auto uid = uid_of(now, kinds, "serviceaccounts", ns, name);
  if (!uid || *uid != json::string_at(*claims, {claim_space, "serviceaccount", "uid"}))
    return dead("its account is gone");
  auto who = account_user(ns, name, *uid);
  auto extra = [&](const char* key, std::string_view value) {
    if (!value.empty())
      who.extra[std::string("authentication.kubernetes.io/") + key] = {std::string(value)};
  };
  if (auto id = json::string_at(*claims, {"jti"}); !id.empty())
    extra("credential-id", "JTI=" + std::string(id));
  bool of_pod = json::find(*claims, {claim_space, "pod"});
  for (auto [kind, plural] :
       {std::pair("pod", "pods"), std::pair("secret", "secrets"), std::pair("node", "nodes")}) {
    auto bound = json::find(*claims, {claim_space, kind});
    if (!bound) continue;
    std::string_view what = kind;
    auto bound_name = json::string_at(*bound, {"name"}),
         bound_uid = json::string_at(*bound, {"uid"});
    // The machine of a pod is told for those who wonder; the pod is what matters.
    if (what != "node" || !of_pod) {
      auto there = uid_of(now, kinds, plural, what == "node" ? "" : ns, bound_name);
      if (!there || *there != bound_uid) return dead("what it is bound to is gone");
    }
    if (what == "secret") continue;
    extra(what == "pod" ? "pod-name" : "node-name", bound_name);
    extra(what == "pod" ? "pod-uid" : "node-uid", bound_uid);
  }
  return std::optional(std::move(who));
}

} // namespace troupe::gateway
