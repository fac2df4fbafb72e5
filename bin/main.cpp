// The entry point of every command and role: looks the word up and hands over.
#include "bin/server.hpp"

#include <cstdio>
#include <cstring>

int main(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty() || words[0] == "--help" || words[0] == "help") {
    puts("Usage: troupe COMMAND [flags]\n\nCommands:\n  server   run a control-plane member\n\nEvery command explains itself with --help.");
    return words.empty() ? 2 : 0;
  }
  std::vector<std::string> rest(words.begin() + 1, words.end());
  if (words[0] == "server") return troupe::server_command(rest);
  fprintf(stderr, "troupe: %s is not a command; see troupe --help\n", words[0].c_str());
  return 2;
}
