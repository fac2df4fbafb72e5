#include "bin/join.hpp"

#include "actors/gateway/bootstrap_token.hpp"
#include "actors/link/uplink.hpp"
#include "bin/clock.hpp"
#include "bin/desk.hpp"
#include "bin/node_names.hpp"
#include "messages/base/json.hpp"
#include "messages/base/log.hpp"
#include "messages/base/names.hpp"
#include "net/http/client.hpp"
#include "net/tls/files.hpp"

#include <algorithm>

namespace troupe {

namespace {

constexpr std::chrono::seconds renewal_patience{30};

constexpr std::chrono::days node_life{365};
constexpr const char* ca_path = "/troupe/v1/ca";
constexpr const char* join_path = "/troupe/v1/join";
constexpr std::string_view separator = "::";

tls::wall_time now() { return tls::wall_time{std::chrono::seconds{wall_clock().seconds}}; }

tls::certificate_spec node_certificate(const std::string& node, tls::wall_time now) {
  tls::certificate_spec spec;
  spec.common_name = "system:node:" + node;
  spec.organizations = {node_group};
  spec.use = {.client = true, .server = true};
  spec.not_before = now - tls::backdate;
  spec.not_after = now + node_life;
  return spec;
}

std::string write_servers(const std::map<uint64_t, server_address>& servers) {
  json::array all;
  for (auto& [id, at] : servers)
    all.push_back(json::object{{"id", id}, {"host", at.host}, {"port", at.port}});
  return json::write(json::value(std::move(all)));
}

result<std::map<uint64_t, server_address>> read_servers(const json::value& list,
                                                        const std::string& own_host) {
  std::map<uint64_t, server_address> out;
  if (auto all = list.if_array())
    for (auto& one : *all) {
      auto id = json::find(one, "id"), port = json::find(one, "port");
      if (!id || !id->is_int64() || !port || !port->is_int64()) continue;
      std::string host(json::string_at(one, {"host"}));
      // A server that stands alone is where it was found.
      out[static_cast<uint64_t>(id->get_int64())] = {host.empty() ? own_host : host,
                                                     static_cast<uint16_t>(port->get_int64())};
    }
  if (out.empty()) return error{errc::unavailable, "the server names no server to link with"};
  return out;
}

} // namespace

result<void> save_servers(const std::filesystem::path& folder,
                          const std::map<uint64_t, server_address>& servers) {
  return tls::save_private(folder / "servers.json", write_servers(servers));
}

result<void> save(const std::filesystem::path& folder, const node_credentials& made) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  for (auto& step : {tls::save(made.own, folder / "node"),
                     tls::save_private(folder / "ca.crt", made.authority_pem),
                     save_servers(folder, made.servers)})
    if (!step) return step;
  return {};
}

result<tls::key_pair> issue_node(const tls::key_pair& authority, const std::string& node,
                                 tls::wall_time now) {
  return tls::issue(authority, node_certificate(node, now));
}

result<node_credentials> load_node(const std::filesystem::path& folder) {
  auto pair = tls::load_pair(folder / "node");
  if (!pair) return pair.error();
  auto ca = tls::load_private(folder / "ca.crt");
  if (!ca) return ca.error();
  auto text = tls::load_private(folder / "servers.json");
  if (!text) return text.error();
  auto list = json::parse(*text);
  if (!list) return list.error();
  auto servers = read_servers(*list, {});
  if (!servers) return servers.error();
  return node_credentials{std::move(*pair), std::move(*ca), std::move(*servers)};
}

result<std::string> sign_node(const tls::key_pair& authority, const std::string& node,
                              std::string_view request_pem, tls::wall_time now) {
  return tls::sign_request(authority, request_pem, node_certificate(node, now));
}

result<void> renew_node(uplinks& up, const std::filesystem::path& folder, const std::string& node,
                        node_credentials& known) {
  auto kept = load_node(folder);
  if (!kept) return kept.error();
  auto request = tls::make_request(kept->own.key_pem, node_certificate(node, now()));
  if (!request) return request.error();
  auto made = up.sign(*request, renewal_patience);
  if (!made) return made.error();
  // What cannot be used is not kept.
  auto good = tls::verify_certificate(*made, kept->authority_pem, now(), {.client = true});
  if (!good) return with_context(good.error(), "the server sent a certificate that does not hold");
  kept->own.certificate_pem = std::move(*made);
  if (auto saved = tls::save_private(folder / "node.crt", kept->own.certificate_pem); !saved)
    return saved.error();
  known.own = kept->own;
  return up.renew({kept->own.certificate_pem, kept->own.key_pem, kept->authority_pem});
}

result<join_token> join_token::parse(std::string_view text) {
  auto at = text.find(separator);
  join_token out{std::string(text.substr(0, at)),
                 at == text.npos ? "" : std::string(text.substr(at + separator.size()))};
  if (!gateway::bootstrap_token::parse(out.token) || out.authority_hash.size() != 64 ||
      out.authority_hash.find_first_not_of("0123456789abcdef") != out.authority_hash.npos)
    return error{errc::bad_request, "this is no join token: `troupe token create` on a server "
                                    "prints one, like abcdef.0123456789abcdef::<64 digits>"};
  return out;
}

std::string hash_of_authority(const std::string& certificate_pem) {
  auto read = tls::read_certificate(certificate_pem);
  return read ? read->fingerprint_sha256 : std::string{};
}

bool join_desk::handle(http::request& request, http::responder& responder) const {
  if (request.path() == ca_path) {
    responder.reply(http::answer(200, "application/x-pem-file", keys_.authority.certificate_pem));
    return true;
  }
  if (request.path() != join_path) return false;
  admit(request, std::move(responder));
  return true;
}

void join_desk::servers(std::map<uint64_t, server_address> now) {
  std::lock_guard lock{mutex_};
  servers_ = std::move(now);
}

result<join_desk::candidate> join_desk::examine(const http::request& request) const {
  auto who = api_.given.authenticate.identify(request);
  if (!who) return error{errc::unauthorized, "the token is not known or does not hold any more"};
  if (!who->in(gateway::bootstrappers) && !who->in(desk::administrators))
    return error{errc::forbidden, who->name + " may not let nodes join"};
  auto asked = json::parse(request.body);
  if (!asked) return asked.error();
  std::string name(json::string_at(*asked, {"node"}));
  if (!names::dns_subdomain(name).empty())
    return error{errc::invalid, "\"" + name + "\" cannot be the name of a node"};
  // A name that is there already belongs to the machine that has its key: whoever asks for it with
  // a mere token would take its place.
  if (api_.given.store->current().get("nodes//" + name) && !who->in(desk::administrators))
    return error{errc::conflict, "there is a node " + name +
                                     " already: delete it first if that machine is gone, or choose "
                                     "another --name"};
  return candidate{std::move(*who), std::move(name),
                   std::string(json::string_at(*asked, {"request"}))};
}

result<std::string> join_desk::welcome(const candidate& one) const {
  auto certificate = sign_node(keys_.authority, one.node, one.request_pem, now());
  if (!certificate) return certificate.error();
  std::map<uint64_t, server_address> known;
  {
    std::lock_guard lock{mutex_};
    known = servers_;
  }
  return json::write(
      json::object{{"certificate", *certificate}, {"servers", *json::parse(write_servers(known))}});
}

void join_desk::admit(const http::request& request, http::responder to) const {
  auto one = examine(request);
  auto shared = std::make_shared<http::responder>(std::move(to));
  auto refuse = [shared](const error& why) {
    shared->reply(http::answer(info(why.code).http_status, "text/plain", why.message));
  };
  if (!one) return refuse(one.error());
  auto made = welcome(*one);
  if (!made) return refuse(made.error());
  auto let_in = [shared, refuse, made = std::move(*made), node = one->node,
                 by = one->who.name](const result<void>& held) {
    if (!held) return refuse(held.error());
    log::info("join", "a node has got its certificate", {{"node", node}, {"by", by}});
    shared->reply(http::answer(200, "application/json", made));
  };
  if (one->who.in(desk::administrators)) return let_in({});
  node_names::hold(api_, one->node, one->who.name, let_in);
}

result<met_cluster> meet(const std::string& server, const join_token& pass) {
  auto where = http::split_url(server);
  if (!where) return where.error();
  http::client_settings whom{.host = where->first, .port = where->second};
  auto ca = http::ask(whom, {.target = ca_path});
  if (!ca) return ca.error();
  if (ca->status != 200 || hash_of_authority(ca->body) != pass.authority_hash)
    return error{errc::unauthorized, "the server at " + server +
                                         " is of another cluster than the token: nothing was sent "
                                         "to it"};
  whom.who.trusted_ca_pem = ca->body;
  whom.expected_name = "kubernetes"; // every server has this name
  return met_cluster{std::move(whom), std::move(ca->body)};
}

result<node_credentials> join(const std::filesystem::path& folder, const std::string& node,
                              const std::string& server, const std::string& token) {
  if (auto known = load_node(folder)) return known;
  if (server.empty() || token.empty())
    return error{errc::bad_request, "this machine has not joined a cluster yet: give --server "
                                    "https://HOST:PORT and --token (from `troupe token create`)"};
  auto pass = join_token::parse(token);
  if (!pass) return pass.error();
  auto met = meet(server, *pass);
  if (!met) return met.error();
  auto& whom = met->whom;
  auto key = tls::make_key();
  if (!key) return key.error();
  auto request = tls::make_request(*key, node_certificate(node, now()));
  if (!request) return request.error();
  auto answer =
      http::ask(whom, {.method = "POST",
                       .target = join_path,
                       .headers = {{"Authorization", "Bearer " + pass->token},
                                   {"Content-Type", "application/json"}},
                       .body = json::write(json::object{{"node", node}, {"request", *request}})});
  if (!answer) return answer.error();
  if (answer->status != 200) return error{errc::forbidden, "the server refuses: " + answer->body};
  auto read = json::parse(answer->body);
  if (!read) return read.error();
  auto list = json::find(*read, "servers");
  auto servers = read_servers(list ? *list : json::value{}, whom.host);
  if (!servers) return servers.error();
  node_credentials made{{std::string(json::string_at(*read, {"certificate"})), *key},
                        met->authority_pem,
                        std::move(*servers)};
  if (auto saved = save(folder, made); !saved) return saved.error();
  return made;
}

} // namespace troupe
