// The entry point of every command and role: looks the word up in a table and hands over.
#include "bin/agent.hpp"
#include "bin/backup.hpp"
#include "bin/certificates.hpp"
#include "bin/cluster/command.hpp"
#include "bin/commands/commands.hpp"
#include "bin/config.hpp"
#include "bin/deploy/command.hpp"
#include "bin/install.hpp"
#include "bin/members.hpp"
#include "bin/recover.hpp"
#include "bin/relay.hpp"
#include "bin/server.hpp"
#include "bin/shell/shell.hpp"
#include "bin/store_desk.hpp"
#include "bin/token.hpp"
#include "bin/up.hpp"
#include "bin/verbs/verb.hpp"

#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

namespace {

struct command {
  const char* name;
  int (*run)(const std::vector<std::string>& arguments);
  const char* summary;
};

constexpr command table[] = {
    {"up", troupe::up_command, "run a whole cluster on this machine"},
    {"down", troupe::down_command, "end the pods that `troupe up` left running"},
    {"deploy", troupe::deploy_command, "put servers and agents on a list of hosts"},
    {"install", troupe::install_command, "make a server or agent of this machine for good"},
    {"uninstall", troupe::uninstall_command, "remove everything of a cluster from this machine"},
    {"server", troupe::server_command, "run a control-plane member"},
    {"agent", troupe::agent_command, "run pods for a cluster elsewhere"},
    {"shell", troupe::shell_command, "ask and tell a cluster line by line"},
    {"members", troupe::members_command, "the servers of a cluster while they run"},
    {"config", troupe::config_command, "show settings and where they come from"},
    {"certificates", troupe::certificates_command, "look after the certificates of this machine"},
    {"backup", troupe::backup_command, "backups of a server, and how they are restored"},
    {"store", troupe::store_command, "look after the files of a running server's store"},
    {"recover", troupe::recover_command, "get out of a lost majority of servers"},
    {"cluster", troupe::cluster_command, "run a cluster of many members on this machine"},
    {"relay", troupe::relay_command, "give all servers one address on this machine"},
    {"token", troupe::token_command, "tokens by which machines may join"},
    {"image", troupe::commands::image, "list, import, pull, build and remove images"},
    {"convert", troupe::commands::convert, "turn manifests into JSON, YAML or protobuf"},
    {"validate", troupe::commands::validate, "find everything that is wrong with manifests"},
};

void print_usage() {
  puts("Usage: troupe COMMAND [flags]\n\nCommands:");
  for (auto& c : table) printf("  %-14s %s\n", c.name, c.summary);
  std::string_view group;
  for (auto& v : troupe::verbs::all()) {
    if (v.group != group) {
      group = v.group;
      printf("\n%s:\n", std::string(group).c_str());
    }
    printf("  %-14s %s\n", std::string(v.name).c_str(), std::string(v.summary).c_str());
  }
  puts("\nEvery command explains itself with --help.");
}

} // namespace

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN); // a peer that is gone is an error of the call, not the end of us
  std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    print_usage();
    return words.empty() ? 2 : 0;
  }
  for (auto& c : table)
    if (words[0] == c.name) return c.run({words.begin() + 1, words.end()});
  if (auto v = troupe::verbs::find(words[0]))
    return troupe::verbs::run_command(*v, {words.begin() + 1, words.end()});
  fprintf(stderr, "troupe: %s is not a command; see troupe --help\n", words[0].c_str());
  return 2;
}
