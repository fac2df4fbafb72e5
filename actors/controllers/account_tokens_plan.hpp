// Decides what becomes of a secret that asks for a token of a service account. Pure: no actors,
// clock or I/O.
#pragma once

#include "messages/api/config.pb.h"
#include "messages/schema/token_secret.hpp"

#include <optional>
#include <string>

namespace troupe::controllers {

/// The account that a secret is for; nothing if it asks for no token.
std::optional<std::string> account_of(const k8s::core::v1::Secret& secret);

/// What a secret's account says of it.
enum class token_secret : uint8_t {
  good,   ///< nothing is missing
  lacks,  ///< it is to be filled in
  orphan, ///< its account is not there: it goes
};

/// `account_uid` is that of the account it names, empty if there is none.
token_secret judge(const k8s::core::v1::Secret& secret, const std::string& account_uid,
                   const std::string& root_ca_pem);

/// Fills in what is missing. Judged again, it is good.
void fill_in(k8s::core::v1::Secret& secret, const std::string& account_uid,
             const std::string& root_ca_pem, const std::string& token);

} // namespace troupe::controllers
