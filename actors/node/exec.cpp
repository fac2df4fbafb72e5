#include "actors/node/exec.hpp"

#include "actors/runtime/shim_protocol.hpp"
#include "messages/base/json.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <csignal>

namespace troupe::node {

namespace {

std::atomic<uint64_t> serial{0};

/// The container's process document with another command.
result<std::string> process_document(const context& with, const exec_request& what) {
  auto text = read_file(with.where.bundle(what.uid, what.id) / "process.json");
  if (!text) return with_context(text.error(), "the container has no process description");
  auto process = json::parse(*text);
  if (!process || !process->is_object())
    return error{errc::corrupt, "the container's process description is damaged"};
  json::array args;
  for (auto& word : what.command) args.emplace_back(word);
  process->get_object()["args"] = std::move(args);
  process->get_object()["terminal"] = what.tty;
  return json::write(*process);
}

} // namespace

result<std::shared_ptr<runtime::shim_stream>> start_exec(context& with, const exec_request& what,
                                                         runtime::shim_stream::callbacks calls) {
  auto document = process_document(with, what);
  if (!document) return document.error();
  auto name = "exec." + std::to_string(getpid()) + "." + std::to_string(++serial);
  auto dir = with.where.pod(what.uid);
  auto file = dir / (name + ".json");
  if (auto done = write_file(file, *document); !done) return done.error();
  runtime::program program{with.given.runtime_path, with.where.runtime_root().string()};
  if (auto path = read_file(with.where.bundle(what.uid, what.id) / "runtime")) program.path = *path;
  std::string flags = "oe";
  if (what.in) flags += "i";
  if (what.tty) flags += "t";
  std::vector<std::string> words{"exec", flags, std::to_string(what.rows),
                                 std::to_string(what.columns), name};
  auto command = runtime::exec_command(program, what.id, name + ".json", name, what.tty);
  words.insert(words.end(), command.begin(), command.end());
  // The runtime has read the document when it says so, or when it has failed.
  auto told = std::move(calls.on_message);
  auto removed = std::make_shared<bool>(false);
  calls.on_message = [file, told = std::move(told), removed](std::string_view message) {
    if (!std::exchange(*removed, true)) unlink(file.c_str());
    if (told) told(message);
  };
  auto out = runtime::shim_stream::open(with.loop.context, dir, words, std::move(calls));
  if (!out) unlink(file.c_str());
  return out;
}

namespace {

/// One command on its way; all on the loop's thread.
struct running : std::enable_shared_from_this<running> {
  explicit running(context_ptr with) : with{std::move(with)}, timer{this->with->loop.context} {}

  void hear(std::string_view message) {
    auto data = message.substr(1);
    auto room = exec_output_max - std::min(exec_output_max, out.output.size());
    if (message[0] == shim::stream_stdout || message[0] == shim::stream_stderr)
      out.output.append(data.substr(0, room));
    else if (message[0] == shim::stream_exit)
      out.exit_code = atoi(std::string(data).c_str());
    else if (message[0] == shim::stream_failed)
      out.failure = data;
    if (message[0] == shim::stream_exit || message[0] == shim::stream_failed) finish();
  }

  void finish() {
    timer.cancel();
    if (auto call = std::exchange(done, nullptr)) call(std::move(out));
    if (auto s = std::exchange(stream, nullptr)) s->close();
  }

  context_ptr with;
  boost::asio::steady_timer timer;
  std::shared_ptr<runtime::shim_stream> stream;
  std::function<void(exec_outcome)> done;
  exec_outcome out;
};

} // namespace

void run_in_container(const context_ptr& with, const exec_request& what,
                      std::chrono::milliseconds patience, std::function<void(exec_outcome)> done) {
  boost::asio::post(with->loop.context, [with, what, patience, done = std::move(done)]() mutable {
    auto one = std::make_shared<running>(with);
    one->done = std::move(done);
    auto stream = start_exec(*with, what,
                             {[one](std::string_view message) { one->hear(message); },
                              [one] {
                                if (one->out.exit_code < 0 && one->out.failure.empty())
                                  one->out.failure = "the command's connection was lost";
                                one->finish();
                              }});
    if (!stream) {
      one->out.failure = stream.error().message;
      return one->finish();
    }
    one->stream = *stream;
    one->timer.expires_after(patience);
    one->timer.async_wait([one, patience](boost::system::error_code bad) {
      if (bad || !one->stream) return;
      one->stream->send(shim::stream_signal, std::to_string(SIGKILL));
      one->out.failure = "command timed out after " + std::to_string(patience.count() / 1000) + "s";
      one->finish();
    });
  });
}

} // namespace troupe::node
