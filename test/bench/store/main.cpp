// The store against its bars, with the references in the same run: a raw append and fdatasync, and
// Debian's etcd over loopback. Prints figures; fails nothing.
#include "messages/base/log.hpp"
#include "storage/engine.hpp"
#include "test/bench/store/clock.hpp"
#include "test/bench/store/etcd_load.hpp"
#include "test/bench/store/three_members.hpp"
#include "test/storage/temporary_directory.hpp"

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <mutex>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

extern char** environ;

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::bench;

namespace {

constexpr size_t value_bytes = 1'024;

std::unique_ptr<engine> open(const std::string& path) {
  auto store = engine::open({.path = path});
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().message.c_str());
    std::exit(1);
  }
  return std::move(*store);
}

std::string packed_index() {
  return *pack({.labels = {{"app", "web"}, {"tier", "front"}},
                .fields = {{"metadata.name", "web-1"}, {"spec.nodeName", "node-17"}}});
}

double raw_append_p50_us(const std::string& folder) {
  auto path = folder + "/raw";
  auto fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
  std::string bytes(value_bytes, 'x');
  std::vector<double> took;
  for (int i = 0; i < 3'000; ++i) {
    auto begin = steady::now();
    if (::write(fd, bytes.data(), bytes.size()) < 0 || ::fdatasync(fd) < 0) std::perror("raw");
    took.push_back(seconds_since(begin) * 1e6);
  }
  ::close(fd);
  return percentile(took, 0.5);
}

void one_client(const std::string& folder) {
  auto raw = raw_append_p50_us(folder);
  auto store = open(folder + "/one");
  std::string value(value_bytes, 'v');
  std::vector<double> took;
  for (int i = 0; i < 3'000; ++i) {
    transaction change;
    change.put("pods/default/" + std::to_string(i), value);
    auto begin = steady::now();
    if (!commit_and_wait(*store, std::move(change))) return;
    took.push_back(seconds_since(begin) * 1e6);
  }
  auto ours = percentile(took, 0.5);
  std::printf(
      "one client, 1 KiB:      p50 %.0f us, raw append + fdatasync %.0f us: %.2f times (bar 1.5)\n",
      ours, raw, ours / raw);
}

/// `clients` callers, each with one put under way, driven by two threads.
double puts_per_second(store& to, unsigned clients, double seconds) {
  struct lane {
    std::mutex mutex;
    std::condition_variable wake;
    std::vector<unsigned> ready;
  };
  constexpr unsigned lanes = 2;
  std::array<lane, lanes> all;
  std::atomic<uint64_t> done = 0;
  std::atomic<unsigned> under_way = 0;
  auto begin = steady::now();
  auto drive = [&](unsigned number) {
    auto& me = all[number];
    std::string value(value_bytes, 'v');
    auto index = packed_index();
    for (unsigned i = number; i < clients; i += lanes) me.ready.push_back(i);
    std::vector<unsigned> mine;
    uint64_t next = 0;
    while (seconds_since(begin) < seconds) {
      {
        std::unique_lock lock{me.mutex};
        me.wake.wait(lock, [&] { return !me.ready.empty(); });
        mine.swap(me.ready);
      }
      for (auto client : mine) {
        transaction change;
        change.put("pods/default/" + std::to_string(client) + "-" + std::to_string(next++ % 400),
                   value, index);
        ++under_way;
        to.commit(std::move(change), [&, client](result<outcome> x) {
          if (x) done.fetch_add(1, std::memory_order_relaxed);
          bool wake;
          {
            std::lock_guard lock{me.mutex};
            wake = me.ready.empty();
            me.ready.push_back(client);
          }
          if (wake) me.wake.notify_one();
          --under_way;
        });
      }
      mine.clear();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < lanes; ++i) threads.emplace_back(drive, i);
  }
  auto took = seconds_since(begin);
  while (under_way > 0) std::this_thread::yield();
  return static_cast<double>(done) / took;
}

/// What this process has used so far: figures that do not depend on who else is busy.
struct usage {
  double cpu_us = 0, written_kb = 0;

  static usage now() {
    usage out;
    rusage spent{};
    ::getrusage(RUSAGE_SELF, &spent);
    for (auto& x : {spent.ru_utime, spent.ru_stime})
      out.cpu_us += static_cast<double>(x.tv_sec) * 1e6 + static_cast<double>(x.tv_usec);
    std::ifstream in{"/proc/self/io"};
    for (std::string line; std::getline(in, line);)
      if (line.starts_with("wchar:")) out.written_kb = std::strtod(line.c_str() + 6, nullptr) / 1e3;
    return out;
  }
};

double many_clients(const std::string& folder) {
  constexpr double seconds = 4;
  auto store = open(folder + "/many");
  auto before = usage::now();
  auto rate = puts_per_second(*store, 256, seconds);
  auto after = usage::now();
  std::printf(
      "256 clients, 1 KiB:     %.0f durable puts/s (bar 60,000), of each %.1f us of CPU, clients "
      "too, and %.1f KB written\n",
      rate, (after.cpu_us - before.cpu_us) / rate / seconds,
      (after.written_kb - before.written_kb) / rate / seconds);
  return rate;
}

/// Starts etcd member `number` of `members`; its clients connect to port 23790 + number.
pid_t start_etcd(const std::string& folder, int number, int members) {
  auto client = "http://127.0.0.1:" + std::to_string(23790 + number);
  auto peer = [](int x) { return "http://127.0.0.1:" + std::to_string(23800 + x); };
  std::string cluster;
  for (int i = 0; i < members; ++i)
    cluster += (i > 0 ? "," : "") + ("m" + std::to_string(i)) + "=" + peer(i);
  std::vector<std::string> words{"etcd",
                                 "--name=m" + std::to_string(number),
                                 "--data-dir=" + folder + "/etcd-" + std::to_string(members) + "-" +
                                     std::to_string(number),
                                 "--listen-client-urls=" + client,
                                 "--advertise-client-urls=" + client,
                                 "--listen-peer-urls=" + peer(number),
                                 "--initial-advertise-peer-urls=" + peer(number),
                                 "--initial-cluster=" + cluster,
                                 "--log-level=error"};
  std::vector<char*> arguments;
  for (auto& x : words) arguments.push_back(x.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t quiet;
  posix_spawn_file_actions_init(&quiet);
  posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  auto code = ::posix_spawnp(&child, "etcd", &quiet, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&quiet);
  return code == 0 ? child : 0;
}

/// The same load on a group of etcds, through whichever member takes it best.
void etcd_reference(const std::string& folder, int members, double ours, double bar) {
  std::vector<pid_t> children;
  for (int i = 0; i < members; ++i) children.push_back(start_etcd(folder, i, members));
  if (children[0] == 0) return void(std::printf("etcd is not installed: no reference\n"));
  std::this_thread::sleep_for(std::chrono::seconds{4});
  for (unsigned connections : {4u, 256u}) {
    etcd_figures best;
    for (int i = 0; i < members; ++i) {
      auto x = load_etcd(static_cast<uint16_t>(23790 + i), 256, connections, value_bytes, 3);
      if (x.puts_per_second > best.puts_per_second) best = x;
    }
    std::printf(
        "etcd, %d member%s, 256 clients on %u connections: %.0f puts/s: we do %.1f times as "
        "many (bar %.0f)\n",
        members, members > 1 ? "s" : "", connections, best.puts_per_second,
        ours / best.puts_per_second, bar);
  }
  for (auto x : children) ::kill(x, SIGTERM);
  for (auto x : children) ::waitpid(x, nullptr, 0);
}

void three_members(const std::string& folder, bool with_reference) {
  double rate = 0;
  with_three_members(folder, [&](store& leader) { rate = puts_per_second(leader, 256, 4); });
  std::printf("three members, 256 clients, 1 KiB: %.0f durable puts/s\n", rate);
  if (with_reference) etcd_reference(folder, 3, rate, 5);
}

/// Anonymous resident memory of this process in bytes.
uint64_t anonymous_bytes() {
  std::ifstream in{"/proc/self/status"};
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("RssAnon:")) return std::strtoull(line.c_str() + 8, nullptr, 10) * 1024;
  return 0;
}

void fill(store& to, int objects, size_t bytes) {
  std::string value(bytes, 'v');
  auto index = packed_index();
  for (int i = 0; i < objects;) {
    transaction change;
    for (int j = 0; j < 500 && i < objects; ++j, ++i)
      change.put("pods/namespace-" + std::to_string(i % 50) + "/pod-" + std::to_string(i), value,
                 index);
    if (auto done = commit_and_wait(to, std::move(change)); !done)
      std::fprintf(stderr, "%s\n", done.error().message.c_str());
  }
}

void reads(const std::string& folder) {
  auto store = open(folder + "/reads");
  fill(*store, 100'000, 1'200);
  auto begin = steady::now();
  constexpr int count = 1'000'000;
  uint64_t found = 0, random = 1;
  std::vector<std::string> keys;
  for (int i = 0; i < 100'000; ++i)
    keys.push_back("pods/namespace-" + std::to_string(i % 50) + "/pod-" + std::to_string(i));
  begin = steady::now();
  for (int i = 0; i < count; ++i) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    found += store->current().get(keys[random >> 33 & 65'535]) != nullptr;
  }
  std::printf("point reads:            %.0f /s per core, a snapshot each (bar 1,000,000)%s\n",
              count / seconds_since(begin), found == count ? "" : " MISSING");
  begin = steady::now();
  uint64_t bytes = 0, objects = 0;
  for (int round = 0; round < 10; ++round)
    for (auto now = store->current(); auto& x : now.list("pods/")) {
      bytes += x.value().size();
      ++objects;
    }
  auto took = seconds_since(begin);
  std::printf("range over 100,000:     %.1f million objects/s, %.1f GB/s handed out (bar 5, 5)\n",
              static_cast<double>(objects) / took / 1e6, static_cast<double>(bytes) / took / 1e9);
}

void memory_and_restart(const std::string& folder) {
  constexpr int objects = 150'000;
  constexpr size_t bytes = 1'200;
  auto path = folder + "/restart";
  int ends[2];
  if (::pipe(ends) != 0) return;
  auto child = ::fork();
  if (child == 0) { // fills, says so, and is killed
    auto store = open(path);
    fill(*store, objects, bytes);
    (void)!::write(ends[1], "x", 1);
    ::pause();
  }
  char ready;
  (void)!::read(ends[0], &ready, 1);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  auto before = anonymous_bytes();
  auto begin = steady::now();
  auto store = open(path);
  auto took = seconds_since(begin);
  auto count = store->current().count("pods/");
  auto used = static_cast<double>(anonymous_bytes() - before);
  auto allowed = 1.4 * objects * bytes + 200.0 * objects;
  std::printf(
      "150,000 of 1.2 KB:      %.0f MB, allowed %.0f; ready %.2f s after a kill (bar 0.6)%s\n",
      used / 1e6, allowed / 1e6, took, count == objects ? "" : " MISSING");
}

void fan_out() {
  live_state live;
  constexpr int watchers = 10'000;
  std::atomic<int> woken = 0;
  std::vector<watch> all;
  std::vector<event_ptr> events;
  for (int i = 0; i < watchers; ++i) {
    all.push_back(*live.subscribe({.resource = "pods", .wake = [&] { ++woken; }}));
    (void)all.back().read(events);
  }
  transaction change;
  change.put("pods/a/b", std::string(value_bytes, 'v'));
  live.apply(std::move(change), 1);
  auto begin = steady::now();
  live.publish();
  std::printf("10,000 watchers:        %.3f us each to mark (bar 1)%s\n",
              seconds_since(begin) * 1e6 / watchers, woken == watchers ? "" : " MISSING");
}

} // namespace

int main(int argc, char** argv) {
  log::threshold(log::level::warn);
  test::temporary_directory where;
  auto wanted = [&](const char* name) { return argc < 2 || std::strcmp(argv[1], name) == 0; };
  if (wanted("restart")) memory_and_restart(where.path);
  if (wanted("one")) one_client(where.path);
  if (wanted("many")) {
    auto ours = many_clients(where.path);
    if (argc < 3) etcd_reference(where.path, 1, ours, 10);
  }
  if (wanted("three")) three_members(where.path, argc < 3);
  if (wanted("reads")) reads(where.path);
  if (wanted("watch")) fan_out();
}
