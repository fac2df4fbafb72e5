#include "actors/gateway/verbs.hpp"
#include "actors/gateway/write.hpp"

namespace troupe::gateway {

void update(gateway& g, call_ptr c) {
  auto options = read_write_options(c->query, "UpdateOptions");
  if (!options) return c->fail(options.error());
  auto read = read_sent(*c, *options);
  if (!read) return c->fail(read.error());
  if (meta(**read).name().empty())
    return c->fail({errc::bad_request, "the name of the object (" + c->where.name +
                                           " based on URL) was undeterminable: name must be "
                                           "provided"});
  if (auto ok = fit_to_path(*c, **read); !ok) return c->fail(ok.error());
  std::shared_ptr<google::protobuf::Message> sent = std::move(*read);
  g.write(c,
          [&g, sent, options = *options](call& c, const storage::snapshot& now) -> result<change> {
            auto entry = now.get(key_of(*c.kind, c.where.ns, c.where.name));
            if (entry) return plan_update(g, c, copy(*sent), *entry, options, now);
            if (!create_on_update(*c.kind) || c.sub) return not_found(*c.kind, c.where.name);
            auto& m = meta(*sent);
            if (!m.uid().empty())
              return conflict(*c.kind, c.where.name,
                              "Precondition failed: UID in precondition: " + m.uid() +
                                  ", UID in object meta: ");
            auto fresh = copy(*sent);
            meta(*fresh).clear_resource_version();
            return plan_create(g, c, std::move(fresh), options, now);
          });
}

} // namespace troupe::gateway
