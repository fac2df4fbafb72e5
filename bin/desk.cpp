#include "bin/desk.hpp"

namespace troupe::desk {

void refuse(http::responder to, const error& why) {
  to.reply(http::answer(info(why.code).http_status, "application/json",
                        json::write(json::object{{"message", why.message}})));
}

void tell(http::responder to, json::object what) {
  to.reply(http::answer(200, "application/json", json::write(json::value(std::move(what)))));
}

result<void> allow(const gateway::gateway& api, const http::request& request, const char* group,
                   const std::string& what) {
  auto who = api.given.authenticate.identify(request);
  if (!who) return error{errc::unauthorized, "the token is not known or does not hold any more"};
  if (who->in(group) || who->in(administrators)) return {};
  return error{errc::forbidden, who->name + " may not " + what};
}

} // namespace troupe::desk
