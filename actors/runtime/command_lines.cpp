#include "actors/runtime/command_lines.hpp"

#include <filesystem>

namespace troupe::runtime {

namespace {

/// The shim listens in its own directory, the pod's; `way` leads there from where the runtime is.
void add_terminal(std::vector<std::string>& words, bool tty, const std::string& way) {
  if (!tty) return;
  words.push_back("--console-socket");
  words.push_back(way + "console.sock");
}

} // namespace

std::vector<std::string> run_command(const program& with, const std::string& id,
                                     const std::string& bundle, bool tty) {
  std::vector<std::string> out{with.path,  "--root", with.root,    "run",      "--detach",
                               "--bundle", bundle,   "--pid-file", id + ".pid"};
  std::string way; // `run` works in the bundle
  for (auto& step : std::filesystem::path(bundle)) way += step.empty() ? "" : "../";
  add_terminal(out, tty, way);
  out.push_back(id);
  return out;
}

std::vector<std::string> exec_command(const program& with, const std::string& id,
                                      const std::string& process_file, const std::string& pid_file,
                                      bool tty) {
  std::vector<std::string> out{with.path,    "--root",     with.root,
                               "exec",       "--detach",   "--process",
                               process_file, "--pid-file", pid_file + ".pid"};
  add_terminal(out, tty, "");
  out.push_back(id);
  return out;
}

std::vector<std::string> delete_command(const program& with, const std::string& id) {
  return {with.path, "--root", with.root, "delete", "--force", id};
}

std::string join_words(const std::vector<std::string>& words) {
  std::string out;
  for (auto& w : words) out.append(w.c_str()).push_back('\0');
  return out;
}

std::vector<std::string> split_words(std::string_view message) {
  std::vector<std::string> out;
  while (!message.empty()) {
    auto end = std::min(message.find('\0'), message.size());
    out.emplace_back(message.substr(0, end));
    message.remove_prefix(std::min(end + 1, message.size()));
  }
  return out;
}

} // namespace troupe::runtime
