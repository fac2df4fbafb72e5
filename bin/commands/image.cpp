// `troupe image`: the images of this machine, whether or not a node runs on it.
#include "bin/commands/commands.hpp"

#include "actors/node/files.hpp"
#include "actors/node/images/import.hpp"
#include "actors/node/images/pull.hpp"
#include "actors/node/images/reference.hpp"

#include <cstdio>
#include <future>

namespace troupe::commands {

namespace {

constexpr const char* usage = R"(Usage: troupe image COMMAND [flags]

Commands:
  list                          the images of this machine
  import FILE|DIR [--name N]    take in a docker-archive, an OCI archive or an OCI layout
  pull NAME                     fetch an image from its registry
  remove NAME|ID                forget a name, or an image with all its names
  build-from-dir DIR NAME [--entrypoint WORD]... [--cmd WORD]... [--env N=V]... [--user U] [--cwd DIR]
                                make an image of one layer from the files of a directory

Flags:
  --data DIR   where the node keeps its data (/var/lib/troupe/node)

A node that runs sees changes when it next looks for an image by name.
)";

struct words {
  std::vector<std::string> plain;
  std::string data = "/var/lib/troupe/node", name, registries;
  node::build_options build;
};

/// Nothing if the arguments are misused.
std::optional<words> read_words(const std::vector<std::string>& arguments) {
  words out;
  for (size_t i = 0; i < arguments.size(); ++i) {
    auto& word = arguments[i];
    if (!word.starts_with("--")) {
      out.plain.push_back(word);
      continue;
    }
    auto equal = word.find('=');
    auto flag = word.substr(0, equal);
    std::string value;
    if (equal != word.npos)
      value = word.substr(equal + 1);
    else if (i + 1 < arguments.size())
      value = arguments[++i];
    else
      return std::nullopt;
    if (flag == "--data")
      out.data = value;
    else if (flag == "--name")
      out.name = value;
    else if (flag == "--registries-conf")
      out.registries = value;
    else if (flag == "--entrypoint")
      out.build.entrypoint.push_back(value);
    else if (flag == "--cmd")
      out.build.cmd.push_back(value);
    else if (flag == "--env")
      out.build.env.push_back(value);
    else if (flag == "--user")
      out.build.user = value;
    else if (flag == "--cwd")
      out.build.cwd = value;
    else
      return std::nullopt;
  }
  return out;
}

int complain(const error& why) {
  fprintf(stderr, "troupe image: %s\n", why.message.c_str());
  return found_faults;
}

std::string size_text(uint64_t bytes) {
  char out[32];
  snprintf(out, sizeof out, "%.1f MB", static_cast<double>(bytes) / 1e6);
  return out;
}

int list(node::image_store& store) {
  printf("%-50s %-20s %s\n", "NAME", "ID", "SIZE");
  for (auto& i : store.all())
    for (auto& n : i->names)
      printf("%-50s %-20s %s\n", n.c_str(), i->id.substr(7, 12).c_str(),
             size_text(i->bytes).c_str());
  return done;
}

int pull(node::image_store& store, const words& given) {
  node::pool threads(1);
  node::image_puller puller(store, threads, {given.registries, given.data, "skopeo"});
  std::promise<node::image_answer> told;
  puller.pull({given.plain[1], "Always", {}},
              [&](const node::image_answer& a) { told.set_value(a); });
  auto answer = told.get_future().get();
  if (!answer.image) return complain({errc::unavailable, answer.message});
  printf("%s\n", answer.image->id.c_str());
  return done;
}

} // namespace

int image(const std::vector<std::string>& arguments) {
  auto given = read_words(arguments);
  if (!given || given->plain.empty()) {
    fputs(usage, given && arguments.empty() ? stderr : stdout);
    return misused;
  }
  auto& command = given->plain[0];
  node::image_store store(std::filesystem::path(given->data) / "images");
  if (auto opened = store.open(); !opened) return complain(opened.error());
  size_t rest = given->plain.size() - 1;
  if (command == "list" && rest == 0) return list(store);
  if (command == "import" && rest == 1) {
    auto in = node::import_images(store, given->plain[1], given->name);
    if (!in) return complain(in.error());
    for (auto& i : *in)
      printf("%s %s\n", i->id.c_str(), i->names.empty() ? "" : i->names.back().c_str());
    return done;
  }
  if (command == "pull" && rest == 1) return pull(store, *given);
  if (command == "remove" && rest == 1) {
    auto name = node::parse_reference(given->plain[1]);
    auto gone = store.remove(name && store.find(name->text()) ? name->text() : given->plain[1]);
    return gone ? done : complain(gone.error());
  }
  if (command == "build-from-dir" && rest == 2) {
    given->build.name = given->plain[2];
    auto made = node::build_image(store, given->plain[1], given->build);
    if (!made) return complain(made.error());
    printf("%s\n", (*made)->id.c_str());
    return done;
  }
  fputs(usage, stderr);
  return misused;
}

} // namespace troupe::commands
