// `troupe convert`: manifests from any of the three forms to any other.
#include "bin/commands/commands.hpp"
#include "bin/commands/terminal.hpp"

#include "messages/base/json.hpp"
#include "messages/codec/envelope.hpp"
#include "messages/codec/json_encode.hpp"
#include "messages/schema/kind.hpp"

#include <google/protobuf/message.h>

#include <cstdio>
#include <unistd.h>

namespace troupe::commands {

namespace {

constexpr const char* help = R"(Converts manifests between JSON, YAML and Kubernetes protobuf.

Usage: troupe convert -f FILE|- -o json|yaml|protobuf

  -f, --filename FILE   a file in any of the three forms; YAML may hold several documents; - is standard input
  -o, --output FORM     json, yaml (the default) or protobuf (one object)
  --help                this text

Exit code: 0 if all was converted, 1 if something could not be read, 2 if the command was misused.

Examples:
  troupe convert -f web.yaml -o json
  troupe convert -f pod.pb -o yaml
  troupe convert -f pod.json -o protobuf > pod.pb
)";

std::string json_of(const codec::manifest& m) {
  return m.object ? codec::to_json(*m.object, {m.api_version, m.kind, {}}) : m.text.json;
}

void print(const std::string& text) { fwrite(text.data(), 1, text.size(), stdout); }

} // namespace

int convert(const std::vector<std::string>& arguments) {
  auto line = read_command_line(arguments, {"--help", "-h"});
  if (!line) return misuse(line.error().message, "convert");
  if (line->has("--help") || line->has("-h")) return fputs(help, stdout), done;
  auto form = line->output.empty() ? "yaml" : line->output;
  if (form != "json" && form != "yaml" && form != "protobuf")
    return misuse("-o takes json, yaml or protobuf", "convert");
  auto files = line->files;
  files.insert(files.end(), line->words.begin(), line->words.end());
  if (files.empty()) return misuse("name a file with -f", "convert");

  bool coloured = colours(STDERR_FILENO);
  bool failed = false;
  std::vector<codec::manifest> objects;
  for (auto& file : files) {
    auto text = read_source(file);
    if (!text) return misuse(text.error().message, "convert");
    auto read = codec::read_manifests(*text);
    for (auto& f : read.findings) {
      fprintf(stderr, "%s\n", show(file == "-" ? "stdin" : file, f, coloured).c_str());
      failed = failed || f.weight == codec::finding::level::error;
    }
    for (auto& m : read.objects) objects.push_back(std::move(m));
  }
  if (form == "protobuf") {
    if (objects.size() != 1)
      return misuse("protobuf holds one object, and there are " + std::to_string(objects.size()),
                    "convert");
    auto& m = objects.front();
    if (!m.object)
      return misuse(m.kind + " is a custom kind, which has no protobuf form", "convert");
    if (isatty(STDOUT_FILENO))
      return misuse("protobuf is not for terminals: send it to a file", "convert");
    print(codec::seal_envelope(m.api_version, m.kind, codec::to_wire(*m.object)));
    return failed ? found_faults : done;
  }
  bool first = true;
  for (auto& m : objects) {
    auto text = json_of(m);
    if (form == "json") {
      print(json::indent(json::compact(text)) + "\n");
    } else {
      auto block = yaml::from_json(text);
      if (!block) return misuse(block.error().message, "convert");
      print((first ? "" : "---\n") + *block);
    }
    first = false;
  }
  return failed ? found_faults : done;
}

} // namespace troupe::commands
