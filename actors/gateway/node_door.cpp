#include "actors/gateway/node_door.hpp"

#include "actors/gateway/subresources.hpp"

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

/// The client's request as the node is asked it. What proves who the client is stays here.
result<http::request> request_for(const http::request& from, const std::string& path) {
  static constexpr std::string_view kept[] = {"connection",
                                              "upgrade",
                                              "x-stream-protocol-version",
                                              "sec-websocket-key",
                                              "sec-websocket-version",
                                              "sec-websocket-protocol",
                                              "accept",
                                              "content-type"};
  std::string text = std::string(from.verb() == http::method::get ? "GET" : "POST") + " " + path;
  if (!from.raw_query().empty()) text.append("?").append(from.raw_query());
  text += " HTTP/1.1\r\nHost: node\r\n";
  for (auto& h : from.headers()) {
    std::string name(h.name);
    std::transform(name.begin(), name.end(), name.begin(), ::tolower);
    if (std::find(std::begin(kept), std::end(kept), name) != std::end(kept))
      text.append(h.name).append(": ").append(h.value).append("\r\n");
  }
  if (!from.body.empty()) text += "Content-Length: " + std::to_string(from.body.size()) + "\r\n";
  http::limits bounds;
  bounds.request_line_bytes_max *= 2; // the path is longer than the client's may have been
  return http::request::parse(text + "\r\n" + from.body, bounds);
}

} // namespace

void ask_node(gateway& g, call_ptr c, const std::string& node, const std::string& path) {
  auto door = g.given.find_door ? g.given.find_door(node) : node_door{};
  if (!door)
    return c->fail({errc::unavailable, "the node \"" + node +
                                           "\" is not connected; its agent may be "
                                           "stopped or out of reach"});
  auto request = request_for(c->request, path);
  if (!request) return c->fail(request.error());
  request->id = c->request.id;
  auto answers = std::make_shared<status_exchange>(c->responder.release(), c->media);
  door(std::move(*request), http::responder(std::move(answers)));
}

void node_proxy(gateway& g, call_ptr c) {
  std::string path;
  for (auto& part : c->where.rest) path += "/" + http::percent_encoded(part);
  auto name = c->where.name.substr(0, c->where.name.find(':')); // "node:10250" names a port, too
  ask_node(g, std::move(c), name, path.empty() ? "/" : path);
}

} // namespace troupe::gateway
