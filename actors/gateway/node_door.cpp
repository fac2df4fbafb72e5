#include "actors/gateway/node_door.hpp"

#include "actors/gateway/subresources.hpp"
#include "net/http/forward.hpp"

#include <algorithm>

namespace troupe::gateway {

using k8s::core::v1::Pod;

result<std::string> choose_container(const Pod& pod, std::string wanted) {
  std::vector<std::string> names;
  for (auto& c : pod.spec().containers()) names.push_back(c.name());
  auto first = names.empty() ? std::string{} : names[0];
  auto several = names.size() > 1;
  for (auto& c : pod.spec().init_containers()) names.push_back(c.name());
  for (auto& c : pod.spec().ephemeral_containers())
    names.push_back(c.ephemeral_container_common().name());
  if (wanted.empty()) {
    auto chosen = pod.metadata().annotations().find("kubectl.kubernetes.io/default-container");
    if (chosen != pod.metadata().annotations().end()) wanted = chosen->second;
  }
  std::string all;
  for (auto& n : names) all.append(all.empty() ? "" : " ").append(n);
  if (wanted.empty() && several)
    return error{errc::bad_request, "a container name must be specified for pod " +
                                        pod.metadata().name() + ", choose one of: [" + all + "]"};
  if (wanted.empty()) return first;
  if (std::find(names.begin(), names.end(), wanted) == names.end())
    return error{errc::bad_request,
                 "container " + wanted + " is not valid for pod " + pod.metadata().name()};
  return wanted;
}

namespace {

/// Passes everything on as it is, but tells failures as a Status.
class status_exchange : public http::exchange {
public:
  status_exchange(std::shared_ptr<http::exchange> to, media as) : to_{std::move(to)}, as_{as} {}

  void reply(http::response what) override {
    if (what.status < 400) return to_->reply(std::move(what));
    std::string why;
    for (auto& part : what.body) why += *part;
    auto prefix =
        std::to_string(what.status) + " " + std::string(http::reason_of(what.status)) + ": ";
    if (why.starts_with(prefix)) why.erase(0, prefix.size());
    while (why.ends_with("\n")) why.pop_back();
    auto code = what.status == 404   ? errc::not_found
                : what.status == 400 ? errc::bad_request
                : what.status == 503 ? errc::unavailable
                                     : errc::internal;
    to_->reply(failure_answer({code, why}, as_));
  }
  std::shared_ptr<http::sink> open(int status, http::header_list headers, bool upgrade) override {
    return to_->open(status, std::move(headers), upgrade);
  }
  void on_gone(std::function<void(http::gone)> call) override { to_->on_gone(std::move(call)); }

private:
  std::shared_ptr<http::exchange> to_;
  media as_;
};

/// Protocols of a WebSocket without the one in which browsers hide a token.
std::string without_tokens(std::string_view protocols) {
  constexpr std::string_view token = "base64url.bearer.authorization.k8s.io.";
  std::string out;
  while (!protocols.empty()) {
    auto one = protocols.substr(0, protocols.find(','));
    protocols.remove_prefix(std::min(protocols.size(), one.size() + 1));
    while (one.starts_with(" ")) one.remove_prefix(1);
    if (!one.starts_with(token)) out.append(out.empty() ? "" : ", ").append(one);
  }
  return out;
}

/// The client's request as the node is asked it. What proves who the client is stays here.
result<http::request> request_for(const http::request& from, const std::string& path,
                                  const http::header_list& more) {
  auto text = std::string(http::to_string(from.verb())) + " " + path;
  if (!from.raw_query().empty()) text.append("?").append(from.raw_query());
  text += " HTTP/1.1\r\nHost: node\r\n";
  auto add = [&](std::string_view name, std::string_view value) {
    text.append(name).append(": ").append(value).append("\r\n");
  };
  for (auto& h : from.headers()) {
    if (http::same_name(h.name, "Sec-WebSocket-Protocol")) {
      if (auto left = without_tokens(h.value); !left.empty()) add(h.name, left);
    } else if (!http::stays_here(h.name)) {
      add(h.name, h.value);
    }
  }
  for (auto& [name, value] : more) add(name, value);
  if (auto to = from.header("Upgrade"); !to.empty()) {
    add("Connection", "Upgrade");
    add("Upgrade", to);
  }
  if (!from.body.empty()) add("Content-Length", std::to_string(from.body.size()));
  http::limits bounds;
  bounds.request_line_bytes_max *= 2; // the path is longer than the client's may have been
  bounds.header_bytes_max *= 2;       // and so is what stands below it
  return http::request::parse(text + "\r\n" + from.body, bounds);
}

node_door door_of(gateway& g, const std::string& node) {
  return g.given.find_door ? g.given.find_door(node) : node_door{};
}

error not_connected(const std::string& node) {
  return {errc::unavailable,
          "the node \"" + node + "\" is not connected; its agent may be stopped or out of reach"};
}

} // namespace

void pass_to_node(gateway& g, call_ptr c, const std::string& node, const std::string& path,
                  const http::header_list& more) {
  auto door = door_of(g, node);
  if (!door) return c->fail(not_connected(node));
  pass_through(std::move(c), door, path, more);
}

void pass_through(call_ptr c, const node_door& door, const std::string& path,
                  const http::header_list& more) {
  auto request = request_for(c->request, path, more);
  if (!request) return c->fail(request.error());
  request->id = c->request.id;
  door(std::move(*request), std::move(c->responder));
}

void ask_node(gateway& g, call_ptr c, const std::string& node, const std::string& path) {
  auto nodes = c->kinds->by_resource("", "v1", "nodes");
  if (!g.given.store->current().get(key_of(*nodes, {}, node)))
    return c->fail(not_found(*nodes, node));
  if (!door_of(g, node)) return c->fail(not_connected(node));
  auto answers = std::make_shared<status_exchange>(c->responder.release(), c->media);
  c->responder = http::responder(std::move(answers));
  pass_to_node(g, std::move(c), node, path, {});
}

void node_proxy(gateway& g, call_ptr c) {
  std::string path;
  for (auto& part : c->where.rest) path += "/" + http::percent_encoded(part);
  auto name = c->where.name.substr(0, c->where.name.find(':')); // "node:10250" names a port, too
  ask_node(g, std::move(c), name, path.empty() ? "/" : path);
}

} // namespace troupe::gateway
