// What verbs run in: the connection to the cluster, who is acting, where output goes. One command
// line makes one; a shell keeps one for as long as it lasts.
#pragma once

#include "actors/client/connection.hpp"
#include "bin/verbs/verb.hpp"
#include "messages/base/json.hpp"

#include <atomic>
#include <cstdio>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace troupe::verbs {

class kind_book;

/// An answer in pieces, taken one after the other by the thread that asked.
class piece_queue {
public:
  void put(std::string piece);
  void end(bool whole);
  /// The next piece; nothing at the end, or when nothing came for `patience`.
  std::optional<std::string> take(std::optional<std::chrono::milliseconds> patience = {});
  bool over() const;

private:
  struct state;
  std::shared_ptr<state> state_ = make();
  static std::shared_ptr<state> make();
};

class session {
public:
  session();
  ~session();
  session(const session&) = delete;

  /// Takes over the flags that every verb has.
  result<void> begin(const arguments& given);

  // ---- the cluster ----
  result<client::connection*> cluster();
  /// One request and its whole answer; failures of the server are errors, in its own words.
  result<std::string> ask(std::string method, std::string target, std::string body = {},
                          std::string content_type = "application/json", std::string accept = {});
  /// The same, whatever the status.
  result<client::answer> ask_anyhow(client::request what);
  /// The answer as a document.
  result<json::value> get(std::string target);
  /// An answer without an end: calls `on_piece` until it returns false, the answer ends, or the
  /// user interrupts. `lines`: pieces are whole lines.
  result<void> stream(std::string target, bool lines,
                      const std::function<bool(std::string_view)>& on_piece,
                      std::string accept = {},
                      std::optional<std::chrono::milliseconds> patience = {});
  http::header_list identity_headers() const;
  kind_book& kinds() { return *kinds_; }

  const std::string& ns() const { return ns_; }
  void use_namespace(std::string name) { home_ns_ = ns_ = std::move(name); }
  void use_context(std::string name);
  std::string context() const;
  std::chrono::milliseconds patience() const { return patience_; }

  // ---- output ----
  void print(std::string_view text);
  void print_line(std::string_view text);
  void complain(std::string_view line);
  /// Says what went wrong; returns the exit code for it.
  int fail(const error& why);
  bool coloured() const { return colour_; }
  std::string paint(std::string_view text, const char* colour) const;
  bool to_terminal() const { return terminal_; }
  /// Output goes here instead, until it is given back.
  std::string* capture(std::string* into) { return std::exchange(captured_, into); }

  /// What is repeated while the user looks on ends when he presses Ctrl-C.
  bool interrupted() const;

private:
  std::string kubeconfig_, context_, home_ns_;
  std::string ns_, as_;
  std::vector<std::string> as_groups_;
  std::chrono::milliseconds patience_{60'000};
  std::optional<client::settings> settings_;
  std::shared_ptr<client::connection> cluster_;
  std::unique_ptr<kind_book> kinds_;
  bool colour_ = false, terminal_ = false;
  std::string* captured_ = nullptr;
};

/// The failure that an answer tells, in the words of kubectl: "Error from server (NotFound): ...".
error failure_of(const client::answer& got);

/// Ctrl-C sets a flag that running verbs look at, instead of ending the program; for shells.
void catch_interrupts();
void clear_interrupt();

} // namespace troupe::verbs
