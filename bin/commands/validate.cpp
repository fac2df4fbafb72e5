// `troupe validate`: everything that is wrong with manifests, found without a server.
#include "bin/commands/commands.hpp"
#include "bin/commands/terminal.hpp"

#include "messages/base/json.hpp"

#include <cstdio>
#include <unistd.h>

namespace troupe::commands {

namespace {

constexpr const char* help = R"(Finds everything that is wrong with manifests, without a server.

Usage: troupe validate -f FILE... [-o json]

  -f, --filename FILE   a file of JSON, YAML (several documents) or Kubernetes protobuf; - is standard input
  -o, --output json     the findings as a JSON array
  --help                this text

Exit code: 0 if all is well (warnings allowed), 1 if something is wrong, 2 if the command was misused.

Examples:
  troupe validate -f web.yaml
  troupe validate web.yaml db.yaml
  cat web.yaml | troupe validate -f - -o json
)";

struct located {
  std::string file;
  codec::finding what;
};

json::object as_json(const located& l) {
  json::object o;
  o["file"] = l.file;
  if (l.what.at.line) o["line"] = l.what.at.line;
  if (l.what.at.line) o["column"] = l.what.at.column;
  o["level"] = l.what.weight == codec::finding::level::error ? "error" : "warning";
  o["object"] = l.what.object;
  o["field"] = l.what.field;
  o["reason"] = l.what.reason;
  o["message"] = l.what.message;
  if (!l.what.suggestion.empty()) o["suggestion"] = l.what.suggestion;
  return o;
}

} // namespace

int validate(const std::vector<std::string>& arguments) {
  auto line = read_command_line(arguments, {"--help", "-h"});
  if (!line) return misuse(line.error().message, "validate");
  if (line->has("--help") || line->has("-h")) return fputs(help, stdout), done;
  if (!line->output.empty() && line->output != "json") return misuse("-o takes json", "validate");
  auto files = line->files;
  files.insert(files.end(), line->words.begin(), line->words.end());
  if (files.empty()) return misuse("name a file with -f", "validate");

  std::vector<located> found;
  size_t objects = 0, errors = 0;
  for (auto& file : files) {
    auto text = read_source(file);
    if (!text) return misuse(text.error().message, "validate");
    auto shown = file == "-" ? "stdin" : file;
    auto read = codec::read_manifests(*text);
    for (auto& f : read.findings) found.push_back({shown, f});
    for (auto& m : read.objects)
      for (auto& f : codec::validate_manifest(m)) found.push_back({shown, f});
    objects += read.objects.size();
  }
  for (auto& l : found) errors += l.what.weight == codec::finding::level::error;

  if (line->output == "json") {
    json::array all;
    for (auto& l : found) all.push_back(as_json(l));
    puts(json::indent(json::write(all)).c_str());
  } else {
    bool coloured = colours(STDERR_FILENO);
    for (auto& l : found) fprintf(stderr, "%s\n", show(l.file, l.what, coloured).c_str());
    printf("%zu object%s, %zu error%s\n", objects, objects == 1 ? "" : "s", errors,
           errors == 1 ? "" : "s");
  }
  return errors ? found_faults : done;
}

} // namespace troupe::commands
