// Secrets that hold a token of a service account.
#pragma once

namespace troupe::schema {

inline constexpr const char* token_secret_type = "kubernetes.io/service-account-token";
inline constexpr const char* account_name_annotation = "kubernetes.io/service-account.name";
inline constexpr const char* account_uid_annotation = "kubernetes.io/service-account.uid";

} // namespace troupe::schema
