#include "test/bench/support/trial_server.hpp"

#include "net/tls/files.hpp"

#include <openssl/ssl.h>

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace troupe::bench {

namespace {

using steady = std::chrono::steady_clock;
constexpr std::chrono::seconds ready_within{20};
constexpr size_t client_buffer_bytes = 128 * 1024;

std::string content_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace

trial_server::trial_server(const char* program, const std::vector<std::string>& more) {
  const auto tokens = where_.path + "/tokens";
  std::ofstream(tokens) << admin_token << ",bench,1,\"system:masters\"\n";
  ::chmod(tokens.c_str(), 0600);
  const auto log = where_.path + "/stderr";
  std::vector<const char*> arguments{program,        "server",      "--data", where_.path.c_str(),
                                     "--address",    "127.0.0.1",   "--port", "0",
                                     "--token-file", tokens.c_str()};
  for (const auto& one : more) arguments.push_back(one.c_str());
  arguments.push_back(nullptr);
  const auto start = steady::now();
  child_ = ::fork();
  if (child_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM); // no benchmark leaves its server behind
    if (!std::freopen(log.c_str(), "w", stderr)) std::_Exit(127);
    ::execv(program, const_cast<char* const*>(arguments.data()));
    std::_Exit(127);
  }
  std::string settings; // written when the server is ready
  while (settings.find("server: ") == settings.npos && steady::now() < start + ready_within) {
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
    settings = content_of(where_.path + "/admin.kubeconfig");
  }
  ready_after_seconds = std::chrono::duration<double>(steady::now() - start).count();
  const auto colon = settings.find(':', settings.find("127.0.0.1"));
  if (colon == settings.npos) {
    std::fprintf(stderr, "%s did not become ready:\n%s\n", program, content_of(log).c_str());
    std::exit(1);
  }
  port = static_cast<uint16_t>(std::stoi(settings.substr(colon + 1)));
  tls = *tls::context::make(tls::style::public_client,
                            {{}, {}, *tls::load_file(where_.path + "/pki/ca.crt")});
  // Clients that cost little take many records at a time.
  SSL_CTX_set_default_read_buffer_len(tls->native(), client_buffer_bytes);
}

trial_server::~trial_server() {
  ::kill(child_, SIGTERM);
  ::waitpid(child_, nullptr, 0);
}

double trial_server::cpu_seconds() const {
  // The time of whole processes is told in hundredths of a second, that of threads exactly.
  uint64_t all_ns = 0;
  std::error_code ignored;
  for (const auto& thread :
       std::filesystem::directory_iterator("/proc/" + std::to_string(child_) + "/task", ignored)) {
    std::istringstream in(content_of(thread.path().string() + "/schedstat"));
    uint64_t ns = 0;
    if (in >> ns) all_ns += ns;
  }
  return static_cast<double>(all_ns) / 1e9;
}

double trial_server::memory_mib() const {
  std::istringstream in(content_of("/proc/" + std::to_string(child_) + "/statm"));
  double total = 0, resident = 0;
  in >> total >> resident;
  return resident * 4096 / (1024 * 1024);
}

} // namespace troupe::bench
