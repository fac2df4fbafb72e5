#include "bin/relay.hpp"

#include "bin/options.hpp"
#include "bin/signals.hpp"
#include "net/http/client.hpp"
#include "net/relay/relay.hpp"

namespace troupe {

int relay_command(const std::vector<std::string>& arguments) {
  std::string listen = "127.0.0.1:6443";
  std::vector<std::string> to;
  command_spec spec{
      .name = "relay",
      .synopsis = "",
      .about = "Gives all servers of a cluster one address: takes connections and passes their "
               "bytes on to a server\nthat can be reached. TLS stays between the two ends.",
      .options = {{"listen", "IP:PORT", "where to take connections (127.0.0.1:6443)", into(listen)},
                  {"to", "IP:PORT", "a server's API; once for each", into(to), true}},
      .examples = "troupe relay --listen 127.0.0.1:6443 --to 10.0.0.1:6443 --to 10.0.0.2:6443"};
  auto read = read_arguments(spec, arguments);
  if (read.exit_code) return *read.exit_code;
  relay::settings given;
  auto at = relay::target::parse(listen);
  if (!at) return complain("relay", at.error());
  given.listen = *at;
  for (auto& text : to) {
    auto target = relay::target::parse(text);
    if (!target) return complain("relay", target.error());
    given.targets.push_back(*target);
  }
  if (given.targets.empty())
    return complain("relay", {errc::bad_request, "give at least one server with --to"});
  given.ready = [](const relay::target& t) {
    constexpr std::chrono::seconds patience{2};
    // Who they are is the clients' business, who check it; here it only counts whether they can.
    auto said = http::ask(
        {.host = t.host, .port = t.port, .who = {}, .expected_name = {}, .patience = patience},
        {.target = "/readyz"});
    return said && said->status == 200;
  };
  block_signals();
  auto made = relay::relay::start(std::move(given));
  if (!made) return complain("relay", made.error());
  wait_for_signal();
  return 0;
}

} // namespace troupe
