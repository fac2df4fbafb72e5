#include "bin/members.hpp"

#include "actors/gateway/bootstrap_token.hpp"
#include "bin/desk.hpp"
#include "bin/join.hpp"
#include "bin/pki.hpp"
#include "messages/base/json.hpp"
#include "messages/base/log.hpp"
#include "net/tls/files.hpp"

#include <algorithm>
#include <charconv>

namespace troupe {

using desk::refuse;
using desk::tell;

namespace {

constexpr std::string_view members_path = "/troupe/v1/members";
constexpr std::string_view servers_path = "/troupe/v1/servers";
constexpr size_t key_bytes_max = 64 * 1024;

uint64_t number_in(std::string_view text) {
  uint64_t out = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  return failed == std::errc{} && end == text.data() + text.size() ? out : 0;
}

json::object written(const raft::group_view& now, const std::set<uint64_t>& linked) {
  json::array all;
  for (auto& [id, m] : now.members.members) {
    json::object one{{"id", id}, {"address", m.address}, {"api", m.api}};
    one["role"] = id == now.leader ? "leader" : m.voter ? "voter" : "learner";
    auto peer = now.peers.find(id);
    one["reachable"] =
        id == now.self || (peer != now.peers.end() ? peer->second.active : linked.contains(id));
    if (peer != now.peers.end() && now.last_index >= peer->second.match)
      one["behind"] = now.last_index - peer->second.match;
    all.push_back(std::move(one));
  }
  return {{"self", now.self}, {"leader", now.leader}, {"term", now.term}, {"members", all}};
}

/// The keys that all servers share, by the names of their files.
result<json::object> read_keys(const std::filesystem::path& folder) {
  json::object out;
  for (auto name : shared_keys) {
    auto text = tls::load_file(folder / name);
    if (!text) return text.error();
    out[name] = *text;
  }
  return out;
}

/// Nothing is taken over but the files that are expected.
result<void> write_keys(const json::value& files, const std::filesystem::path& folder) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  for (auto name : shared_keys) {
    auto text = json::string_at(files, {name});
    if (text.empty() || text.size() > key_bytes_max)
      return error{errc::unavailable, std::string("the server did not send ") + name};
    if (auto saved = tls::save_private(folder / name, text); !saved) return saved;
  }
  return {};
}

} // namespace

bool members_desk::handle(http::request& request, http::responder& responder) const {
  auto path = request.path();
  bool joins = path == servers_path;
  if (!joins && !path.starts_with(members_path)) return false;
  auto rest = joins ? std::string_view{} : std::string_view(path).substr(members_path.size());
  if (!rest.empty() && rest[0] != '/') return false;
  auto to = std::move(responder);
  auto allowed =
      joins ? desk::allow(api_, request, gateway::server_bootstrappers,
                          "add servers: that needs a token made by `troupe token create --role "
                          "server`")
            : desk::allow(api_, request, desk::administrators, "see or change the servers");
  if (!allowed) return refuse(std::move(to), allowed.error()), true;
  if (!group_)
    return refuse(std::move(to), {errc::conflict, "this cluster was started by `troupe up`, whose "
                                                  "one server is alone: only those of `troupe "
                                                  "server` can be several"}),
           true;
  auto method = request.verb();
  auto slash = rest.find('/', 1);
  auto id = rest.empty() ? 0 : number_in(rest.substr(1, slash == rest.npos ? slash : slash - 1));
  auto verb = slash == rest.npos ? std::string_view{} : rest.substr(slash + 1);
  if (joins && method == http::method::post) return admit(request, std::move(to)), true;
  if (rest.empty() && method == http::method::get) return list(std::move(to)), true;
  using kind = raft::group_wish::kind;
  if (id != 0 && verb.empty() && method == http::method::delete_)
    return change({.what = kind::remove, .id = id}, std::move(to)), true;
  if (id != 0 && verb == "transfer" && method == http::method::post)
    return change({.what = kind::transfer, .id = id}, std::move(to)), true;
  refuse(std::move(to), {errc::not_found, "there is nothing at " + std::string(path)});
  return true;
}

void members_desk::list(http::responder to) const {
  auto shared = std::make_shared<http::responder>(std::move(to));
  group_->look([shared, linked = links_.linked()](const raft::group_view& now) {
    tell(std::move(*shared), written(now, linked));
  });
}

void members_desk::change(raft::group_wish wish, http::responder to) const {
  auto shared = std::make_shared<http::responder>(std::move(to));
  group_->ask(std::move(wish), [shared](result<uint64_t> id) {
    if (!id) return refuse(std::move(*shared), id.error());
    tell(std::move(*shared), {{"id", *id}});
  });
}

/// A server that joins is told its number and the keys once the group has agreed to have it.
void members_desk::admit(const http::request& request, http::responder to) const {
  auto asked = json::parse(request.body);
  if (!asked) return refuse(std::move(to), asked.error());
  std::string link(json::string_at(*asked, {"link"})), api(json::string_at(*asked, {"api"}));
  if (server_address::parse(link).port == 0 || server_address::parse(api).port == 0)
    return refuse(std::move(to), {errc::invalid, "a server that joins must say where it takes "
                                                 "links and serves the API, as HOST:PORT"});
  auto keys = read_keys(keys_);
  if (!keys) return refuse(std::move(to), keys.error());
  auto shared = std::make_shared<http::responder>(std::move(to));
  group_->ask({.what = raft::group_wish::kind::add, .address = link, .api = api},
              [shared, link, keys = std::move(*keys)](result<uint64_t> id) {
                if (!id) return refuse(std::move(*shared), id.error());
                log::info("members", "a server joins", {{"server", *id}, {"at", link}});
                tell(std::move(*shared), {{"id", *id}, {"files", keys}});
              });
}

std::optional<uint64_t> own_number(const std::filesystem::path& data) {
  auto text = tls::load_file(data / "server.json");
  if (!text) return {};
  auto read = json::parse(*text);
  auto id = read ? json::find(*read, "id") : nullptr;
  if (!id || !id->is_int64() || id->get_int64() <= 0) return {};
  return static_cast<uint64_t>(id->get_int64());
}

result<void> remember_number(const std::filesystem::path& data, uint64_t id) {
  std::error_code failed;
  std::filesystem::create_directories(data, failed);
  return tls::save_private(data / "server.json", json::write(json::object{{"id", id}}));
}

result<uint64_t> join_servers(const new_server& own, const std::string& invitation) {
  if (auto known = own_number(own.data)) return *known;
  auto at = invitation.rfind('@');
  if (at == invitation.npos)
    return error{errc::bad_request, "--join: write it as TOKEN@HOST or TOKEN@HOST:PORT, with a "
                                    "token of `troupe token create --role server`"};
  auto pass = join_token::parse(std::string_view(invitation).substr(0, at));
  if (!pass) return pass.error();
  auto host = invitation.substr(at + 1);
  if (host.find(':') == host.npos) host += ":6443";
  auto met = meet("https://" + host, *pass);
  if (!met) return met.error();
  auto ca = own.data / "pki" / "ca.crt";
  if (auto old = tls::load_file(ca); old && hash_of_authority(*old) != pass->authority_hash)
    return error{errc::conflict, own.data.string() +
                                     " belongs to another cluster: choose another --data, or "
                                     "remove it if that one is gone"};
  auto answer = http::ask(
      met->whom, {.method = "POST",
                  .target = std::string(servers_path),
                  .headers = {{"Authorization", "Bearer " + pass->token},
                              {"Content-Type", "application/json"}},
                  .body = json::write(json::object{{"link", own.link}, {"api", own.api}})});
  if (!answer) return answer.error();
  auto read = json::parse(answer->body);
  if (!read || answer->status != 200)
    return error{errc::forbidden,
                 "the server refuses: " +
                     (read ? std::string(json::string_at(*read, {"message"})) : answer->body)};
  auto id = json::find(*read, "id");
  auto files = json::find(*read, "files");
  if (!id || !id->is_int64() || id->get_int64() <= 0 || !files)
    return error{errc::unavailable, "the server's answer has no number or no keys"};
  if (auto saved = write_keys(*files, own.data / "pki"); !saved) return saved.error();
  auto number = static_cast<uint64_t>(id->get_int64());
  if (auto saved = remember_number(own.data, number); !saved) return saved.error();
  return number;
}

} // namespace troupe
