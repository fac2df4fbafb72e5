#include "net/streams/protocol.hpp"

#include "net/streams/spdy.hpp"

#include <algorithm>

namespace troupe::streams {

namespace {

constexpr std::string_view version_header = "X-Stream-Protocol-Version";

struct named_form {
  std::string_view name;
  int version;
  channel_form form;
};
constexpr named_form channel_forms[] = {
    {"v5.channel.k8s.io", 5, {.half_close = true}},    {"v4.channel.k8s.io", 4, {}},
    {"v4.base64.channel.k8s.io", 4, {.base64 = true}}, {"channel.k8s.io", 1, {}},
    {"base64.channel.k8s.io", 1, {.base64 = true}},
};
constexpr std::string_view forward_in_websocket = "SPDY/3.1+portforward.k8s.io";

bool wants_spdy(const http::request& in) {
  return http::has_token(in.header("Upgrade"), "SPDY/3.1") &&
         http::has_token(in.header("Connection"), "upgrade");
}

std::vector<std::string> offered_versions(const http::request& in) {
  std::vector<std::string> out;
  for (auto line : in.headers(version_header))
    while (!line.empty()) {
      const auto comma = line.find(',');
      auto one = line.substr(0, comma);
      while (one.starts_with(' ')) one.remove_prefix(1);
      while (one.ends_with(' ')) one.remove_suffix(1);
      if (!one.empty()) out.emplace_back(one);
      line.remove_prefix(comma == line.npos ? line.size() : comma + 1);
    }
  return out;
}

protocol spdy_answer(std::string_view version, int number) {
  protocol out{.how = transport::spdy, .version = number};
  out.headers = {{"Connection", "Upgrade"}, {"Upgrade", "SPDY/3.1"}};
  if (!version.empty()) out.headers.emplace_back(version_header, version);
  return out;
}

error unknown_version() {
  return {errc::forbidden, "unable to upgrade: none of the offered stream protocol versions is "
                           "spoken here"};
}

} // namespace

bool wants_upgrade(const http::request& in) {
  return wants_websocket(in) || http::has_token(in.header("Upgrade"), "SPDY/3.1");
}

result<protocol> choose_exec(const http::request& in) {
  if (wants_websocket(in)) {
    std::vector<std::string_view> names;
    for (const auto& each : channel_forms) names.push_back(each.name);
    auto done = shake_hands(in, names);
    if (!done) return done.error();
    protocol out{.how = transport::channels, .headers = std::move(done->headers)};
    for (const auto& each : channel_forms)
      if (each.name == done->protocol) {
        out.version = each.version;
        out.form = each.form;
      }
    return out;
  }
  if (!wants_spdy(in))
    return error{errc::bad_request, "you must ask for an upgrade to WebSocket or SPDY/3.1"};
  const auto offered = offered_versions(in);
  if (offered.empty()) return spdy_answer({}, 1);
  for (const auto& version : offered)
    for (int number = 4; number >= 1; --number) {
      const auto name = number == 1 ? std::string{"channel.k8s.io"}
                                    : "v" + std::to_string(number) + ".channel.k8s.io";
      if (version == name) return spdy_answer(version, number);
    }
  return unknown_version();
}

result<protocol> choose_forward(const http::request& in) {
  if (wants_websocket(in)) {
    auto done =
        shake_hands(in, {forward_in_websocket, "v4.channel.k8s.io", "v4.base64.channel.k8s.io"});
    if (!done) return done.error();
    protocol out{.how = transport::channels, .version = 4, .headers = std::move(done->headers)};
    if (done->protocol == forward_in_websocket) out.how = transport::spdy_in_websocket;
    out.form.base64 = done->protocol == "v4.base64.channel.k8s.io";
    return out;
  }
  if (!wants_spdy(in))
    return error{errc::bad_request, "you must ask for an upgrade to WebSocket or SPDY/3.1"};
  const auto offered = offered_versions(in);
  if (offered.empty()) return spdy_answer({}, 1);
  if (std::ranges::find(offered, "portforward.k8s.io") != offered.end())
    return spdy_answer("portforward.k8s.io", 1);
  return unknown_version();
}

std::unique_ptr<engine> make_engine(const protocol& chosen) {
  switch (chosen.how) {
  case transport::spdy: return std::make_unique<spdy_engine>();
  case transport::channels: return std::make_unique<channel_engine>(chosen.form);
  case transport::spdy_in_websocket:
    return std::make_unique<wrapped_engine>(std::make_unique<spdy_engine>());
  }
  return nullptr;
}

} // namespace troupe::streams
