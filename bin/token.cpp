#include "bin/token.hpp"

#include "actors/gateway/bootstrap_token.hpp"
#include "bin/admin.hpp"
#include "bin/clock.hpp"
#include "bin/join.hpp"
#include "bin/options.hpp"
#include "messages/base/base64.hpp"
#include "messages/base/json.hpp"
#include "messages/base/log.hpp"
#include "messages/codec/json_encode.hpp"

#include <cstdio>

namespace troupe {

namespace {

struct options {
  std::string id, description, ttl, role = "agent", output;
  std::filesystem::path data = "/var/lib/troupe";

  bool as_json() const { return output == "json"; }
};

command_spec spec_of(options& o) {
  return {
      "token",
      "create|list|delete [ID]",
      "Tokens by which machines may join, run on a server. A token holds for a day, one for "
      "servers for an\nhour, unless --ttl says otherwise. It carries the hash of the cluster's "
      "CA, so that the first contact\nis safe. Whoever has a token for servers can get the keys "
      "of the whole cluster: keep it as safe.",
      {{"data", "DIR", "the server's (/var/lib/troupe)", into(o.data)},
       {"role", "ROLE", "what may join with it: agent or server (agent)", into(o.role)},
       {"ttl", "DURATION", "how long the token holds: 24h, 30m; 0 for ever", into(o.ttl)},
       {"description", "TEXT", "shown by list", into(o.description)},
       {"output", "json", "machine-readable", into(o.output)},
       {"o", "json", "the same", into(o.output)}},
      "troupe token create\n"
      "troupe token create --role server\n"
      "troupe token create --ttl 1h -o json\n"
      "troupe token list\n"
      "troupe token delete abcdef"};
}

int complain(const std::string& why) { return troupe::complain("token", {errc::invalid, why}); }

std::string random_text(size_t size) {
  constexpr std::string_view letters = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::string out;
  while (out.size() < size) {
    auto x = entropy() & 63; // even odds: what is too large is thrown away
    if (x < letters.size()) out.push_back(letters[x]);
  }
  return out;
}

constexpr const char* secrets = "/api/v1/namespaces/kube-system/secrets";

int create(const options& o, const cluster_access& to) {
  if (o.role != "agent" && o.role != "server")
    return complain("--role " + o.role + ": a token is for an agent or for a server");
  auto life = o.ttl == "0" ? result<std::chrono::nanoseconds>{std::chrono::nanoseconds{0}}
                           : parse_duration(o.ttl);
  if (!life || life->count() < 0)
    return complain("--ttl " + o.ttl + ": write a duration like 24h or 30m, or 0");
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*life).count();
  gateway::bootstrap_token token{random_text(6), random_text(16)};
  auto expires = seconds == 0 ? 0 : wall_clock().seconds + seconds;
  auto secret = gateway::bootstrap_secret(token, expires, o.description,
                                          o.role == "server" ? gateway::server_bootstrappers : "");
  auto made = call(to, {.method = "POST",
                        .target = secrets,
                        .headers = {{"Content-Type", "application/json"}},
                        .body = codec::to_json(secret, {"v1", "Secret", {}})});
  if (!made) return complain(made.error().message);
  join_token whole{token.id + "." + token.secret, hash_of_authority(to.authority_pem)};
  if (o.as_json())
    puts(json::write(json::object{{"token", whole.text()},
                                  {"expires", expires ? format_time(expires) : ""}})
             .c_str());
  else
    puts(whole.text().c_str());
  return 0;
}

int list(const options& o, const cluster_access& to) {
  auto found = call(to, {.target = std::string(secrets) +
                                   "?fieldSelector=type%3Dbootstrap.kubernetes.io%2Ftoken"});
  if (!found) return complain(found.error().message);
  auto items = json::find(*found, "items");
  json::array out;
  if (!o.as_json()) printf("%-8s %-22s %s\n", "ID", "EXPIRES", "DESCRIPTION");
  auto plain = [](const json::value& item, const char* name) {
    auto bytes = base64::decode(json::string_at(item, {"data", name}));
    return bytes ? std::string(*bytes) : std::string{};
  };
  if (items && items->is_array())
    for (auto& item : items->get_array()) {
      auto id = plain(item, "token-id"), until = plain(item, "expiration"),
           words = plain(item, "description");
      out.push_back(json::object{{"id", id}, {"expires", until}, {"description", words}});
      if (!o.as_json())
        printf("%-8s %-22s %s\n", id.c_str(), until.empty() ? "never" : until.c_str(),
               log::escaped(words).c_str());
    }
  if (o.as_json()) puts(json::write(json::value(std::move(out))).c_str());
  return 0;
}

int remove(const options& o, const cluster_access& to) {
  if (o.id.empty()) return complain("which one? troupe token list shows them");
  auto done = call(to, {.method = "DELETE",
                        .target = std::string(secrets) + "/bootstrap-token-" + o.id.substr(0, 6)});
  if (!done) return complain(done.error().message);
  printf("token %s is deleted\n", o.id.substr(0, 6).c_str());
  return 0;
}

} // namespace

int token_command(const std::vector<std::string>& arguments) {
  options o;
  auto spec = spec_of(o);
  auto read = read_arguments(spec, arguments);
  if (read.exit_code) return *read.exit_code;
  auto& words = read.words;
  if (words.size() > 1) o.id = words[1];
  constexpr std::pair<const char*, int (*)(const options&, const cluster_access&)> verbs[] = {
      {"create", create}, {"list", list}, {"delete", remove}};
  if (o.ttl.empty()) o.ttl = o.role == "server" ? "1h" : "24h";
  for (auto& [name, run] : verbs)
    if (!words.empty() && words[0] == name) {
      auto to = access(o.data);
      return to ? run(o, *to) : complain(to.error().message);
    }
  fputs(usage_of(spec).c_str(), stderr);
  return 2;
}

} // namespace troupe
