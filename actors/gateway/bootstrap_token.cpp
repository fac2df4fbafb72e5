#include "actors/gateway/bootstrap_token.hpp"

#include <openssl/crypto.h>

#include <algorithm>

namespace troupe::gateway {

namespace {

constexpr size_t id_size = 6, secret_size = 16;
constexpr const char* secret_type = "bootstrap.kubernetes.io/token";

bool plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

std::string value(const k8s::core::v1::Secret& secret, const char* name) {
  auto hit = secret.data().find(name);
  return hit == secret.data().end() ? std::string{} : hit->second;
}

} // namespace

std::optional<bootstrap_token> bootstrap_token::parse(std::string_view text) {
  if (text.size() != id_size + 1 + secret_size || text[id_size] != '.') return {};
  bootstrap_token out{std::string(text.substr(0, id_size)), std::string(text.substr(id_size + 1))};
  if (!plain(out.id) || !plain(out.secret)) return {};
  return out;
}

result<std::optional<user>> check_bootstrap_token(const storage::snapshot& now, timestamp at,
                                                  std::string_view text) {
  auto token = bootstrap_token::parse(text);
  if (!token) return std::optional<user>{};
  // One answer for all reasons: whoever guesses learns nothing.
  error unknown{errc::unauthorized, "the bootstrap token is not known or does not hold any more"};
  auto entry = now.get("secrets/kube-system/bootstrap-token-" + token->id);
  k8s::core::v1::Secret secret;
  if (!entry ||
      !secret.ParsePartialFromArray(entry->value().data(),
                                    static_cast<int>(entry->value().size())) ||
      secret.type() != secret_type || secret.metadata().has_deletion_timestamp())
    return unknown;
  auto held = value(secret, "token-secret");
  if (held.size() != token->secret.size() ||
      CRYPTO_memcmp(held.data(), token->secret.data(), held.size()) != 0 ||
      value(secret, "token-id") != token->id ||
      value(secret, "usage-bootstrap-authentication") != "true")
    return unknown;
  if (auto until = value(secret, "expiration"); !until.empty()) {
    auto end = parse_time(until);
    if (!end || *end <= at) return unknown;
  }
  user who{"system:bootstrap:" + token->id, {}, {bootstrappers}, {}};
  auto groups = value(secret, "auth-extra-groups");
  for (size_t from = 0; from < groups.size();) {
    auto to = std::min(groups.find(',', from), groups.size());
    auto group = groups.substr(from, to - from);
    if (group.starts_with("system:bootstrappers:")) who.groups.push_back(group);
    from = to + 1;
  }
  return std::optional(std::move(who));
}

k8s::core::v1::Secret bootstrap_secret(const bootstrap_token& token, int64_t expires_at,
                                       const std::string& words, const std::string& group) {
  k8s::core::v1::Secret out;
  out.mutable_metadata()->set_name("bootstrap-token-" + token.id);
  out.mutable_metadata()->set_namespace_("kube-system");
  out.set_type(secret_type);
  auto& data = *out.mutable_data();
  data["token-id"] = token.id;
  data["token-secret"] = token.secret;
  data["usage-bootstrap-authentication"] = "true";
  data["usage-bootstrap-signing"] = "true";
  if (expires_at != 0) data["expiration"] = format_time(expires_at);
  if (!words.empty()) data["description"] = words;
  if (!group.empty()) data["auth-extra-groups"] = group;
  return out;
}

} // namespace troupe::gateway
