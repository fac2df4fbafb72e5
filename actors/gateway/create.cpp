#include "actors/gateway/custom.hpp"
#include "actors/gateway/verbs.hpp"
#include "actors/gateway/write.hpp"

namespace troupe::gateway {

void create(gateway& g, call_ptr c) {
  auto options = read_write_options(c->query, "CreateOptions");
  if (!options) return c->fail(options.error());
  auto read = read_sent(*c, *options);
  if (!read) return c->fail(read.error());
  if (auto ok = fit_to_path(*c, **read); !ok) return c->fail(ok.error());
  auto sent = std::make_shared<object>(std::move(*read));
  g.write(c,
          [&g, sent, options = *options](call& c, const storage::snapshot& now) -> result<change> {
            if (is_leaving(*c.kind, now))
              return error{errc::method_not_allowed,
                           "create not allowed while custom resource definition is terminating"};
            // Used up by the first attempt, which nearly always is the only one.
            if (*sent) return plan_create(g, c, std::move(*sent), options, now);
            auto again = read_sent(c, options);
            if (!again) return again.error();
            if (auto ok = fit_to_path(c, **again); !ok) return ok.error();
            return plan_create(g, c, std::move(*again), options, now);
          });
}

} // namespace troupe::gateway
