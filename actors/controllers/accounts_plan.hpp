// Decides what every namespace has of its own: the account that pods run as, and the certificate by
// which they know the server. Pure: no actors, clock or I/O.
#pragma once

#include <string>
#include <variant>
#include <vector>

namespace troupe::controllers {

struct accounts_view {
  std::string ns;
  bool active = false;
  bool has_default_account = false;
  bool has_root_certificate = false; ///< the present one
};

/// Makes the account "default".
struct create_default_account {
  std::string ns;
  bool operator==(const create_default_account&) const = default;
};
/// Makes or mends the config map "kube-root-ca.crt".
struct publish_root_certificate {
  std::string ns;
  bool operator==(const publish_root_certificate&) const = default;
};

using accounts_action = std::variant<create_default_account, publish_root_certificate>;

/// What is missing. Planning again on the outcome returns nothing.
std::vector<accounts_action> plan(const accounts_view& observed);

} // namespace troupe::controllers
