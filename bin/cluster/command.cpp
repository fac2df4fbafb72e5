#include "bin/cluster/command.hpp"

#include "bin/cluster/cluster.hpp"
#include "bin/kubeconfig.hpp"
#include "bin/lock.hpp"
#include "bin/options.hpp"
#include "messages/base/json.hpp"
#include "net/dataplane/links.hpp"
#include "net/tls/files.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <sys/socket.h>
#include <unistd.h>

namespace troupe {

namespace {

using namespace clusters;

constexpr uint16_t usual_port = 6443;

struct given {
  std::string verb, name = "troupe";
  book shape;
  places at{"/var/lib/troupe-clusters", "/run/troupe-clusters"};
  std::filesystem::path kubeconfig;
  std::vector<std::string> images;
  std::string output;
};

/// Says what is reached, and when.
struct progress {
  std::chrono::steady_clock::time_point begun = std::chrono::steady_clock::now();
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  }
  void operator()(const std::string& what) const {
    printf("  %6.2f s  %s\n", seconds(), what.c_str());
    fflush(stdout);
  }
};

/// The usual port if nobody has it, else any that is free.
uint16_t free_port(uint16_t wanted) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(wanted);
  if (bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) at.sin_port = 0;
  if (at.sin_port == 0) (void)bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at);
  socklen_t size = sizeof at;
  getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size);
  close(fd);
  return ntohs(at.sin_port);
}

/// Numbers that other clusters have, known or running.
std::vector<unsigned> taken_numbers(const places& at) {
  std::vector<unsigned> out;
  for (auto& b : all_books(at)) out.push_back(b.number);
  if (auto here = dataplane::links::open())
    if (auto all = here->all())
      for (auto& l : *all)
        if (l.name.starts_with("trc")) out.push_back(static_cast<unsigned>(atoi(&l.name[3])));
  return out;
}

result<void> merge(const given& g, const cluster& c) {
  auto more = tls::load_private(c.kubeconfig());
  return more ? merge_into(g.kubeconfig, *more) : more.error();
}

result<void> unmerge(const given& g) {
  return rewrite_kubeconfig(g.kubeconfig, [&](const std::string& whole) {
    auto name = "troupe-" + g.name;
    return without_cluster(whole, name, name + "-admin");
  });
}

result<data_lock> alone_with(const given& g) {
  auto held = data_lock::take(g.at.data / g.name);
  if (held) return held;
  if (held.error().code != errc::conflict) return held;
  return error{errc::conflict, "another command is at work on the cluster " + g.name};
}

int fail(const error& why) { return complain("cluster", why); }

result<void> bring_up(const given& g, cluster& c, const progress& tell) {
  if (auto done = c.take_images(g.images); !done) return done;
  if (auto done = c.start(); !done) return done;
  tell(std::to_string(c.processes()) + " processes run");
  if (auto done = c.wait_until_ready(tell); !done) return done;
  return merge(g, c);
}

void greet(const given& g, const cluster& c, const progress& tell) {
  printf("The cluster %s is ready after %.2f s: %s\n\n  export KUBECONFIG=%s\n"
         "  kubectl --context troupe-%s get nodes\n",
         g.name.c_str(), tell.seconds(), api_url(c.described()).c_str(), g.kubeconfig.c_str(),
         g.name.c_str());
}

int create(given g) {
  progress tell;
  auto held = alone_with(g);
  if (!held) return fail(held.error());
  g.shape.name = g.name;
  if (auto known = find_book(g.at, g.name)) {
    if (known->servers != g.shape.servers || known->agents != g.shape.agents)
      return fail({errc::conflict, "there is a cluster " + g.name + " of another shape (" +
                                       std::to_string(known->servers) + " servers, " +
                                       std::to_string(known->agents) +
                                       " agents): delete it first, or choose another name"});
    g.shape = *known;
  } else {
    auto number = free_number(g.name, taken_numbers(g.at));
    if (!number) return fail(number.error());
    g.shape.number = *number;
    if (g.shape.port == 0) g.shape.port = free_port(usual_port);
  }
  if (auto good = check(g.shape); !good) return fail(good.error());
  cluster c(g.shape, g.at);
  printf("Making the cluster %s: %u servers, %u agents.\n", g.name.c_str(), g.shape.servers,
         g.shape.agents);
  if (auto done = c.prepare(); !done) return fail(done.error());
  tell("keys and certificates are made");
  if (auto done = bring_up(g, c, tell); !done)
    return fail(with_context(done.error(), "the cluster does not come up (what is there is kept: "
                                           "`troupe cluster delete " +
                                               g.name + "` removes it)"));
  greet(g, c, tell);
  return 0;
}

int start(given g) {
  progress tell;
  auto known = find_book(g.at, g.name);
  if (!known) return fail(known.error());
  auto held = alone_with(g);
  if (!held) return fail(held.error());
  cluster c(*known, g.at);
  if (auto done = bring_up(g, c, tell); !done) return fail(done.error());
  greet(g, c, tell);
  return 0;
}

int stop(given g) {
  auto known = find_book(g.at, g.name);
  if (!known) return fail(known.error());
  auto held = alone_with(g);
  if (!held) return fail(held.error());
  cluster(*known, g.at).stop();
  printf("The cluster %s has ended; `troupe cluster start %s` brings all of it back.\n",
         g.name.c_str(), g.name.c_str());
  return 0;
}

int remove(given g) {
  auto known = find_book(g.at, g.name);
  if (!known && known.error().code == errc::not_found) {
    (void)unmerge(g);
    printf("There is no cluster %s.\n", g.name.c_str());
    return 0;
  }
  if (!known) return fail(known.error());
  auto held = alone_with(g);
  if (!held) return fail(held.error());
  if (auto done = cluster(*known, g.at).remove(); !done) return fail(done.error());
  if (auto done = unmerge(g); !done) return fail(done.error());
  printf("Nothing of the cluster %s is left.\n", g.name.c_str());
  return 0;
}

int take_images(given g) {
  auto known = find_book(g.at, g.name);
  if (!known) return fail(known.error());
  if (auto done = cluster(*known, g.at).take_images(g.images); !done) return fail(done.error());
  printf("%zu images are on their way into %u agents.\n", g.images.size(), known->agents);
  return 0;
}

int list(given g) {
  json::array out;
  bool as_json = g.output == "json";
  if (!as_json) printf("%-20s %-8s %-7s %-10s %s\n", "NAME", "SERVERS", "AGENTS", "STATUS", "API");
  for (auto& b : all_books(g.at)) {
    cluster c(b, g.at);
    auto up = c.running();
    auto status = up == 0 ? "stopped" : up == c.processes() ? "running" : "partly";
    out.push_back(json::object{{"name", b.name},
                               {"servers", b.servers},
                               {"agents", b.agents},
                               {"status", status},
                               {"api", api_url(b)}});
    if (!as_json)
      printf("%-20s %-8u %-7u %-10s %s\n", b.name.c_str(), b.servers, b.agents, status,
             api_url(b).c_str());
  }
  if (as_json) puts(json::write(json::value(std::move(out))).c_str());
  return 0;
}

} // namespace

int cluster_command(const std::vector<std::string>& arguments) {
  given g;
  g.kubeconfig = users_kubeconfig();
  command_spec spec{
      .name = "cluster",
      .synopsis = "create|start|stop|delete|list|import [NAME]",
      .about = "Runs a whole cluster on this machine: every server and agent is a process with a "
               "network "
               "of its own,\nall on one bridge, as if each were a machine. Needs root.\n\n"
               "  create   make it, start it, and let kubectl know it\n"
               "  start    bring all of it back, after `stop` or a reboot\n"
               "  stop     end its processes and pods; what is stored stays\n"
               "  delete   leave nothing\n"
               "  list     the clusters of this machine\n"
               "  import   give image archives (--image) to all its agents",
      .options = {{"servers", "N", "how many servers (1)", into(g.shape.servers, 1, servers_max)},
                  {"agents", "M", "how many agents (1)", into(g.shape.agents, 0, agents_max)},
                  {"port", "P", "of the API on 127.0.0.1 (6443 if it is free)",
                   into(g.shape.port, 1, 65'535)},
                  {"image", "FILE", "an image archive for every agent; may be repeated",
                   into(g.images), true},
                  {"kubeconfig", "FILE", "to put it into ($KUBECONFIG or ~/.kube/config)",
                   into(g.kubeconfig)},
                  {"dir", "DIR", "where clusters are kept (/var/lib/troupe-clusters)",
                   into(g.at.data)},
                  {"run", "DIR", "what is gone after a reboot (/run/troupe-clusters)",
                   into(g.at.run)},
                  {"o", "json", "for list: machine-readable", into(g.output)}},
      .examples = "troupe cluster create\n"
                  "troupe cluster create lab --servers 3 --agents 2 --image web.tar\n"
                  "troupe cluster delete lab"};
  auto read = read_arguments(spec, arguments);
  if (read.exit_code) return *read.exit_code;
  if (read.words.empty() || read.words.size() > 2) return fputs(usage_of(spec).c_str(), stderr), 2;
  g.verb = read.words[0];
  if (read.words.size() == 2) g.name = read.words[1];
  if (auto good = check_name(g.name); !good) return fail(good.error());
  constexpr std::pair<const char*, int (*)(given)> verbs[] = {
      {"create", create}, {"start", start}, {"stop", stop},
      {"delete", remove}, {"list", list},   {"import", take_images}};
  for (auto& [name, run] : verbs) {
    if (g.verb != name) continue;
    if (g.verb != "list" && geteuid() != 0)
      return fail({errc::forbidden, "network namespaces and pods need root: run it with sudo"});
    return run(std::move(g));
  }
  fputs(usage_of(spec).c_str(), stderr);
  return 2;
}

} // namespace troupe
