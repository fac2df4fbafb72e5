#include "net/streams/exec.hpp"

#include "messages/base/log.hpp"

#include <charconv>

namespace troupe::streams {

namespace {

constexpr size_t size_text_bytes_max = 1024;
constexpr int side_max = 10'000;

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += digits[c >> 4];
      out += digits[c & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

/// The number after `"name":` in a small JSON object, 0 when absent.
int number_after(std::string_view object, std::string_view name) {
  const auto at = object.find(name);
  if (at == object.npos) return 0;
  auto rest = object.substr(at + name.size());
  while (!rest.empty() && (rest.front() == ':' || rest.front() == ' ')) rest.remove_prefix(1);
  int out = 0;
  std::from_chars(rest.data(), rest.data() + rest.size(), out);
  return out < 0 || out > side_max ? 0 : out;
}

bool is_true(std::string_view value) {
  return value == "true" || value == "1" || value == "True" || value == "TRUE" || value == "t" ||
         value == "T";
}

} // namespace

result<exec_streams> read_exec_streams(const http::query& query) {
  exec_streams out{is_true(query.get("stdin")), is_true(query.get("stdout")),
                   is_true(query.get("stderr")), is_true(query.get("tty"))};
  if (out.tty) out.err = false;
  if (!out.in && !out.out && !out.err)
    return error{errc::bad_request, "you must specify at least 1 of stdin, stdout, stderr"};
  return out;
}

std::string exit_status(int code) {
  if (code == 0) return R"({"metadata":{},"status":"Success"})";
  const auto number = std::to_string(code);
  return R"({"metadata":{},"status":"Failure","message":"command terminated with non-zero exit code: )"
         R"(exit status )" +
         number +
         R"(","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":")" +
         number + R"("}]}})";
}

std::string failure_status(std::string_view message) {
  std::string out = R"({"metadata":{},"status":"Failure","message":)";
  append_json_string(out, message);
  return out += R"(,"reason":"InternalError","code":500})";
}

exec_session::exec_session(const protocol& chosen, exec_streams wanted, on_ready ready)
    : chosen_{chosen}, wanted_{wanted}, ready_{std::move(ready)} {}

void exec_session::start(http::responder reply, const protocol& chosen, exec_streams wanted,
                         on_ready ready) {
  const std::shared_ptr<exec_session> made{new exec_session{chosen, wanted, std::move(ready)}};
  made->begin(reply.upgrade(chosen.headers));
}

void exec_session::begin(http::duplex over) {
  const auto self = shared_from_this();
  over.limit_time(stream_opening_time);
  if (chosen_.how == transport::channels)
    lanes_ = {{kind::in, 0}, {kind::out, 1}, {kind::err, 2}, {kind::status, 3}, {kind::resize, 4}};
  session::callbacks calls;
  calls.on_open = [self](lane which, const http::header_list& headers) {
    self->opened(which, headers);
  };
  calls.on_data = [self](lane which, std::string_view data) { self->arrived(which, data); };
  calls.on_end = [self](lane which) { self->ended(which); };
  calls.on_closed = [self](std::string_view) {
    const auto calls = std::exchange(self->calls_, nullptr);
    self->ready_ = nullptr;
    if (calls && calls->on_closed) calls->on_closed();
  };
  calls.on_drained = [self] {
    const auto calls = self->calls_;
    if (calls && calls->on_drained) calls->on_drained();
  };
  session::start(std::move(over), make_engine(chosen_), [&](const std::shared_ptr<session>& made) {
    session_ = made;
    check_ready(); // channels are there from the beginning
    return std::move(calls);
  });
}

bool exec_session::wants(kind what) const {
  switch (what) {
  case kind::in: return wanted_.in;
  case kind::out: return wanted_.out;
  case kind::err: return wanted_.err;
  case kind::status: return true;
  case kind::resize: return wanted_.tty && chosen_.version >= 3;
  }
  return false;
}

void exec_session::opened(lane which, const http::header_list& headers) {
  for (const auto& [name, value] : headers) {
    if (!http::same_name(name, "streamtype")) continue;
    const auto what = value == "stdin"    ? kind::in
                      : value == "stdout" ? kind::out
                      : value == "stderr" ? kind::err
                      : value == "resize" ? kind::resize
                                          : kind::status;
    if (lanes_.contains(what) || is_ready_) return session_->reset(which);
    lanes_[what] = which;
    return check_ready();
  }
  session_->reset(which);
}

void exec_session::check_ready() {
  if (is_ready_ || !ready_) return;
  for (const auto what : {kind::in, kind::out, kind::err, kind::status, kind::resize})
    if (wants(what) && !lanes_.contains(what)) return;
  is_ready_ = true;
  session_->limit_time({});
  // Channels have no opening message: an empty one tells the client that the session stands.
  if (chosen_.how == transport::channels)
    session_->write(wanted_.out ? 1 : wanted_.err ? 2 : 3, {});
  auto calls = std::exchange(ready_, nullptr)(shared_from_this());
  calls_ = std::make_shared<callbacks>(std::move(calls));
}

void exec_session::arrived(lane which, std::string_view data) {
  const auto is = [&](kind what) {
    const auto at = lanes_.find(what);
    return at != lanes_.end() && at->second == which && wants(what);
  };
  if (is(kind::in)) {
    const auto calls = calls_;
    if (calls && calls->on_stdin && !data.empty()) calls->on_stdin(data);
  } else if (is(kind::resize)) {
    take_size(data);
  }
}

void exec_session::ended(lane which) {
  const auto in = lanes_.find(kind::in);
  if (in == lanes_.end() || in->second != which || !wanted_.in) return;
  const auto calls = calls_;
  if (!calls) return;
  if (const auto call = std::exchange(calls->on_stdin_end, nullptr)) call();
}

void exec_session::take_size(std::string_view data) {
  const auto calls = calls_;
  size_text_.append(data.substr(0, size_text_bytes_max));
  for (size_t end; (end = size_text_.find('}')) != std::string::npos;) {
    const auto object = std::string_view{size_text_}.substr(0, end);
    const int width = number_after(object, "\"Width\"");
    const int height = number_after(object, "\"Height\"");
    size_text_.erase(0, end + 1);
    if (width > 0 && height > 0 && calls && calls->on_resize) calls->on_resize(width, height);
  }
  if (size_text_.size() > size_text_bytes_max) size_text_.clear();
}

void exec_session::write(kind to, std::string_view data) {
  if (data.empty() || !wants(to)) return;
  session_->write(lanes_.at(to), data);
}

void exec_session::exit(int code) {
  end(exit_status(code),
      code == 0 ? std::string{} : "command terminated with exit code " + std::to_string(code));
}

void exec_session::fail(std::string_view message) { end(failure_status(message), message); }

void exec_session::end(std::string_view status, std::string_view plain) {
  // Up to version 3 the error stream carries text, and nothing at all on success.
  const auto text = chosen_.version >= 4 ? status : plain;
  if (!text.empty()) session_->write(lanes_.at(kind::status), text);
  for (const auto& [what, which] : lanes_)
    if (what != kind::in && wants(what)) session_->finish(which);
  session_->close();
}

} // namespace troupe::streams
