// proxy of pods and services: any request, through the door of the pod's node, to a port of it.
#include "actors/gateway/node_door.hpp"
#include "actors/gateway/subresources.hpp"
#include "messages/api/endpoint_slice.pb.h"
#include "messages/api/service.pb.h"
#include "messages/base/address.hpp"
#include "net/http/forward.hpp"

#include <charconv>

namespace troupe::gateway {

namespace {

using k8s::core::v1::Pod;
using k8s::core::v1::Service;
using k8s::discovery::v1::EndpointSlice;

/// "[scheme:]name[:port]", as the path's last word before /proxy.
struct proxied_name {
  std::string scheme = "http", name, port;
};

std::optional<proxied_name> read_name(const std::string& text) {
  std::vector<std::string> parts{""};
  for (auto c : text) c == ':' ? parts.emplace_back() : parts.back() += c, void();
  proxied_name out;
  if (parts.size() == 3) {
    if (!parts[0].empty()) out.scheme = parts[0];
    out.name = parts[1];
    out.port = parts[2];
  } else {
    out.name = parts[0];
    if (parts.size() == 2) out.port = parts[1];
  }
  bool known = out.scheme == "http" || out.scheme == "https";
  if (parts.size() > 3 || out.name.empty() || !known) return std::nullopt;
  return out;
}

std::optional<int32_t> number(const std::string& text) {
  int32_t out = 0;
  auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (bad != std::errc{} || end != text.data() + text.size() || out < 1 || out > 65'535)
    return std::nullopt;
  return out;
}

struct target {
  std::string node, ip, scheme;
  int32_t port = 0;
};

std::optional<int32_t> port_of(const Pod& pod, const proxied_name& asked) {
  if (!asked.port.empty() && number(asked.port)) return number(asked.port);
  for (auto& c : pod.spec().containers())
    for (auto& p : c.ports())
      if (asked.port.empty() || p.name() == asked.port) return p.container_port();
  if (!asked.port.empty()) return std::nullopt;
  return asked.scheme == "https" ? 443 : 80;
}

result<target> find_pod(const call& c, const storage::snapshot& now) {
  auto asked = read_name(c.where.name);
  if (!asked) return error{errc::bad_request, "invalid pod request \"" + c.where.name + "\""};
  auto entry = now.get(key_of(*c.kind, c.where.ns, asked->name));
  if (!entry) return not_found(*c.kind, asked->name);
  Pod pod;
  read_entry(*entry, pod);
  auto port = port_of(pod, *asked);
  if (!port)
    return error{errc::bad_request, "pod " + asked->name + " has no port \"" + asked->port + "\""};
  if (pod.spec().node_name().empty() || !address::parse(pod.status().pod_ip()))
    return error{errc::bad_request, "pod " + asked->name + " has no address yet"};
  return target{pod.spec().node_name(), pod.status().pod_ip(), asked->scheme, *port};
}

error nobody_behind(const std::string& service) {
  return {errc::unavailable, "no endpoints available for service \"" + service + "\""};
}

result<target> find_service(gateway& g, const call& c, const storage::snapshot& now) {
  auto asked = read_name(c.where.name);
  if (!asked) return error{errc::bad_request, "invalid service request \"" + c.where.name + "\""};
  auto entry = now.get(key_of(*c.kind, c.where.ns, asked->name));
  if (!entry) return not_found(*c.kind, asked->name);
  Service service;
  read_entry(*entry, service);
  auto port = asked->port;
  if (auto wanted = number(port)) {
    auto& all = service.spec().ports();
    auto hit = std::find_if(all.begin(), all.end(), [&](auto& p) { return p.port() == *wanted; });
    if (hit == all.end())
      return error{errc::unavailable,
                   "no service port " + port + " found for service \"" + asked->name + "\""};
    port = hit->name();
  } else if (port.empty() && service.spec().ports_size() == 1) {
    port = service.spec().ports(0).name();
  }
  std::vector<target> all;
  auto& slices = *c.kinds->by_resource("discovery.k8s.io", "v1", "endpointslices");
  for (auto& held : now.list(prefix_of(slices, c.where.ns))) {
    if (held.label("kubernetes.io/service-name") != asked->name) continue;
    EndpointSlice slice;
    read_entry(held, slice);
    for (auto& p : slice.ports())
      for (auto& e : slice.endpoints())
        if (p.name() == port && p.port() > 0 && e.addresses_size() > 0 &&
            (!e.conditions().has_ready() || e.conditions().ready()))
          all.push_back({e.node_name(), e.addresses(0), asked->scheme, p.port()});
  }
  if (all.empty()) return nobody_behind(asked->name);
  auto chosen = all[g.given.random() % all.size()];
  // An address outside the cluster is reached from anywhere.
  if (chosen.node.empty())
    for (auto& node : now.list(prefix_of(*c.kinds->by_resource("", "v1", "nodes"))))
      if (auto name = std::string(split_key(node.key()).name);
          g.given.find_door && g.given.find_door(name))
        chosen.node = name;
  return chosen;
}

/// The path behind ".../proxy", as it was sent.
std::string_view path_behind(const call& c) {
  auto path = c.request.path();
  constexpr int segments = 7; // api, v1, namespaces, NS, pods, NAME, proxy
  size_t at = 0;
  for (int i = 0; i < segments && at != path.npos; ++i) at = path.find('/', at + 1);
  return at == path.npos ? std::string_view{} : path.substr(at);
}

/// Passes answers on as they are, but for where redirections lead and for failures of our own.
class proxied_exchange : public http::exchange {
public:
  proxied_exchange(std::shared_ptr<http::exchange> to, media as, std::string prefix)
      : to_{std::move(to)}, as_{as}, prefix_{std::move(prefix)} {}

  void reply(http::response what) override {
    for (auto& [name, value] : what.headers)
      if (http::same_name(name, http::not_forwarded_header)) return refuse(what);
    mend(what.headers);
    to_->reply(std::move(what));
  }
  std::shared_ptr<http::sink> open(int status, http::header_list headers, bool upgrade) override {
    mend(headers);
    return to_->open(status, std::move(headers), upgrade);
  }
  void on_gone(std::function<void(http::gone)> call) override { to_->on_gone(std::move(call)); }

private:
  void refuse(const http::response& what) {
    std::string why;
    for (auto& part : what.body) why += *part;
    if (auto colon = why.find(": "); why.starts_with("503 ") && colon != why.npos)
      why.erase(0, colon + 2);
    while (why.ends_with("\n")) why.pop_back();
    to_->reply(failure_answer({errc::unavailable, why}, as_));
  }

  void mend(http::header_list& headers) const {
    for (auto& [name, value] : headers)
      if (http::same_name(name, "Location") && value.starts_with("/") && !value.starts_with("//"))
        value = prefix_ + value;
  }

  std::shared_ptr<http::exchange> to_;
  media as_;
  std::string prefix_;
};

} // namespace

void connect_proxy(gateway& g, call_ptr c) {
  auto behind = std::string(path_behind(*c));
  auto verb = c->request.verb();
  if (behind.empty() && (verb == http::method::get || verb == http::method::head)) {
    auto to = std::string(c->request.path()) + "/";
    if (!c->request.raw_query().empty()) to.append("?").append(c->request.raw_query());
    return c->answer({301, {{"Location", std::move(to)}}, {}});
  }
  auto now = g.given.store->current();
  auto found = c->kind->name == "Pod" ? find_pod(*c, now) : find_service(g, *c, now);
  if (!found) return c->fail(found.error());
  auto path = "/forward/" + found->scheme + "/" + found->ip + "/" + std::to_string(found->port) +
              (behind.empty() ? "/" : behind);
  auto& from = c->request;
  auto prefix = std::string(from.path().substr(0, from.path().size() - behind.size()));
  http::header_list more{{"X-Forwarded-Uri", std::string(from.path())},
                         {"X-Forwarded-Host", std::string(from.header("Host"))},
                         {"X-Forwarded-Proto", "https"}};
  if (from.from) more.emplace_back("X-Forwarded-For", from.from->address);
  auto answers = std::make_shared<proxied_exchange>(c->responder.release(), c->media, prefix);
  c->responder = http::responder(std::move(answers));
  pass_to_node(g, std::move(c), found->node, path, more);
}

} // namespace troupe::gateway
