// The ACCOUNT TOKENS controller: fills in secrets that ask for a token of a service account. They
// go with their account, and who takes one away takes the account's reference to it along.
#pragma once

#include "actors/controllers/environment.hpp"

namespace troupe::controllers {

controller_actor::behavior_type account_tokens(controller_actor::pointer self, environment given);

} // namespace troupe::controllers
