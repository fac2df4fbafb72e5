// Reads YAML: the events of yaml-cpp become a compact tree, and the tree becomes JSON. Two steps,
// because aliases and merge keys refer back, and because their cost must be known before it is
// paid.
#include "messages/codec/yaml.hpp"
#include "messages/codec/yaml_scalar.hpp"

#include "messages/base/json.hpp"

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/emitterstyle.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <streambuf>
#include <unordered_map>

namespace troupe::yaml {

namespace {

using index = uint32_t;

struct node {
  enum class kind : uint8_t { null, plain, quoted, list, map, alias } what = kind::null;
  bool open = false; // still being read
  json::position at{};
  std::string text;            // of a scalar
  std::vector<index> children; // of a map: key, value, key, value, ...
  index target = 0;            // of an alias
};

/// Ends reading from inside an event; never leaves this file.
struct refused {
  std::string why;
  json::position at;
};

json::position position_of(const YAML::Mark& m) {
  return {static_cast<size_t>(std::max(m.line, 0)) + 1,
          static_cast<size_t>(std::max(m.column, 0)) + 1};
}

class tree final : public YAML::EventHandler {
public:
  explicit tree(const limits& most) : most_{most} {}

  std::vector<node> nodes;
  index root = 0;
  bool has_root = false;

  void clear() {
    nodes.clear();
    open_.clear();
    anchors_.clear();
    has_root = false;
  }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& m, YAML::anchor_t anchor) override {
    add(m, anchor, node::kind::null);
  }

  void OnAlias(const YAML::Mark& m, YAML::anchor_t anchor) override {
    auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw refused{"unknown alias", position_of(m)};
    if (nodes[found->second].open)
      throw refused{"an alias stands inside the value that it refers to", position_of(m)};
    auto target = found->second;
    nodes[add(m, 0, node::kind::alias)].target = target;
  }

  void OnScalar(const YAML::Mark& m, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    bool plain = tag == "?" || tag == "tag:yaml.org,2002:int" || tag == "tag:yaml.org,2002:bool" ||
                 tag == "tag:yaml.org,2002:float" || tag == "tag:yaml.org,2002:null";
    nodes[add(m, anchor, plain ? node::kind::plain : node::kind::quoted)].text = value;
  }

  void OnSequenceStart(const YAML::Mark& m, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    enter(add(m, anchor, node::kind::list));
  }
  void OnSequenceEnd() override { leave(); }
  void OnMapStart(const YAML::Mark& m, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    enter(add(m, anchor, node::kind::map));
  }
  void OnMapEnd() override { leave(); }

private:
  index add(const YAML::Mark& m, YAML::anchor_t anchor, node::kind what) {
    if (nodes.size() >= most_.nodes_max)
      throw refused{"the document has too many values", position_of(m)};
    auto at = static_cast<index>(nodes.size());
    auto& n = nodes.emplace_back();
    n.what = what;
    n.at = position_of(m);
    if (!open_.empty())
      nodes[open_.back()].children.push_back(at);
    else
      root = at, has_root = true;
    if (anchor) anchors_[anchor] = at;
    return at;
  }

  void enter(index at) {
    open_.push_back(at);
    nodes[at].open = true;
    if (open_.size() > static_cast<size_t>(most_.depth_max))
      throw refused{"nested too deep", nodes[at].at};
  }

  void leave() {
    nodes[open_.back()].open = false;
    open_.pop_back();
  }

  const limits& most_;
  std::vector<index> open_;
  std::unordered_map<YAML::anchor_t, index> anchors_;
};

/// Writes the tree as JSON, following aliases within the budget.
class writer {
public:
  writer(const tree& from, const limits& most, document& out)
      : from_{from}, most_{most}, out_{out} {}

  void value(index at, int depth, bool repeated) {
    auto& n = from_.nodes[at];
    if (depth > most_.depth_max) throw refused{"nested too deep", n.at};
    if (repeated && ++repeated_ > most_.repeated_max)
      throw refused{"alias expansion exceeds limit", n.at};
    if (n.what == node::kind::alias) return value(n.target, depth, true);
    if (!repeated) out_.marks.push_back({out_.json.size(), n.at});
    switch (n.what) {
    case node::kind::null: out_.json += "null"; break;
    case node::kind::plain: plain(n); break;
    case node::kind::quoted: json::write_string(out_.json, n.text); break;
    case node::kind::list: list(n, depth, repeated); break;
    case node::kind::map: map(n, depth, repeated); break;
    case node::kind::alias: break;
    }
  }

private:
  struct entry {
    const node* key;
    index value;
    bool repeated;
  };

  void plain(const node& n) {
    auto resolved = resolve_plain(n.text);
    if (!resolved) return json::write_string(out_.json, n.text);
    if (resolved->empty()) throw refused{n.text + " cannot be said in JSON", n.at};
    out_.json += *resolved;
  }

  void list(const node& n, int depth, bool repeated) {
    out_.json += '[';
    bool first = true;
    for (auto child : n.children) {
      if (!first) out_.json += ',';
      first = false;
      value(child, depth + 1, repeated);
    }
    out_.json += ']';
  }

  const node& target(index at) const {
    auto* n = &from_.nodes[at];
    while (n->what == node::kind::alias) n = &from_.nodes[n->target];
    return *n;
  }

  /// The entries of `n`, with those that `<<` brings behind its own and never in their place.
  void collect(const node& n, bool repeated, int depth, std::vector<entry>& out) {
    if (depth > most_.depth_max) throw refused{"nested too deep", n.at};
    std::vector<index> merged;
    for (size_t i = 0; i + 1 < n.children.size(); i += 2) {
      auto& key = target(n.children[i]);
      if (key.what == node::kind::list || key.what == node::kind::map)
        throw refused{"a key must be a single word or number", key.at};
      if (key.what == node::kind::plain && key.text == "<<")
        merged.push_back(n.children[i + 1]);
      else
        out.push_back({&key, n.children[i + 1], repeated});
    }
    for (auto source : merged) merge(source, depth, out);
  }

  void merge(index source, int depth, std::vector<entry>& out) {
    auto& from = target(source);
    if (from.what == node::kind::list) {
      for (auto child : from.children) {
        if (target(child).what != node::kind::map)
          throw refused{"<< takes a map or a list of maps", from_.nodes[child].at};
        merge(child, depth + 1, out);
      }
      return;
    }
    if (from.what != node::kind::map) throw refused{"<< takes a map or a list of maps", from.at};
    std::vector<entry> theirs;
    collect(from, true, depth + 1, theirs);
    repeated_ += theirs.size();
    if (repeated_ > most_.repeated_max) throw refused{"alias expansion exceeds limit", from.at};
    std::unordered_map<std::string_view, bool> known;
    for (auto& e : out) known.emplace(e.key->text, true);
    for (auto& e : theirs)
      if (known.emplace(e.key->text, true).second) out.push_back(e);
  }

  void map(const node& n, int depth, bool repeated) {
    std::vector<entry> entries;
    entries.reserve(n.children.size() / 2);
    collect(n, repeated, depth, entries);
    out_.json += '{';
    bool first = true;
    for (auto& e : entries) {
      if (!first) out_.json += ',';
      first = false;
      if (!e.repeated) out_.marks.push_back({out_.json.size(), e.key->at});
      json::write_string(out_.json, e.key->what == node::kind::null ? "null" : e.key->text);
      out_.json += ':';
      value(e.value, depth + 1, e.repeated);
    }
    out_.json += '}';
  }

  const tree& from_;
  const limits& most_;
  document& out_;
  size_t repeated_ = 0;
};

/// yaml-cpp reads from a stream; this one reads from the text in place.
class text_buffer : public std::streambuf {
public:
  explicit text_buffer(std::string_view text) {
    auto* start = const_cast<char*>(text.data());
    setg(start, start, start + text.size());
  }
};

error failure(const std::string& why, json::position at) {
  return {errc::bad_request,
          "line " + std::to_string(at.line) + ", column " + std::to_string(at.column) + ": " + why};
}

/// The first byte that is not UTF-8, or npos. Control characters other than white space count as
/// bad.
size_t bad_utf8(std::string_view s) {
  for (size_t i = 0; i < s.size();) {
    auto c = static_cast<unsigned char>(s[i]);
    if (c < 0x80) {
      if (c < 0x20 && c != '\n' && c != '\r' && c != '\t') return i;
      ++i;
      continue;
    }
    size_t more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
    if (c < 0xc2 || c > 0xf4) return i;
    uint32_t code = c & (0x3fu >> more);
    for (size_t k = 1; k <= more; ++k) {
      if (i + k >= s.size() || (static_cast<unsigned char>(s[i + k]) & 0xc0) != 0x80) return i;
      code = code << 6 | (static_cast<unsigned char>(s[i + k]) & 0x3f);
    }
    if ((more == 2 && (code < 0x800 || (code >= 0xd800 && code <= 0xdfff))) ||
        (more == 3 && (code < 0x10000 || code > 0x10ffff)))
      return i;
    i += more + 1;
  }
  return s.npos;
}

} // namespace

json::position document::locate(size_t offset) const {
  auto after = std::upper_bound(marks.begin(), marks.end(), offset,
                                [](size_t at, const mark& m) { return at < m.offset; });
  return after == marks.begin() ? json::position{line, 1} : std::prev(after)->at;
}

result<std::vector<document>> to_json(std::string_view text, const limits& most) {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  if (text.size() > most.text_bytes_max)
    return error{errc::too_large,
                 "the text is larger than " + std::to_string(most.text_bytes_max) + " bytes"};
  if (auto bad = bad_utf8(text); bad != text.npos)
    return failure("the text is not valid UTF-8", json::locate(text, bad));
  std::vector<document> documents;
  tree nodes(most);
  try {
    text_buffer buffer(text);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    // Empty ones count too: of a stray comma yaml-cpp makes empty documents without end.
    for (size_t count = 0; parser.HandleNextDocument(nodes); ++count) {
      if (count >= most.documents_max)
        return error{errc::too_large,
                     "more than " + std::to_string(most.documents_max) + " documents"};
      bool empty = !nodes.has_root || nodes.nodes[nodes.root].what == node::kind::null;
      if (!empty) {
        auto& d = documents.emplace_back();
        d.line = nodes.nodes[nodes.root].at.line;
        writer(nodes, most, d).value(nodes.root, 1, false);
      }
      nodes.clear();
    }
  } catch (const refused& r) {
    return failure(r.why, r.at);
  } catch (const YAML::DeepRecursion& deep) {
    return failure("nested too deep", position_of(deep.mark));
  } catch (const YAML::Exception& bad) {
    return failure(bad.msg, position_of(bad.mark));
  }
  return documents;
}

} // namespace troupe::yaml
