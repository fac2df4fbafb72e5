#include "bin/deploy/ssh.hpp"

#include "actors/node/programs.hpp"

namespace troupe::deploy {

namespace {

constexpr std::chrono::seconds copy_patience{600};

std::string last_line(const std::string& text) {
  auto end = text.find_last_not_of('\n');
  if (end == text.npos) return {};
  auto begin = text.rfind('\n', end);
  return text.substr(begin == text.npos ? 0 : begin + 1,
                     end - (begin == text.npos ? 0 : begin + 1) + 1);
}

result<std::string> go(const std::vector<std::string>& words, std::chrono::seconds patience,
                       const std::string& whom) {
  auto done = node::run_program(words, patience);
  if (!done) return with_context(done.error(), whom);
  if (done->exit_code == 0) return done->output;
  return error{errc::unavailable, whom + ": " + last_line(done->output)};
}

} // namespace

std::string ssh::target() const {
  bool v6 = at_.address.find(':') != std::string::npos;
  return at_.way.user + "@" + (v6 ? "[" + at_.address + "]" : at_.address);
}

std::vector<std::string> ssh::words(const char* program, const char* port_flag) const {
  std::vector<std::string> out{program,
                               "-o",
                               "BatchMode=yes",
                               "-o",
                               "ConnectTimeout=10",
                               "-o",
                               "LogLevel=ERROR",
                               port_flag,
                               std::to_string(at_.way.port)};
  if (!at_.way.key.empty()) out.insert(out.end(), {"-i", at_.way.key});
  for (auto& o : at_.way.options) out.insert(out.end(), {"-o", o});
  return out;
}

result<std::string> ssh::run(const std::string& script, std::chrono::seconds patience) const {
  auto all = words("ssh", "-p");
  all.insert(all.end(), {at_.way.user + "@" + at_.address, script});
  return go(all, patience, at_.address);
}

result<void> ssh::copy(const std::vector<std::filesystem::path>& files,
                       const std::string& to) const {
  auto all = words("scp", "-P");
  all.push_back("-p");
  for (auto& f : files) all.push_back(f.string());
  all.push_back(target() + ":" + to);
  auto done = go(all, copy_patience, at_.address);
  return done ? result<void>{} : done.error();
}

} // namespace troupe::deploy
