// May they: every request is held against the rule book, which is made anew when roles change, and
// that of a node against what is on the node.
#pragma once

#include "actors/gateway/call.hpp"
#include "actors/gateway/rbac.hpp"

#include <atomic>
#include <mutex>

namespace troupe::gateway {

/// What a request wants, as rules speak of it.
attributes attributes_of(const route& where);
/// `pods "p" is forbidden: User "u" cannot get resource "pods" in API group "" in the namespace
/// "n"`.
error not_allowed(const user& who, const attributes& wanted, const std::string& why = {});

class authorizer {
public:
  explicit authorizer(storage::store& store);

  /// The book as of now. Any thread.
  std::shared_ptr<const rule_book> book();

  result<void> check(const user& who, const attributes& wanted);
  /// The user that the request's Impersonate headers ask for, if its sender may do that.
  result<user> impersonated(const user& who, const http::request& request);

private:
  storage::store& store_;
  std::atomic<bool> stale_{true};
  std::mutex mutex_;
  std::vector<storage::watch> watches_;
  std::shared_ptr<const rule_book> book_;
};

} // namespace troupe::gateway
