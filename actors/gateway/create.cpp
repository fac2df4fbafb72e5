#include "actors/gateway/verbs.hpp"
#include "actors/gateway/write.hpp"

namespace troupe::gateway {

void create(gateway& g, call_ptr c) {
  auto options = read_write_options(c->query, "CreateOptions");
  if (!options) return c->fail(options.error());
  auto read = read_sent(*c, *options);
  if (!read) return c->fail(read.error());
  if (auto ok = fit_to_path(*c, **read); !ok) return c->fail(ok.error());
  std::shared_ptr<google::protobuf::Message> sent = std::move(*read);
  g.write(c, [&g, sent, options = *options](call& c, const storage::snapshot& now) {
    return plan_create(g, c, copy(*sent), options, now);
  });
}

} // namespace troupe::gateway
