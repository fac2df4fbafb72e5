// Logs of a pod: which container is meant, and whether there is anything to read yet. The lines
// come from the pod's node.
#include "actors/gateway/subresources.hpp"

#include "actors/gateway/node_door.hpp"
#include "messages/base/time.hpp"

#include <charconv>

namespace troupe::gateway {

namespace {

error malformed(const char* name, std::string_view text, const char* needed) {
  return {errc::bad_request,
          std::string(name) + "=" + std::string(text.substr(0, 64)) + " is not " + needed};
}

/// What a client asks of a log, as far as it can be wrong. What it means, the node knows.
result<void> check_log_options(const http::query& query, const std::string& pod) {
  std::vector<cause> causes;
  for (auto [name, least] :
       {std::pair("sinceSeconds", 1), std::pair("tailLines", 0), std::pair("limitBytes", 1)}) {
    auto text = query.get(name);
    if (text.empty()) continue;
    int64_t number = 0;
    auto end = text.data() + text.size();
    auto read = std::from_chars(text.data(), end, number);
    if (read.ec != std::errc{} || read.ptr != end) return malformed(name, text, "a whole number");
    if (number < least)
      causes.push_back({"FieldValueInvalid",
                        "Invalid value: " + std::to_string(number) + ": must be greater than " +
                            (least ? "0" : "or equal to 0"),
                        name});
  }
  auto since = query.get("sinceTime");
  if (!since.empty() && !parse_time(since)) return malformed("sinceTime", since, "a time");
  if (!since.empty() && !query.get("sinceSeconds").empty())
    causes.push_back({"FieldValueForbidden",
                      "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified",
                      ""});
  auto stream = query.get("stream");
  if (!stream.empty() && stream != "All" && stream != "Stdout" && stream != "Stderr")
    causes.push_back({"FieldValueNotSupported",
                      "Unsupported value: \"" + std::string(stream) +
                          "\": supported values: \"All\", \"Stderr\", \"Stdout\"",
                      "stream"});
  if (causes.empty()) return {};
  return invalid("", "PodLogOptions", pod, std::move(causes));
}

} // namespace

void pod_log(gateway& g, call_ptr c) {
  if (auto ok = check_log_options(c->query, c->where.name); !ok) return c->fail(ok.error());
  auto entry = g.given.store->current().get(key_of(*c->kind, c->where.ns, c->where.name));
  if (!entry) return c->fail(not_found(*c->kind, c->where.name));
  auto object = load(*c->kind, *entry);
  auto& pod = static_cast<const k8s::core::v1::Pod&>(*object);
  auto container = choose_container(pod, std::string(c->query.get("container")));
  if (!container) return c->fail(container.error());
  if (pod.spec().node_name().empty()) return c->answer({204, {}, {}}); // nothing has run yet
  auto path = "/containerLogs/" + http::percent_encoded(c->where.ns) + "/" +
              http::percent_encoded(c->where.name) + "/" + http::percent_encoded(*container);
  ask_node(g, std::move(c), pod.spec().node_name(), path);
}

} // namespace troupe::gateway
