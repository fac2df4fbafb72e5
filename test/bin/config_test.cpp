// Where settings come from, and which source is the stronger one.
#include "bin/config.hpp"
#include "bin/install.hpp"
#include "bin/server.hpp"
#include "test/storage/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <fstream>
#include <map>

using namespace troupe;

namespace {

struct place {
  place() { std::filesystem::create_directories(where.path + "/config.d"); }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(where.path + "/" + name) << text;
  }
  result<told> gather(const std::vector<std::string>& arguments) {
    return troupe::gather(spec_of(options), arguments,
                          {.file = where.path + "/config.yaml",
                           .environment = [this](const char* name) -> const char* {
                             auto hit = variables.find(name);
                             return hit == variables.end() ? nullptr : hit->second.c_str();
                           }});
  }
  /// "value<source" of an option.
  std::string of(const std::string& name, const std::vector<std::string>& arguments = {}) {
    auto found = gather(arguments);
    BOOST_REQUIRE_MESSAGE(found, found.error().message);
    std::string out;
    for (auto& s : found->settings)
      if (s.name == name) {
        auto source = s.source.substr(s.source.rfind('/') + 1);
        out += (out.empty() ? "" : ",") + s.value + "<" + source;
      }
    return out;
  }

  test::temporary_directory where;
  std::map<std::string, std::string> variables;
  server_options options;
};

} // namespace

BOOST_AUTO_TEST_SUITE(config_test)

BOOST_AUTO_TEST_CASE(flags_beat_the_environment_beats_drop_ins_beat_the_file) {
  place p;
  BOOST_TEST(p.of("port") == "");
  p.write("config.yaml", "port: 1\nanonymous-auth: false\nserver: [1=10.0.0.1:2, 2=10.0.0.2:2]\n");
  BOOST_TEST(p.of("port") == "1<config.yaml");
  BOOST_TEST(p.of("anonymous-auth") == "false<config.yaml");
  BOOST_TEST(p.of("server") == "1=10.0.0.1:2<config.yaml,2=10.0.0.2:2<config.yaml");
  p.write("config.d/20-b.yaml", "port: 3\n");
  p.write("config.d/10-a.yaml", "port: 2\n");
  p.write("config.d/notes.txt", "port: 9\n");
  BOOST_TEST(p.of("port") == "3<20-b.yaml");
  p.variables["TROUPE_PORT"] = "4";
  p.variables["TROUPE_LINK_PORT"] = "44";
  BOOST_TEST(p.of("port") == "4<TROUPE_PORT");
  BOOST_TEST(p.of("link-port") == "44<TROUPE_LINK_PORT");
  BOOST_TEST(p.of("port", {"--port", "5"}) == "5<flag --port");
  // A list is replaced as a whole.
  BOOST_TEST(p.of("server", {"--server", "1=10.0.0.9:2"}) == "1=10.0.0.9:2<flag --server");
}

BOOST_AUTO_TEST_CASE(what_is_wrong_with_a_file_is_said_with_its_name) {
  place p;
  const std::pair<const char*, const char*> rows[] = {
      {"prot: 1\n", "prot is no setting of troupe server"},
      {"port: {a: b}\n", "port: is neither a text"},
      {"- port\n", "write one `name: value` a line"},
      {"port: [\n", "config.yaml"}};
  for (auto& [text, said] : rows) {
    p.write("config.yaml", text);
    auto found = p.gather({});
    BOOST_REQUIRE(!found);
    auto words = found.error().message;
    BOOST_TEST((words.find("config.yaml") != words.npos), words);
    BOOST_TEST((words.find(said) != words.npos), words);
  }
  // A file that was named must be there.
  BOOST_TEST(!p.gather({"--config", p.where.path + "/none.yaml"}));
}

BOOST_AUTO_TEST_CASE(an_installation_keeps_its_settings_and_its_unit) {
  installation where{"/srv/x"};
  auto text = config_text(where, "server",
                          {{"advertise", "10.0.0.1", ""},
                           {"server", "1=10.0.0.1:2", ""},
                           {"server", "2=10.0.0.2:2", ""}});
  BOOST_REQUIRE(text);
  BOOST_TEST(*text == "advertise: 10.0.0.1\ndata: /srv/x/var/lib/troupe\nserver:\n- "
                      "1=10.0.0.1:2\n- 2=10.0.0.2:2\n");
  BOOST_TEST(*config_text({}, "server", {}) == "{}\n");
  auto unit = unit_text({}, "agent");
  for (auto part : {"ExecStart=/usr/local/bin/troupe agent --config /etc/troupe/config.yaml\n",
                    "Type=notify", "KillMode=process", "WatchdogSec="})
    BOOST_TEST((unit.find(part) != unit.npos), part);
}

BOOST_AUTO_TEST_SUITE_END()
