// `troupe explain`: what a kind is for and which fields it has, offline.
#include "bin/commands/commands.hpp"
#include "bin/commands/terminal.hpp"

#include "messages/base/json.hpp"
#include "messages/schema/explain.hpp"

#include <cstdio>

namespace troupe::commands {

namespace {

constexpr const char* help = R"(Explains a kind or one of its fields.

Usage: troupe explain KIND[.field...] [--recursive] [-o json]

  --recursive          all fields below, without descriptions
  -o, --output json    the same text as a JSON object
  --help               this text

Exit code: 0 if there is such a field, 1 if not, 2 if the command was misused.

Examples:
  troupe explain deployment
  troupe explain pods.spec.containers.livenessProbe
  troupe explain cronjob --recursive
)";

} // namespace

int explain(const std::vector<std::string>& arguments) {
  auto line = read_command_line(arguments, {"--help", "-h", "--recursive"});
  if (!line) return misuse(line.error().message, "explain");
  if (line->has("--help") || line->has("-h")) return fputs(help, stdout), done;
  if (!line->output.empty() && line->output != "json") return misuse("-o takes json", "explain");
  if (line->words.size() != 1) return misuse("name one kind or field", "explain");
  auto text =
      schema::explain(*schema::registry::built_in(), line->words[0], line->has("--recursive"));
  if (!text) {
    fprintf(stderr, "troupe explain: %s\n", text.error().message.c_str());
    return found_faults;
  }
  if (line->output == "json") {
    json::object o;
    o["name"] = line->words[0];
    o["text"] = *text;
    puts(json::write(json::value(o)).c_str());
  } else {
    fputs(text->c_str(), stdout);
  }
  return done;
}

} // namespace troupe::commands
