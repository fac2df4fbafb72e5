// `troupe secrets`: the keys that seal secrets on the disk, rotated while the servers run.
#include "bin/admin.hpp"
#include "bin/lock.hpp"
#include "bin/options.hpp"
#include "bin/store_desk.hpp"

#include <charconv>
#include <cstdio>
#include <iostream>

namespace troupe {

namespace {

int fail(const error& why) { return complain("secrets", why); }

std::string key_file(const std::filesystem::path& data) {
  return (data / "pki" / "secrets.key").string();
}

/// Has the server that runs from `data` read its keys again; without one they count when it starts.
int take_effect(const std::filesystem::path& data) {
  if (data_lock::holder(data) == 0)
    return puts("No server runs from here: it takes effect when one starts."), 0;
  auto seen = long_call(data, {.method = "POST", .target = "/troupe/v1/store/keys"});
  if (!seen) return fail(seen.error());
  auto seals = json::find(*seen, "seals"), keys = json::find(*seen, "keys");
  printf("Key %s seals; these open: %s.\n", seals ? json::write(*seals).c_str() : "?",
         keys ? json::write(*keys).c_str() : "?");
  return 0;
}

int show(const std::filesystem::path& data) {
  auto keys = storage::load_key_file(key_file(data), false);
  if (!keys) return fail(keys.error());
  for (auto& x : *keys) printf("%u %s\n", x.number, x.seals ? "" : "only opens");
  return 0;
}

int new_key(const std::filesystem::path& data) {
  auto line = storage::next_key_line(key_file(data));
  if (!line) return fail(line.error());
  fputs(line->c_str(), stdout);
  return 0;
}

int add_key(const std::filesystem::path& data) {
  std::string line;
  std::getline(std::cin, line);
  if (auto done = storage::add_key(key_file(data), line); !done) return fail(done.error());
  return take_effect(data);
}

int use_key(const std::filesystem::path& data, const std::string& text) {
  uint32_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  if (number == 0) return fail({errc::bad_request, "use-key: which one? Give its number"});
  if (auto done = storage::use_key(key_file(data), number); !done) return fail(done.error());
  return take_effect(data);
}

int reseal(const std::filesystem::path& data) {
  auto done = long_call(data, {.method = "POST", .target = "/troupe/v1/store/reseal"});
  if (!done) return fail(done.error());
  auto count = json::find(*done, "sealed");
  printf("%s secrets are sealed with the present key. History and backups keep the old one: leave "
         "it in the file.\n",
         count ? json::write(*count).c_str() : "?");
  return 0;
}

/// All at once, which is safe where one server has all the data.
int rotate(const std::filesystem::path& data) {
  if (data_lock::holder(data) != 0) {
    auto seen = long_call(data, {.target = "/troupe/v1/members"});
    auto all = seen ? json::find(*seen, "members") : nullptr;
    if (all && all->is_array() && all->get_array().size() > 1)
      return fail({errc::conflict,
                   "there are several servers, and each must have the key before one seals with "
                   "it:\n  troupe secrets new-key >key       on one\n"
                   "  troupe secrets add-key <key       on every one\n"
                   "  troupe secrets use-key NUMBER     on every one, when all have it\n"
                   "  troupe secrets reseal             on one"});
  }
  if (auto done = storage::rotate_key_file(key_file(data)); !done) return fail(done.error());
  if (auto code = take_effect(data); code != 0 || data_lock::holder(data) == 0) return code;
  return reseal(data);
}

} // namespace

int secrets_command(const std::vector<std::string>& arguments) {
  std::filesystem::path data = "/var/lib/troupe";
  command_spec spec{
      .name = "secrets",
      .synopsis = "show|rotate|new-key|add-key|use-key|reload|reseal [NUMBER]",
      .about =
          "The keys that seal secrets on the disk, in --data/pki/secrets.key. They are rotated "
          "while servers run.\n\n"
          "  show      the numbers of the keys\n"
          "  rotate    a new key, and everything sealed with it: for a server that is alone\n"
          "  new-key   print a new key, for add-key on every server\n"
          "  add-key   take a key from standard input, which only opens at first\n"
          "  use-key   seal with this key from now on, when every server has it\n"
          "  reload    read the file again; its line `command PROGRAM ARGUMENTS` "
          "stands for the keys that this prints\n"
          "  reseal    write all secrets again, sealed with the present key",
      .options = {{"data", "DIR", "the server's (/var/lib/troupe)", into(data)}},
      .examples = "troupe secrets rotate\n"
                  "troupe secrets new-key | tee /root/key | troupe secrets add-key"};
  auto read = read_arguments(spec, arguments);
  if (read.exit_code) return *read.exit_code;
  if (read.words.size() == 2 && read.words[0] == "use-key") return use_key(data, read.words[1]);
  constexpr std::pair<const char*, int (*)(const std::filesystem::path&)> verbs[] = {
      {"show", show},       {"rotate", rotate},      {"new-key", new_key},
      {"add-key", add_key}, {"reload", take_effect}, {"reseal", reseal}};
  for (auto& [name, run] : verbs)
    if (read.words.size() == 1 && read.words[0] == name) return run(data);
  fputs(usage_of(spec).c_str(), stderr);
  return 2;
}

} // namespace troupe
