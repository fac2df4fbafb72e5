// Who is asking: found out from the client certificate or the bearer token. Pure, but for the
// tables that it is given.
#pragma once

#include "actors/gateway/user.hpp"
#include "messages/base/error.hpp"
#include "net/http/request.hpp"

#include <functional>
#include <optional>

namespace troupe::gateway {

/// A token that stands for a user until the server stops: for tests and bootstrapping.
struct static_token {
  std::string token;
  user who;
};

/// Reads "token,user,uid,\"group1,group2\"" lines, as kube-apiserver's token file has them.
result<std::vector<static_token>> read_token_file(std::string_view text);

class authenticator {
public:
  /// Asked for bearer tokens that are not static: service account and bootstrap tokens. Nothing if
  /// the token is not of that kind; an error if it is and does not hold.
  using token_check = std::function<result<std::optional<user>>(
      std::string_view token, const std::vector<std::string>& audiences)>;

  std::vector<static_token> tokens;
  token_check check;
  bool anonymous = true; ///< nobody in particular is system:anonymous, instead of being refused

  /// unauthorized, with one line why for the log, if what was shown does not hold.
  result<user> identify(const http::request& request) const;
  /// Who a bearer token stands for. `audiences`: whom it must be made for; the API server if empty.
  result<user> identify_token(std::string_view token,
                              const std::vector<std::string>& audiences = {}) const;
};

} // namespace troupe::gateway
