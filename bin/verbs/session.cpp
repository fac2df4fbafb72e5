#include "bin/verbs/session.hpp"

#include "actors/client/cluster.hpp"
#include "bin/verbs/kinds.hpp"
#include "messages/base/time.hpp"

#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <unistd.h>

namespace troupe::verbs {

namespace {

constexpr std::chrono::seconds link_patience{5};
constexpr size_t queued_pieces_max = 1'000;

std::atomic<bool> interrupt_seen{false};
std::atomic<bool> interrupts_caught{false};

} // namespace

void catch_interrupts() {
  interrupts_caught = true;
  struct sigaction act {};
  act.sa_handler = [](int) { interrupt_seen = true; };
  sigaction(SIGINT, &act, nullptr);
}

void clear_interrupt() { interrupt_seen = false; }

// ---- piece_queue --------------------------------------------------------------------------------

struct piece_queue::state {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::string> pieces;
  bool over = false, whole = false;
};

std::shared_ptr<piece_queue::state> piece_queue::make() { return std::make_shared<state>(); }

void piece_queue::put(std::string piece) {
  std::unique_lock lock{state_->mutex};
  // The link's thread waits, and so does the server, until the reader has caught up.
  state_->changed.wait(
      lock, [this] { return state_->pieces.size() < queued_pieces_max || state_->over; });
  state_->pieces.push_back(std::move(piece));
  state_->changed.notify_all();
}

void piece_queue::end(bool whole) {
  std::lock_guard lock{state_->mutex};
  state_->over = true;
  state_->whole = whole;
  state_->changed.notify_all();
}

std::optional<std::string> piece_queue::take(std::optional<std::chrono::milliseconds> patience) {
  std::unique_lock lock{state_->mutex};
  auto there = [this] { return !state_->pieces.empty() || state_->over; };
  if (patience)
    state_->changed.wait_for(lock, *patience, there);
  else
    state_->changed.wait(lock, there);
  if (state_->pieces.empty()) return {};
  auto out = std::move(state_->pieces.front());
  state_->pieces.pop_front();
  state_->changed.notify_all();
  return out;
}

bool piece_queue::over() const {
  std::lock_guard lock{state_->mutex};
  return state_->over && state_->pieces.empty();
}

// ---- session ------------------------------------------------------------------------------------

session::session() : kinds_{std::make_unique<kind_book>(*this)} {
  terminal_ = isatty(STDOUT_FILENO);
  auto no = std::getenv("NO_COLOR");
  colour_ = terminal_ && !(no && *no);
  signal(SIGPIPE, SIG_IGN);
}

session::~session() = default;

result<void> session::begin(const arguments& given) {
  if (auto file = given.get("kubeconfig", kubeconfig_); file != kubeconfig_) {
    kubeconfig_ = file;
    settings_.reset();
    cluster_.reset();
  }
  if (auto name = given.get("context"); !name.empty() && name != context_) use_context(name);
  as_ = given.get("as");
  as_groups_ = given.all("as-group");
  auto time = parse_duration(given.get("request-timeout", "60s"));
  if (!time) return with_context(time.error(), "--request-timeout");
  patience_ = std::chrono::duration_cast<std::chrono::milliseconds>(*time);
  if (patience_.count() == 0) patience_ = std::chrono::hours{24};
  if (home_ns_.empty()) {
    // A command that needs no cluster must not need a kubeconfig either.
    if (auto found = client::find_settings(kubeconfig_, context_)) {
      settings_ = *found;
      home_ns_ = found->ns;
    }
  }
  ns_ = given.get("namespace", home_ns_.empty() ? "default" : home_ns_);
  return {};
}

void session::use_context(std::string name) {
  context_ = std::move(name);
  settings_.reset();
  cluster_.reset();
  home_ns_.clear();
}

std::string session::context() const { return settings_ ? settings_->context : context_; }

result<client::connection*> session::cluster() {
  if (cluster_) return cluster_.get();
  if (!settings_) {
    auto found = client::find_settings(kubeconfig_, context_);
    if (!found) return found.error();
    settings_ = std::move(*found);
  }
  auto made = client::connection::open(*settings_, link_patience);
  if (!made) return made.error();
  cluster_ = std::move(*made);
  return cluster_.get();
}

http::header_list session::identity_headers() const {
  http::header_list out;
  if (!as_.empty()) out.emplace_back("Impersonate-User", as_);
  for (auto& g : as_groups_) out.emplace_back("Impersonate-Group", g);
  return out;
}

result<client::answer> session::ask_anyhow(client::request what) {
  auto to = cluster();
  if (!to) return to.error();
  for (auto& h : identity_headers()) what.headers.push_back(h);
  what.headers.emplace_back("User-Agent", "troupe");
  auto got = (*to)->ask(what, patience_);
  if (got && got->status == 503 && what.method == "GET" && (*to)->wait_until_up(link_patience))
    got = (*to)->ask(what, patience_); // the link went down in between
  return got;
}

result<std::string> session::ask(std::string method, std::string target, std::string body,
                                 std::string content_type, std::string accept) {
  client::request what{std::move(method), std::move(target), {}, std::move(body)};
  if (!what.body.empty()) what.headers.emplace_back("Content-Type", std::move(content_type));
  what.headers.emplace_back("Accept", accept.empty() ? "application/json" : std::move(accept));
  auto got = ask_anyhow(std::move(what));
  if (!got) return got.error();
  for (auto& [name, value] : got->headers)
    if (http::same_name(name, "Warning")) {
      auto first = value.find('"'), last = value.rfind('"');
      if (first != value.npos && last > first)
        complain(paint("Warning:", "33") + " " + value.substr(first + 1, last - first - 1));
    }
  if (!got->good()) return verbs::failure_of(*got);
  return std::move(got->body);
}

result<json::value> session::get(std::string target) {
  auto text = ask("GET", std::move(target));
  if (!text) return text.error();
  return json::parse(*text);
}

result<void> session::stream(std::string target, bool lines,
                             const std::function<bool(std::string_view)>& on_piece,
                             std::string accept,
                             std::optional<std::chrono::milliseconds> patience) {
  auto to = cluster();
  if (!to) return to.error();
  piece_queue queue;
  struct head {
    std::atomic<int> status{0};
  };
  auto seen = std::make_shared<head>();
  client::request what{"GET", std::move(target), identity_headers(), {}};
  what.headers.emplace_back("Accept", accept.empty() ? "application/json" : std::move(accept));
  auto running = (*to)->ask(
      what, {.on_head = [seen](int status, const http::header_list&) { seen->status = status; },
             .on_data = [queue](std::string_view piece) mutable { queue.put(std::string(piece)); },
             .on_end = [queue](bool whole) mutable { queue.end(whole); }});
  auto until = std::chrono::steady_clock::now() + patience.value_or(std::chrono::hours{24 * 365});
  std::string rest, refused;
  bool wanted = true;
  while (wanted && !interrupted()) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    if (left.count() <= 0) break;
    auto piece = queue.take(std::min(left, std::chrono::milliseconds{200}));
    if (!piece) {
      if (queue.over()) break;
      continue;
    }
    if (seen->status >= 300) {
      refused += *piece;
      continue;
    }
    if (!lines) {
      wanted = on_piece(*piece);
      continue;
    }
    rest += *piece;
    size_t begin = 0;
    for (size_t end; wanted && (end = rest.find('\n', begin)) != rest.npos; begin = end + 1)
      wanted = on_piece(std::string_view(rest).substr(begin, end - begin));
    rest.erase(0, begin);
  }
  queue.end(false); // whoever still puts pieces must not wait
  running->cancel();
  if (seen->status >= 300) return verbs::failure_of({seen->status, {}, refused});
  if (wanted && lines && !rest.empty()) on_piece(rest);
  return {};
}

void session::print(std::string_view text) {
  if (captured_)
    captured_->append(text);
  else
    fwrite(text.data(), 1, text.size(), stdout);
}

void session::print_line(std::string_view text) {
  print(text);
  print("\n");
  if (!captured_ && terminal_) fflush(stdout);
}

void session::complain(std::string_view line) {
  if (captured_) {
    captured_->append(line).push_back('\n');
    return;
  }
  fflush(stdout);
  fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
}

int session::fail(const error& why) {
  auto& text = why.message;
  complain(text.starts_with("Error from server") || text.starts_with("error:") ? text
                                                                               : "error: " + text);
  return failed;
}

std::string session::paint(std::string_view text, const char* colour) const {
  if (!colour_ || captured_) return std::string(text);
  return std::string("\x1b[") + colour + "m" + std::string(text) + "\x1b[0m";
}

bool session::interrupted() const { return interrupt_seen; }

error failure_of(const client::answer& got) {
  auto code = client::failure_of(got).code;
  auto read = json::parse(got.body);
  if (!read || json::string_at(*read, {"kind"}) != "Status") {
    auto text = got.body;
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return {code, text.empty() ? "Error from server: " + std::to_string(got.status) : text};
  }
  auto reason = json::string_at(*read, {"reason"});
  auto message = std::string(json::string_at(*read, {"message"}));
  if (reason == "Invalid")
    return {code, "The " + [&] {
              // kubectl: The Pod "web" is invalid: spec...
              auto kind = json::string_at(*read, {"details", "kind"});
              auto name = json::string_at(*read, {"details", "name"});
              auto rest = message.find(" is invalid");
              std::string out = std::string(kind) + " \"" + std::string(name) + "\"";
              return out +
                     (rest == message.npos ? " is invalid: " + message : message.substr(rest));
            }()};
  return {code, "Error from server" +
                    (reason.empty() ? std::string{} : " (" + std::string(reason) + ")") + ": " +
                    message};
}

} // namespace troupe::verbs
