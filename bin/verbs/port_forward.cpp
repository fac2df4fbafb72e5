// `troupe port-forward`: ports of this machine that lead to ports of a pod.
#include "bin/verbs/channel.hpp"
#include "bin/verbs/verbs.hpp"

#include <arpa/inet.h>
#include <atomic>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace troupe::verbs {

namespace {

constexpr int connections_max = 256;

error bad(std::string why) { return {errc::bad_request, std::move(why)}; }

struct pair {
  uint16_t here = 0;
  uint16_t there = 0;
};

/// "8080:80", "80", ":80".
result<pair> read_pair(const std::string& text, const json::value& pod) {
  auto colon = text.find(':');
  auto left = colon == text.npos ? text : text.substr(0, colon);
  auto right = colon == text.npos ? text : text.substr(colon + 1);
  auto number = [](const std::string& t) {
    return t.empty() || t.find_first_not_of("0123456789") != t.npos ? 0 : atoi(t.c_str());
  };
  pair out;
  auto there = number(right);
  if (there == 0)
    if (auto containers = json::find(pod, {"spec", "containers"});
        containers && containers->is_array())
      for (auto& c : containers->get_array())
        if (auto ports = json::find(c, "ports"); ports && ports->is_array())
          for (auto& p : ports->get_array())
            if (json::string_at(p, {"name"}) == right)
              if (auto n = json::find(p, "containerPort"); n && n->is_number())
                there = n->to_number<int>();
  auto here = colon == text.npos ? there : number(left);
  if (there <= 0 || there > 65'535 || here < 0 || here > 65'535 || (here == 0 && !left.empty()))
    return bad("\"" + text + "\" is not [LOCAL:]REMOTE");
  out.here = static_cast<uint16_t>(here);
  out.there = static_cast<uint16_t>(there);
  return out;
}

result<int> listen_on(const std::string& address, uint16_t& port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  if (inet_pton(AF_INET, address.c_str(), &at.sin_addr) != 1)
    return bad("--address " + address + " is no IPv4 address");
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 || listen(fd, 64) != 0) {
    auto why = std::string(strerror(errno));
    close(fd);
    return bad("cannot listen on " + address + ":" + std::to_string(port) + ": " + why);
  }
  socklen_t size = sizeof at;
  getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size);
  port = ntohs(at.sin_port);
  return fd;
}

/// One connection: bytes both ways until either side ends.
void carry(session& s, const std::string& path, uint16_t there, int fd, std::atomic<int>& open) {
  // The first message of each channel is the port's number.
  auto skip = std::make_shared<std::array<size_t, 2>>(std::array<size_t, 2>{2, 2});
  auto opened =
      channel_session::open(s, path + "?ports=" + std::to_string(there), "v4.channel.k8s.io",
                            [fd, skip, &s](int channel, std::string_view data) {
                              if (channel > 1) return;
                              auto& left = (*skip)[static_cast<size_t>(channel)];
                              auto n = std::min(left, data.size());
                              left -= n;
                              data.remove_prefix(n);
                              if (channel == 1) {
                                if (!data.empty()) s.complain("port-forward: " + std::string(data));
                                return;
                              }
                              while (!data.empty()) {
                                auto written = send(fd, data.data(), data.size(), MSG_NOSIGNAL);
                                if (written <= 0) return;
                                data.remove_prefix(static_cast<size_t>(written));
                              }
                            });
  if (!opened) {
    s.fail(opened.error());
  } else {
    std::thread watcher([over = *opened, fd] {
      while (!over->wait(std::chrono::hours{1})) {
      }
      shutdown(fd, SHUT_RDWR);
    });
    char buffer[16 * 1024];
    for (;;) {
      auto n = recv(fd, buffer, sizeof buffer, 0);
      if (n <= 0 || !(*opened)->write(0, {buffer, static_cast<size_t>(n)})) break;
    }
    (*opened)->close();
    watcher.join();
  }
  close(fd);
  --open;
}

int run_forward(session& s, const arguments& given) {
  if (given.words.size() < 2)
    return s.fail(bad("write port-forward POD|TYPE/NAME [LOCAL:]REMOTE..."));
  auto pod = find_pod(s, given.words[0]);
  if (!pod) return s.fail(pod.error());
  auto object = s.get(pod->path());
  if (!object) return s.fail(object.error());
  auto address = given.get("address", "127.0.0.1");
  if (address == "localhost") address = "127.0.0.1";
  std::vector<pollfd> ready;
  std::vector<uint16_t> remote;
  for (size_t i = 1; i < given.words.size(); ++i) {
    auto ports = read_pair(given.words[i], *object);
    if (!ports) return s.fail(ports.error());
    auto fd = listen_on(address, ports->here);
    if (!fd) return s.fail(fd.error());
    ready.push_back({*fd, POLLIN, 0});
    remote.push_back(ports->there);
    s.print_line("Forwarding from " + address + ":" + std::to_string(ports->here) + " -> " +
                 std::to_string(ports->there));
    fflush(stdout);
  }
  std::atomic<int> open{0};
  auto path = pod->path("portforward");
  while (!s.interrupted()) {
    if (poll(ready.data(), ready.size(), 500) <= 0) continue;
    for (size_t i = 0; i < ready.size(); ++i) {
      if (!ready[i].revents) continue;
      int fd = accept4(ready[i].fd, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      if (open >= connections_max) {
        close(fd);
        continue;
      }
      ++open;
      std::thread(carry, std::ref(s), path, remote[i], fd, std::ref(open)).detach();
    }
  }
  for (auto& r : ready) close(r.fd);
  for (int i = 0; open > 0 && i < 100; ++i) poll(nullptr, 0, 20);
  return done;
}

} // namespace

const verb port_forward_verb{"port-forward",
                             "Pods",
                             "lead ports of this machine to a pod",
                             "POD|TYPE/NAME [LOCAL:]REMOTE... [flags]",
                             {{"address", 0, "IP", "to listen on (127.0.0.1)"}},
                             "port-forward web-1 8080:80\nport-forward deployment/web :80",
                             run_forward};

} // namespace troupe::verbs
