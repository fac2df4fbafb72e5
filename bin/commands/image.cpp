// `troupe image`: the images of this machine, whether or not a node runs on it.
#include "bin/commands/commands.hpp"

#include "actors/node/files.hpp"
#include "actors/node/images/import.hpp"
#include "actors/node/images/pull.hpp"
#include "actors/node/images/reference.hpp"
#include "bin/options.hpp"

#include <cstdio>
#include <future>

namespace troupe::commands {

namespace {

struct words {
  std::string data = "/var/lib/troupe/node", name, registries, credentials, output;
  node::build_options build;
};

command_spec spec_of(words& o) {
  return {
      .name = "image",
      .synopsis = "list | import FILE|DIR | pull NAME | remove NAME|ID | build-from-dir DIR NAME",
      .about = "The images of this machine. import takes in a docker-archive, an OCI archive or an "
               "OCI layout; pull fetches\nfrom a registry; remove forgets a name, or an image with "
               "all its names; build-from-dir makes an image of\none layer from the files of a "
               "directory. A node that runs sees changes when it next looks for an image\nby name.",
      .options =
          {{"data", "DIR", "where the node keeps its data (/var/lib/troupe/node)", into(o.data)},
           {"output", "json", "of list: for programs", into(o.output)},
           {"o", "json", "the same", into(o.output)},
           {"name", "NAME", "of what is imported, if the archive does not say", into(o.name)},
           {"registries", "FILE",
            "of pull: mirrors and insecure registries, containers-registries.conf(5)",
            into(o.registries)},
           {"authfile", "FILE", "of pull: logins as docker keeps them (~/.docker/config.json)",
            into(o.credentials)},
           {"entrypoint", "WORD", "of build-from-dir; may be repeated", into(o.build.entrypoint),
            true},
           {"cmd", "WORD", "of build-from-dir; may be repeated", into(o.build.cmd), true},
           {"env", "N=V", "of build-from-dir; may be repeated", into(o.build.env), true},
           {"user", "U", "of build-from-dir", into(o.build.user)},
           {"cwd", "DIR", "of build-from-dir", into(o.build.cwd)}},
      .examples = "troupe image list\n"
                  "troupe image import app.tar --name example.com/app:1\n"
                  "troupe image pull --authfile ~/.docker/config.json example.com/app:2\n"
                  "troupe image build-from-dir ./root example.com/app:3 --cmd /bin/app"};
}

int complain(const error& why) { return troupe::complain("image", why); }

constexpr size_t credentials_bytes_max = 1 << 20;

std::string size_text(uint64_t bytes) {
  char out[32];
  snprintf(out, sizeof out, "%.1f MB", static_cast<double>(bytes) / 1e6);
  return out;
}

int list(node::image_store& store, const words& given) {
  if (given.output == "json") {
    json::array all;
    for (auto& i : store.all()) {
      json::array names(i->names.begin(), i->names.end());
      all.push_back(json::object{{"id", i->id}, {"names", std::move(names)}, {"bytes", i->bytes}});
    }
    puts(json::write(json::value(std::move(all))).c_str());
    return done;
  }
  printf("%-50s %-20s %s\n", "NAME", "ID", "SIZE");
  for (auto& i : store.all())
    for (auto& n : i->names)
      printf("%-50s %-20s %s\n", n.c_str(), i->id.substr(7, 12).c_str(),
             size_text(i->bytes).c_str());
  return done;
}

int pull(node::image_store& store, const std::string& name, const words& given) {
  std::vector<std::string> credentials;
  if (!given.credentials.empty()) {
    auto text = node::read_file(given.credentials, credentials_bytes_max);
    if (!text) return complain(text.error());
    credentials.push_back(std::move(*text));
  }
  auto tell = [](std::string_view what) { fwrite(what.data(), 1, what.size(), stderr); };
  node::pool threads(1);
  node::image_puller puller(store, threads, {given.registries, given.data, "skopeo", tell});
  std::promise<node::image_answer> told;
  puller.pull({name, "Always", std::move(credentials)},
              [&](const node::image_answer& a) { told.set_value(a); });
  auto answer = told.get_future().get();
  if (!answer.image) return complain({errc::unavailable, answer.message});
  printf("%s\n", answer.image->id.c_str());
  return done;
}

} // namespace

int image(const std::vector<std::string>& arguments) {
  words given;
  auto spec = spec_of(given);
  auto read = read_arguments(spec, arguments);
  if (read.exit_code) return *read.exit_code;
  auto misuse = [](const std::string& why) {
    complain({errc::bad_request, why + "; see troupe image --help"});
    return misused;
  };
  if (read.words.empty()) return misuse("say what to do with images");
  if (!given.output.empty() && given.output != "json")
    return misuse("-o: \"" + given.output + "\" is not json");
  auto& command = read.words[0];
  auto rest = read.words.size() - 1;
  node::image_store store(std::filesystem::path(given.data) / "images");
  if (auto opened = store.open(); !opened) return complain(opened.error());
  if (command == "list" && rest == 0) return list(store, given);
  if (command == "import" && rest == 1) {
    auto in = node::import_images(store, read.words[1], given.name);
    if (!in) return complain(in.error());
    for (auto& i : *in)
      printf("%s %s\n", i->id.c_str(), i->names.empty() ? "" : i->names.back().c_str());
    return done;
  }
  if (command == "pull" && rest == 1) return pull(store, read.words[1], given);
  if (command == "remove" && rest == 1) {
    auto name = node::parse_reference(read.words[1]);
    auto gone = store.remove(name && store.find(name->text()) ? name->text() : read.words[1]);
    return gone ? done : complain(gone.error());
  }
  if (command == "build-from-dir" && rest == 2) {
    given.build.name = read.words[2];
    auto made = node::build_image(store, read.words[1], given.build);
    if (!made) return complain(made.error());
    printf("%s\n", (*made)->id.c_str());
    return done;
  }
  return misuse("\"" + command + "\" with " + std::to_string(rest) +
                " more words is no command of images");
}

} // namespace troupe::commands
