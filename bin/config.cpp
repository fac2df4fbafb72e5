#include "bin/config.hpp"

#include "bin/agent.hpp"
#include "bin/server.hpp"
#include "messages/base/json.hpp"
#include "messages/codec/yaml.hpp"
#include "net/tls/files.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>

namespace troupe {

namespace {

constexpr const char* config_flag = "config";

/// Values of one source, by the names of options.
struct source {
  std::string name;
  std::map<std::string, std::vector<std::string>> values;
};

bool knows(const command_spec& of, const std::string& name) {
  return std::any_of(of.options.begin(), of.options.end(),
                     [&](const option& o) { return o.name == name; });
}

result<std::string> scalar(const json::value& v) {
  if (v.is_string()) return std::string(v.get_string());
  if (v.is_bool() || v.is_number()) return json::write(v);
  return error{errc::bad_request, "is neither a text, a number nor true or false"};
}

result<source> read_file(const command_spec& of, const std::filesystem::path& file) {
  source out{file.string(), {}};
  auto text = tls::load_file(file);
  if (!text) return text.error();
  auto documents = yaml::to_json(*text);
  if (!documents) return with_context(documents.error(), file.string());
  if (documents->empty()) return out;
  auto tree = json::parse(documents->front().json);
  if (!tree) return with_context(tree.error(), file.string());
  if (!tree->is_object() || documents->size() > 1)
    return error{errc::bad_request, file.string() + ": write one `name: value` a line"};
  for (auto& [key, value] : tree->get_object()) {
    auto at = file.string() + ": " + std::string(key);
    if (!knows(of, key))
      return error{errc::bad_request,
                   at + " is no setting of troupe " + of.name + "; see --help for their names"};
    auto& to = out.values[key];
    json::array one{value};
    for (auto& each : value.is_array() ? value.get_array() : one) {
      auto plain = scalar(each);
      if (!plain) return with_context(plain.error(), at);
      to.push_back(std::move(*plain));
    }
  }
  return out;
}

result<std::vector<source>> read_files(const command_spec& of, const std::filesystem::path& file,
                                       bool named) {
  std::vector<std::filesystem::path> files;
  std::error_code none;
  if (named || std::filesystem::exists(file, none)) files.push_back(file);
  std::vector<std::filesystem::path> drop_ins;
  for (auto& e : std::filesystem::directory_iterator(file.parent_path() / "config.d", none))
    if (e.path().extension() == ".yaml") drop_ins.push_back(e.path());
  std::sort(drop_ins.begin(), drop_ins.end());
  files.insert(files.end(), drop_ins.begin(), drop_ins.end());
  std::vector<source> out;
  for (auto& f : files) {
    auto read = read_file(of, f);
    if (!read) return read.error();
    out.push_back(std::move(*read));
  }
  return out;
}

source read_environment(const command_spec& of, const config_places& from) {
  source out{"environment", {}};
  for (auto& o : of.options)
    if (auto value = from.environment ? from.environment(variable_of(o.name).c_str()) : nullptr)
      out.values[o.name] = {value};
  return out;
}

} // namespace

std::string variable_of(const std::string& option) {
  std::string out = "TROUPE_";
  for (char c : option)
    out += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return out;
}

result<told> gather(const command_spec& of, const std::vector<std::string>& arguments,
                    config_places from) {
  // Flags are looked at first, without setting anything: one of them may name the file.
  auto spec = of;
  bool named = false;
  for (auto& o : spec.options) o.set = [](const std::string&) { return result<void>{}; };
  spec.options.push_back({config_flag, "FILE", "", [&](const std::string& value) -> result<void> {
                            from.file = std::filesystem::absolute(value);
                            named = true;
                            return {};
                          }});
  std::vector<setting> flags;
  auto words = read_flags(spec, arguments, &flags);
  if (!words) return words.error();
  auto sources = read_files(of, from.file, named);
  if (!sources) return sources.error();
  sources->push_back(read_environment(of, from));
  source by_flag{"flag", {}};
  for (auto& f : flags) by_flag.values[f.name].push_back(f.value);
  sources->push_back(std::move(by_flag));
  told out{{}, std::move(*words)};
  for (auto& o : of.options)
    for (auto s = sources->rbegin(); s != sources->rend(); ++s) {
      auto hit = s->values.find(o.name);
      if (hit == s->values.end()) continue;
      auto where = s->name == "environment" ? variable_of(o.name)
                   : s->name == "flag"      ? "flag --" + o.name
                                            : s->name;
      for (auto& v : hit->second) out.settings.push_back({o.name, v, where});
      break;
    }
  return out;
}

reading read_configured(const command_spec& of, const std::vector<std::string>& arguments) {
  auto shown = of;
  shown.options.push_back(
      {config_flag,
       "FILE",
       "settings by these names, and config.d/*.yaml beside it (/etc/troupe/config.yaml)",
       {}});
  shown.about += "\n\nEach flag is also a key of the configuration file and a variable of the "
                 "environment: link-port, TROUPE_LINK_PORT.";
  if (std::any_of(arguments.begin(), arguments.end(),
                  [](auto& a) { return a == "--help" || a == "-h"; })) {
    fputs(usage_of(shown).c_str(), stdout);
    return {{}, 0};
  }
  auto found = gather(of, arguments, {.environment = getenv});
  if (!found) return complain(of.name, found.error()), reading{{}, 2};
  for (auto& s : found->settings)
    for (auto& o : of.options)
      if (o.name == s.name)
        if (auto set = o.set(s.value); !set)
          return complain(of.name, with_context(set.error(), s.source)), reading{{}, 2};
  return {std::move(found->words), {}};
}

int config_command(const std::vector<std::string>& arguments) {
  std::string role, output;
  auto rest = arguments;
  auto help =
      std::any_of(rest.begin(), rest.end(), [](auto& a) { return a == "--help" || a == "-h"; });
  if (help || rest.size() < 2 || rest[0] != "view" || (rest[1] != "server" && rest[1] != "agent")) {
    fputs("Usage: troupe config view server|agent [flags of that role] [-o json]\n\n"
          "Shows the settings that a server or an agent would start with, and where each comes "
          "from.\nWhat is not shown has its usual value; see troupe server --help.\n",
          help ? stdout : stderr);
    return help ? 0 : 2;
  }
  role = rest[1];
  rest.erase(rest.begin(), rest.begin() + 2);
  server_options server;
  agent_options agent;
  auto spec = role == "server" ? spec_of(server) : spec_of(agent);
  auto with_output = spec;
  with_output.options.push_back({"o", "json", "", into(output)});
  auto found = gather(with_output, rest, {.environment = getenv});
  if (!found) return complain("config", found.error());
  std::erase_if(found->settings, [&](auto& s) {
    if (s.name == "o") output = s.value;
    return s.name == "o";
  });
  json::array all;
  if (output != "json") printf("%-20s %-32s %s\n", "NAME", "VALUE", "FROM");
  for (auto& s : found->settings) {
    bool secret = s.name == "token" || s.name == "join";
    auto value = secret ? "(secret)" : s.value;
    all.push_back(json::object{{"name", s.name}, {"value", value}, {"from", s.source}});
    if (output != "json")
      printf("%-20s %-32s %s\n", s.name.c_str(), value.c_str(), s.source.c_str());
  }
  if (output == "json") puts(json::write(json::value(std::move(all))).c_str());
  return 0;
}

} // namespace troupe
