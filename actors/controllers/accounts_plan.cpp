#include "actors/controllers/accounts_plan.hpp"

namespace troupe::controllers {

std::vector<accounts_action> plan(const accounts_view& observed) {
  std::vector<accounts_action> actions;
  if (!observed.active) return actions;
  if (!observed.has_default_account) actions.push_back(create_default_account{observed.ns});
  if (!observed.has_root_certificate) actions.push_back(publish_root_certificate{observed.ns});
  return actions;
}

} // namespace troupe::controllers
