#include "bin/certificates.hpp"

#include "bin/clock.hpp"
#include "bin/lock.hpp"
#include "bin/options.hpp"
#include "messages/base/json.hpp"
#include "net/tls/files.hpp"
#include "net/tls/life.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>

namespace troupe {

namespace {

constexpr int64_t day_seconds = 24 * 3600;

struct held_certificate {
  std::string name, file;
  tls::life life;

  const char* state(int64_t now) const {
    if (now >= life.ends) return "expired";
    if (now < life.begins) return "not yet";
    return now >= life.renewal() ? "due" : "good";
  }
};

int fail(const error& why) { return complain("certificates", why); }

/// Of a server in pki/, of an agent in join/.
std::vector<held_certificate> all_in(const std::filesystem::path& data) {
  std::vector<held_certificate> out;
  std::error_code none;
  for (auto folder : {"pki", "join"})
    for (auto& e : std::filesystem::directory_iterator(data / folder, none)) {
      if (e.path().extension() != ".crt") continue;
      auto pem = tls::load_file(e.path());
      auto life = pem ? tls::read_life(*pem) : result<tls::life>{pem.error()};
      auto read = pem ? tls::read_certificate(*pem) : result<tls::peer_certificate>{pem.error()};
      if (life && read) out.push_back({read->common_name, e.path().string(), *life});
    }
  std::sort(out.begin(), out.end(), [](auto& a, auto& b) { return a.file < b.file; });
  return out;
}

/// Exit code 1 if one has expired or should have been renewed by now.
int check(const std::filesystem::path& data, bool as_json) {
  auto all = all_in(data);
  if (all.empty())
    return fail({errc::not_found, "neither a server nor an agent has run from " + data.string()});
  auto now = wall_clock().seconds;
  bool good = true;
  json::array out;
  if (!as_json) printf("%-24s %-8s %-6s %-22s %s\n", "NAME", "STATE", "DAYS", "EXPIRES", "FILE");
  for (auto& c : all) {
    std::string state = c.state(now);
    good = good && state == "good";
    out.push_back(json::object{{"name", c.name},
                               {"state", state},
                               {"expires", format_time(c.life.ends)},
                               {"renewal", format_time(c.life.renewal())},
                               {"file", c.file}});
    if (!as_json)
      printf("%-24s %-8s %-6lld %-22s %s\n", c.name.c_str(), state.c_str(),
             static_cast<long long>((c.life.ends - now) / day_seconds),
             format_time(c.life.ends).c_str(), c.file.c_str());
  }
  if (as_json) puts(json::write(json::value(std::move(out))).c_str());
  return good ? 0 : 1;
}

int rotate(const std::filesystem::path& data) {
  auto running = data_lock::holder(data);
  if (running == 0)
    return fail({errc::unavailable, "nothing runs from " + data.string() +
                                        ": certificates are made anew when it starts and they are "
                                        "due, and rotated while it runs"});
  if (kill(running, SIGHUP) != 0)
    return fail({errc::forbidden, "process " + std::to_string(running) + " cannot be told"});
  puts("Its certificates are being made anew; `troupe certificates check` shows them.");
  return 0;
}

} // namespace

int certificates_command(const std::vector<std::string>& arguments) {
  std::filesystem::path data = "/var/lib/troupe";
  std::string output;
  command_spec spec{
      .name = "certificates",
      .synopsis = "check|rotate",
      .about = "The certificates of the server or agent on this machine. They are made anew by "
               "themselves when two thirds of\ntheir life are over.\n\n"
               "  check    show them; exit code 1 if one has expired or is overdue\n"
               "  rotate   make them anew now, while everything runs (all but the cluster's CA)",
      .options = {{"data", "DIR", "of the server or agent (/var/lib/troupe)", into(data)},
                  {"o", "json", "for check: machine-readable", into(output)}},
      .examples = "troupe certificates check\ntroupe certificates rotate"};
  auto read = read_arguments(spec, arguments);
  if (read.exit_code) return *read.exit_code;
  if (read.words == std::vector<std::string>{"check"}) return check(data, output == "json");
  if (read.words == std::vector<std::string>{"rotate"}) return rotate(data);
  fputs(usage_of(spec).c_str(), stderr);
  return 2;
}

} // namespace troupe
