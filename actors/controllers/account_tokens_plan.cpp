#include "actors/controllers/account_tokens_plan.hpp"

namespace troupe::controllers {

using k8s::core::v1::Secret;

namespace {

constexpr const char* token_key = "token";
constexpr const char* namespace_key = "namespace";
constexpr const char* root_key = "ca.crt";

template<class Map> std::string at(const Map& map, const char* key) {
  auto hit = map.find(key);
  return hit == map.end() ? std::string{} : std::string(hit->second);
}

} // namespace

std::optional<std::string> account_of(const Secret& secret) {
  if (secret.type() != schema::token_secret_type) return {};
  return at(secret.metadata().annotations(), schema::account_name_annotation);
}

token_secret judge(const Secret& secret, const std::string& account_uid,
                   const std::string& root_ca_pem) {
  auto meant = at(secret.metadata().annotations(), schema::account_uid_annotation);
  if (account_uid.empty() || (!meant.empty() && meant != account_uid)) return token_secret::orphan;
  bool whole = !meant.empty() && !at(secret.data(), token_key).empty() &&
               !at(secret.data(), namespace_key).empty() &&
               at(secret.data(), root_key) == root_ca_pem;
  return whole ? token_secret::good : token_secret::lacks;
}

void fill_in(Secret& secret, const std::string& account_uid, const std::string& root_ca_pem,
             const std::string& token) {
  auto& m = *secret.mutable_metadata();
  (*m.mutable_annotations())[schema::account_uid_annotation] = account_uid;
  auto& data = *secret.mutable_data();
  data[root_key] = root_ca_pem;
  if (at(data, namespace_key).empty()) data[namespace_key] = m.namespace_();
  if (at(data, token_key).empty()) data[token_key] = token;
}

} // namespace troupe::controllers
