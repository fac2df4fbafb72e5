#include "messages/patch/fields_text.hpp"

#include "messages/base/json_reader.hpp"
#include "messages/codec/sink.hpp"

namespace troupe::patch {

namespace {

using codec::sink;

constexpr std::string_view self_mark = "\".\":{}";

/// One pass over a text, place by place, beside a set.
class pass {
public:
  pass(std::string_view text, std::string& out)
      : in_{text}, out_{out, text.size() + room_for_more} {}

  /// Whether the text was as write_fields() writes it, to its end.
  bool good() { return sorted_ && in_.spaces() == 0 && in_.at_end() && !in_.failed(); }

  void unite(const field_set& more, bool root) {
    level here{*this, root};
    here.begin(here.self || more.self, !here.at_end || !more.below.empty());
    auto next = more.below.begin();
    auto add_until = [&](bool all) {
      for (; next != more.below.end() && (all || next->first < here.key); ++next) {
        here.name(next->first);
        write(next->second);
      }
    };
    for (; !here.at_end; here.advance()) {
      add_until(false);
      here.name();
      if (next != more.below.end() && next->first == here.key)
        unite((next++)->second, false);
      else
        out_ += in_.skip();
    }
    add_until(true);
    out_ += '}';
  }

  /// False if nothing is left of this place.
  bool subtract(const field_set& less, bool root) {
    level here{*this, root};
    bool self = here.self && !less.self;
    here.begin(self, !here.at_end);
    const auto empty = out_.size();
    bool any = false;
    for (; !here.at_end; here.advance()) {
      const auto before = out_.size();
      const bool first = here.first;
      here.name();
      auto hit = less.below.find(here.key);
      if (hit == less.below.end())
        out_ += in_.skip();
      else if (!subtract(hit->second, false)) {
        out_.cut(before);
        here.first = first;
        continue;
      }
      any = true;
    }
    if (!any) out_.cut(empty - (here.marked ? self_mark.size() : 0));
    out_ += '}';
    return any || self || root;
  }

private:
  static constexpr size_t room_for_more = 256;

  /// One object of the text: the place itself and, key by key, what is below it.
  struct level {
    pass& of;
    const bool root;
    bool self = false, at_end = false, first = true, marked = false;
    std::string key; ///< without its quotes; the reader may reuse what it returned

    level(pass& of, bool root) : of{of}, root{root} {
      if (!of.in_.enter_object()) of.sorted_ = false;
      advance();
      if (!at_end && key == ".") {
        self = true;
        of.in_.skip();
        key.clear();
        advance();
      }
      if (at_end && !root) self = true; // nothing below it: a member
    }

    void advance() {
      std::string_view next;
      at_end = !of.in_.next_key(next);
      if (at_end) return;
      if (!key.empty() && next <= key) of.sorted_ = false;
      key = next;
    }

    /// Opens it in what is written.
    void begin(bool is_member, bool has_below) {
      of.out_ += '{';
      marked = is_member && has_below && !root;
      if (!marked) return;
      of.out_ += self_mark;
      first = false;
    }

    void name() { name(key); }
    void name(std::string_view as) {
      if (!first) of.out_ += ',';
      first = false;
      of.out_.quoted(as);
      of.out_ += ':';
    }
  };

  void write(const field_set& set) {
    out_ += '{';
    bool first = true;
    if (set.self && !set.below.empty()) {
      out_ += self_mark;
      first = false;
    }
    for (auto& [key, below] : set.below) {
      if (!first) out_ += ',';
      first = false;
      out_.quoted(key);
      out_ += ':';
      write(below);
    }
    out_ += '}';
  }

  json::reader in_;
  sink out_;
  bool sorted_ = true;
};

template<class Change> std::optional<std::string> changed(std::string_view text, Change change) {
  std::string out;
  {
    pass over(text, out); // completes `out` when it ends
    change(over);
    if (!over.good()) return {};
  }
  return out;
}

} // namespace

std::optional<std::string> unite(std::string_view text, const field_set& more) {
  return changed(text, [&](pass& over) { over.unite(more, true); });
}

std::optional<std::string> subtract(std::string_view text, const field_set& less) {
  return changed(text, [&](pass& over) { over.subtract(less, true); });
}

} // namespace troupe::patch
