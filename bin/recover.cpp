#include "bin/recover.hpp"

#include "actors/raft/recover.hpp"
#include "bin/lock.hpp"
#include "bin/members.hpp"
#include "bin/options.hpp"
#include "storage/keyring.hpp"

#include <cstdio>

namespace troupe {

namespace {

int fail(const error& why) { return complain("recover", why); }

/// What this costs, said before it is done.
void warn(const raft::recovered& found, uint64_t self, const std::filesystem::path& data) {
  printf("Server %llu in %s was one of %zu servers:\n", static_cast<unsigned long long>(self),
         data.c_str(), found.before.members.size());
  for (auto& [id, m] : found.before.members)
    printf("  %llu  %s%s\n", static_cast<unsigned long long>(id),
           m.address.empty() ? "(no address)" : m.address.c_str(),
           id == self ? "  (this one)" : "");
  printf(
      "\nIt becomes the only one, with what it has: its log ends at entry %llu, of which %llu "
      "may never have been\nacknowledged. What only the others had is lost. Before you go on:\n"
      "  - be sure that a majority of the others is gone for good; otherwise start them instead\n"
      "  - never start the others with their old --data again: remove it, and let them join anew\n"
      "  - of several servers that are left, recover the one whose log is the longest\n",
      static_cast<unsigned long long>(found.last_index),
      static_cast<unsigned long long>(found.uncommitted));
}

bool agreed() {
  printf("\nGo on? [y/N] ");
  fflush(stdout);
  int c = getchar();
  return c == 'y' || c == 'Y';
}

} // namespace

int recover_command(const std::vector<std::string>& arguments) {
  std::filesystem::path data = "/var/lib/troupe";
  bool yes = false;
  command_spec spec{
      .name = "recover",
      .synopsis = "",
      .about = "Gets a cluster out of a lost majority: the server whose data is here becomes the "
               "only one, and others may join\nit anew. For when more than half of the servers are "
               "gone for good. The server must not run.",
      .options = {{"data", "DIR", "the server's (/var/lib/troupe)", into(data)},
                  {"yes", "", "do not ask", into(yes)}},
      .examples = "troupe recover --data /var/lib/troupe"};
  auto read = read_arguments(spec, arguments);
  if (read.exit_code) return *read.exit_code;
  if (!std::filesystem::exists(data / "store"))
    return fail({errc::not_found, "no server has run from " + data.string()});
  auto held = data_lock::take(data);
  if (!held) return fail(held.error());
  auto self = own_number(data).value_or(1);
  auto keys = storage::load_key_file((data / "pki" / "secrets.key").string(), false);
  if (!keys) return fail(keys.error());
  auto ring = storage::keyring::make(std::move(*keys), {"secrets"});
  if (!ring) return fail(ring.error());
  std::shared_ptr<const storage::sealer> seal = std::move(*ring);
  auto path = (data / "store").string();
  auto found = raft::inspect(path, self, seal);
  if (!found) return fail(found.error());
  if (found->before.members.size() == 1) {
    puts("This server is the only one already: there is nothing to recover.");
    return 0;
  }
  warn(*found, self, data);
  if (!yes && !agreed()) return fail({errc::bad_request, "nothing was changed"});
  if (auto done = raft::make_only_member(path, self, seal); !done) return fail(done.error());
  printf(
      "\nServer %llu is the only one now: start it with `troupe server`, then let others join.\n",
      static_cast<unsigned long long>(self));
  return 0;
}

} // namespace troupe
