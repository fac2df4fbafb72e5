// `troupe actors`, `troupe mailbox`, `troupe ask`, `troupe tell`: the servers' own actors; and
// `troupe loglevel`: what they tell.
#include "bin/verbs/verbs.hpp"

#include <algorithm>
#include <map>

namespace troupe::verbs {

namespace {

constexpr const char* place = "/troupe/v1/actors";

error bad(std::string why) { return {errc::bad_request, std::move(why)}; }

result<std::vector<json::value>> everybody(session& s) {
  auto read = s.get(place);
  if (!read) return read.error();
  std::vector<json::value> out;
  if (auto items = json::find(*read, "items"); items && items->is_array())
    out.assign(items->get_array().begin(), items->get_array().end());
  return out;
}

/// "controller/deployment" as it stands in a path. A pod without a namespace is in that of the
/// session.
std::string path_of(session& s, const std::string& name) {
  constexpr std::string_view pod = "pod/";
  bool alone = name.starts_with(pod) && name.find('/', pod.size()) == name.npos;
  return std::string(place) + "/" +
         (alone ? "pod/" + s.ns() + "/" + name.substr(pod.size()) : name);
}

/// Those on machines are asked only by their names: there may be thousands.
bool is_remote(const std::string& name) {
  return name.starts_with("pod/") || name.starts_with("agent/");
}

void branch(session& s, const std::multimap<std::string, std::string>& below, const std::string& of,
            const std::string& indent) {
  auto [from, to] = below.equal_range(of);
  for (; from != to; ++from) {
    bool last = std::next(from) == to;
    s.print_line(indent + (last ? "└─ " : "├─ ") + from->second);
    branch(s, below, from->second, indent + (last ? "   " : "│  "));
  }
}

int run_actors(session& s, const arguments& given) {
  auto all = everybody(s);
  if (!all) return s.fail(all.error());
  if (given.get("output") == "json") {
    s.print(json::indent(json::write(json::value(json::array(all->begin(), all->end()))), 2) +
            "\n");
    return done;
  }
  std::multimap<std::string, std::string> below;
  for (auto& a : *all)
    below.emplace(json::string_at(a, {"supervisor"}), json::string_at(a, {"name"}));
  s.print_line("server");
  branch(s, below, "server", "");
  return done;
}

std::string number(const json::value& card, std::initializer_list<std::string_view> path,
                   const char* unit = "") {
  auto found = json::find(card, path);
  return found ? cell_text(*found) + unit : "";
}

std::vector<std::string> mailbox_row(const json::value& card) {
  auto answers = json::find(card, "answers");
  bool answered = answers && answers->is_bool() && answers->get_bool();
  auto works_for = number(card, {"mailbox", "worksForMicroseconds"}, " us");
  return {std::string(json::string_at(card, {"name"})),
          number(card, {"mailbox", "waiting"}),
          number(card, {"mailbox", "oldestWaitsMicroseconds"}, " us"),
          number(card, {"mailbox", "handled"}),
          number(card, {"mailbox", "handledPerSecond"}),
          works_for.empty()
              ? "nothing"
              : std::string(json::string_at(card, {"mailbox", "worksOn"})) + " for " + works_for,
          number(card, {"mailbox", "answersAwaited"}),
          answered ? "after " + number(card, {"waitedMicroseconds"}, " us") : "not within 2 s"};
}

int run_mailbox(session& s, const arguments& given) {
  std::vector<std::string> names = given.words;
  if (names.empty()) {
    auto all = everybody(s);
    if (!all) return s.fail(all.error());
    for (auto& a : *all)
      if (std::string name{json::string_at(a, {"name"})}; !is_remote(name)) names.push_back(name);
  }
  json::array cards;
  for (auto& name : names) {
    auto card = s.get(path_of(s, name));
    if (!card) return s.fail(card.error());
    cards.push_back(std::move(*card));
  }
  if (given.get("output") == "json") {
    s.print(json::indent(json::write(json::value(std::move(cards))), 2) + "\n");
    return done;
  }
  columns table;
  table.row(
      {"NAME", "WAITING", "OLDEST", "HANDLED", "PER SECOND", "WORKS ON", "AWAITS", "ANSWERED"});
  for (auto& card : cards) table.row(mailbox_row(card));
  s.print(table.text());
  return done;
}

int run_ask(session& s, const arguments& given) {
  if (given.words.empty()) return s.fail(bad("write ask NAME; troupe actors lists them"));
  auto card = s.get(path_of(s, given.words[0]));
  if (!card) return s.fail(card.error());
  s.print(json::indent(json::write(*card), 2) + "\n");
  return done;
}

int run_tell(session& s, const arguments& given) {
  if (given.words.size() != 2)
    return s.fail(bad("write tell NAME WORD, for example: tell nodes resync"));
  auto told = s.ask("POST", path_of(s, given.words[0]) + "?word=" + escaped(given.words[1]));
  if (!told) return s.fail(told.error());
  s.print_line(given.words[0] + " is told");
  return done;
}

int run_loglevel(session& s, const arguments& given) {
  constexpr const char* level = "/troupe/v1/loglevel";
  if (given.words.size() > 1) return s.fail(bad("write loglevel [debug|info|warn|error]"));
  auto said = given.words.empty() ? s.ask("GET", level)
                                  : s.ask("POST", level + ("?level=" + escaped(given.words[0])));
  auto read = said ? json::parse(*said) : said.error();
  if (!read) return s.fail(read.error());
  s.print_line(json::string_at(*read, {"level"}));
  return done;
}

} // namespace

const verb actors_verb{"actors",
                       "Insight",
                       "show who plays on the server, and who supervises whom",
                       "",
                       {{"output", 'o', "FORM", "json"}},
                       "actors",
                       run_actors};
const verb mailbox_verb{"mailbox",
                        "Insight",
                        "show what waits in front of actors, and what they work on",
                        "[NAME...]",
                        {{"output", 'o', "FORM", "json"}},
                        "mailbox\nmailbox controller/deployment pod/web-1",
                        run_mailbox};
const verb ask_verb{"ask",  "Insight", "ask an actor of the server how it is",
                    "NAME", {},        "ask controller/replicaset",
                    run_ask};
const verb tell_verb{"tell",        "Insight", "tell an actor of the server something",
                     "NAME resync", {},        "tell controller/replicaset resync",
                     run_tell};

const verb loglevel_verb{"loglevel",  "Insight", "show or set how much the server tells in its log",
                         "[LEVEL]",   {},        "loglevel\nloglevel debug",
                         run_loglevel};

} // namespace troupe::verbs
