// A tiny API server with one pod whose exec, attach and port-forward are faked, for trying real
// clients against the streaming protocols. Prints its port and serves until stdin ends.
// exec runs built-in commands: `cat` echoes stdin, `both` writes to stdout and stderr, `exit N`,
// `big N` writes N bytes, `size` waits for a terminal size. A forwarded port echoes in capitals;
// port 7 refuses.
#include "net/http/server.hpp"
#include "net/streams/exec.hpp"
#include "net/streams/forward.hpp"

#include <cctype>
#include <cstdio>
#include <iostream>

using namespace troupe;
using namespace troupe::http;
using namespace troupe::streams;

namespace {

const std::string pod =
    R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"x","namespace":"default","uid":"u"},)"
    R"("spec":{"containers":[{"name":"c","image":"i","stdin":true,"tty":true}],"securityContext":{}},)"
    R"("status":{"phase":"Running"}})";
const std::string resources =
    R"({"kind":"APIResourceList","apiVersion":"v1","groupVersion":"v1","resources":[{"name":"pods",)"
    R"("singularName":"pod","namespaced":true,"kind":"Pod","verbs":["get","list"],"shortNames":["po"]}]})";

void refuse(responder out, const error& why) {
  out.reply(plain_answer(info(why.code).http_status, why.message));
}

exec_session::callbacks run(const std::vector<std::string>& command,
                            const std::shared_ptr<exec_session>& on) {
  exec_session::callbacks calls;
  const std::string name = command.empty() ? "attach" : command[0];
  if (name == "both") {
    on->write_stdout("to stdout\n");
    on->write_stderr("to stderr\n");
    on->exit(0);
  } else if (name == "exit" && command.size() > 1) {
    on->exit(std::atoi(command[1].c_str()));
  } else if (name == "big" && command.size() > 1) {
    const std::string piece(10'000, 'b');
    for (long left = std::atol(command[1].c_str()); left > 0; left -= 10'000)
      on->write_stdout(
          std::string_view{piece}.substr(0, static_cast<size_t>(std::min(left, 10'000L))));
    on->exit(0);
  } else if (name == "size") {
    calls.on_resize = [on](int width, int height) {
      on->write_stdout(std::to_string(width) + "x" + std::to_string(height) + "\r\n");
      on->exit(0);
    };
  } else if (name == "cat" || name == "attach") {
    if (name == "attach") on->write_stdout("attached\n");
    calls.on_stdin = [on](std::string_view data) { on->write_stdout(data); };
    calls.on_stdin_end = [on] { on->exit(0); };
  } else {
    on->fail("no such command: " + name);
  }
  return calls;
}

forward_connection::callbacks forward(uint16_t port,
                                      const std::shared_ptr<forward_connection>& on) {
  if (port == 7) {
    on->fail("connection refused by port 7");
    return {};
  }
  forward_connection::callbacks calls;
  calls.on_data = [on](std::string_view data) {
    std::string capitals;
    for (const char c : data)
      capitals += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    on->write(capitals);
  };
  calls.on_end = [on] { on->finish(); };
  return calls;
}

void serve_exec(const request& in, responder out) {
  const auto query = in.query();
  if (!query) return refuse(std::move(out), query.error());
  const auto wanted = read_exec_streams(*query);
  if (!wanted) return refuse(std::move(out), wanted.error());
  const auto chosen = choose_exec(in);
  if (!chosen) return refuse(std::move(out), chosen.error());
  std::vector<std::string> command;
  for (const auto word : query->all("command")) command.emplace_back(word);
  exec_session::start(std::move(out), *chosen, *wanted,
                      [command](std::shared_ptr<exec_session> on) { return run(command, on); });
}

void serve_forward(const request& in, responder out) {
  const auto chosen = choose_forward(in);
  if (!chosen) return refuse(std::move(out), chosen.error());
  const auto query = in.query();
  const auto ports = read_ports(*query);
  if (!ports) return refuse(std::move(out), ports.error());
  start_forward(std::move(out), *chosen, *ports, forward);
}

void serve(request in, responder out) {
  const auto path = in.path();
  const auto json = [&](const std::string& text) {
    out.reply(answer(200, "application/json", text));
  };
  if (path.ends_with("/pods/x/exec") || path.ends_with("/pods/x/attach"))
    return serve_exec(in, std::move(out));
  if (path.ends_with("/pods/x/portforward")) return serve_forward(in, std::move(out));
  if (path.ends_with("/pods/x")) return json(pod);
  if (path == "/api/v1") return json(resources);
  if (path == "/api") return json(R"({"kind":"APIVersions","versions":["v1"]})");
  if (path == "/apis") return json(R"({"kind":"APIGroupList","apiVersion":"v1","groups":[]})");
  out.reply(answer(
      404, "application/json",
      R"({"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404})"));
}

} // namespace

int main() {
  server served{{.handle = serve}};
  if (const auto started = served.start(); !started) {
    std::cerr << started.error().message << "\n";
    return 1;
  }
  std::cout << served.port() << std::endl;
  while (std::getchar() != EOF) {
  }
}
