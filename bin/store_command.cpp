// `troupe store`: the files of a running server's store, looked at and tidied up.
#include "bin/admin.hpp"
#include "bin/lock.hpp"
#include "bin/options.hpp"
#include "bin/store_desk.hpp"
#include "storage/backup.hpp"

#include <cstdio>

namespace troupe {

namespace {

int fail(const error& why) { return complain("store", why); }

double megabytes(const json::value& of, const char* name) {
  auto v = json::find(of, name);
  return v && v->is_int64() ? static_cast<double>(v->get_int64()) / 1e6 : 0;
}

std::string number(const json::value& of, const char* name) {
  auto v = json::find(of, name);
  return v ? json::write(*v) : "-";
}

/// "sound", or what is damaged and what became of it.
std::string verdict(const json::value& report) {
  auto damage = json::string_at(report, {"damage"});
  if (damage.empty()) return "everything is sound";
  auto healed = json::find(report, "healed");
  return "damage was found" +
         std::string(healed && healed->is_bool() && healed->get_bool()
                         ? " and written over from memory: look after this disk"
                         : " and is still there: do not stop this server before another has its "
                           "data") +
         "\n  " + std::string(damage);
}

int print(const json::value& seen) {
  printf("objects      %s at revision %s\n", number(seen, "objects").c_str(),
         number(seen, "revision").c_str());
  printf("checkpoint   %.1f MB, of which %.1f MB hold nothing\n", megabytes(seen, "bytes"),
         megabytes(seen, "freeBytes"));
  printf("log          %s segments\n", number(seen, "logSegments").c_str());
  if (auto last = json::find(seen, "lastCheck"))
    printf("last check   %s: %s\n", std::string(json::string_at(*last, {"time"})).c_str(),
           verdict(*last).c_str());
  return 0;
}

int print_check(const json::value& report) {
  printf("The store's files were read again: %s.\n", verdict(report).c_str());
  auto sound = json::find(report, "sound");
  return sound && sound->is_bool() && sound->get_bool() ? 0 : 1;
}

/// No server runs: everything is read here, and nothing changed.
int check_offline(const std::filesystem::path& data) {
  auto held = data_lock::take(data);
  if (!held) return fail(held.error());
  auto keys = storage::load_key_file((data / "pki" / "secrets.key").string(), false);
  if (!keys) return fail(keys.error());
  auto ring = storage::keyring::make(std::move(*keys), {"secrets"});
  if (!ring) return fail(ring.error());
  auto found = storage::check_data_directory((data / "store").string(), *ring);
  if (!found) return fail(found.error());
  printf("No server runs from here. Its files were read: everything is sound, %llu objects at "
         "revision %llu.\n",
         static_cast<unsigned long long>(found->objects),
         static_cast<unsigned long long>(found->revision));
  return 0;
}

} // namespace

int store_command(const std::vector<std::string>& arguments) {
  std::filesystem::path data = "/var/lib/troupe";
  std::string output;
  command_spec spec{.name = "store",
                    .synopsis = "show|defragment|check",
                    .about = "The files of this server's store, while it runs. Run it on the "
                             "server.\n\n"
                             "  show        how large they are, and what the last check found\n"
                             "  defragment  give back the room that holds nothing; the server does "
                             "so by itself when it is much\n"
                             "  check       read everything again now, as the server does every "
                             "day; what is damaged is\n"
                             "              written anew from memory. Exits with 1 if there was "
                             "damage. Without a\n"
                             "              running server it only reads",
                    .options = {{"data", "DIR", "the server's (/var/lib/troupe)", into(data)},
                                {"o", "json", "machine-readable", into(output)}},
                    .examples = "troupe store show\ntroupe store check"};
  auto read = read_arguments(spec, arguments);
  if (read.exit_code) return *read.exit_code;
  if (read.words == std::vector<std::string>{"check"} && data_lock::holder(data) == 0 &&
      std::filesystem::exists(data / "store"))
    return check_offline(data);
  struct verb {
    const char* name;
    http::client_request request;
    int (*print)(const json::value&);
  };
  const verb verbs[] = {
      {"show", {.target = "/troupe/v1/store"}, print},
      {"defragment", {.method = "POST", .target = "/troupe/v1/store/defragment"}, print},
      {"check", {.method = "POST", .target = "/troupe/v1/store/check"}, print_check}};
  for (auto& x : verbs) {
    if (read.words.size() != 1 || read.words[0] != x.name) continue;
    auto answer = long_call(data, x.request);
    if (!answer) return fail(answer.error());
    if (output == "json") return puts(json::write(*answer).c_str()), 0;
    return x.print(*answer);
  }
  fputs(usage_of(spec).c_str(), stderr);
  return 2;
}

} // namespace troupe
