#include "messages/codec/manifest.hpp"

#include "messages/base/json.hpp"
#include "messages/codec/envelope.hpp"
#include "messages/codec/json_decode.hpp"
#include "messages/codec/json_encode.hpp"
#include "messages/schema/defaults.hpp"
#include "messages/schema/kind.hpp"
#include "messages/schema/validate.hpp"

#include <google/protobuf/message.h>

#include <algorithm>
#include <cstdio>
#include <optional>

namespace troupe::codec {

namespace {

/// The rest of `path` behind the member `key`, or nothing if the path leads elsewhere.
std::optional<std::string_view> behind(std::string_view path, std::string_view key) {
  if (path.starts_with('.')) path.remove_prefix(1);
  if (path.starts_with('[')) {
    path.remove_prefix(1);
    if (path.starts_with(key) && path.substr(key.size()).starts_with(']'))
      return path.substr(key.size() + 1);
    return {};
  }
  if (!path.starts_with(key)) return {};
  auto rest = path.substr(key.size());
  if (rest.empty() || rest[0] == '.' || rest[0] == '[') return rest;
  return {};
}

std::optional<std::string_view> behind(std::string_view path, size_t index) {
  auto here = "[" + std::to_string(index) + "]";
  if (!path.starts_with(here)) return {};
  return path.substr(here.size());
}

void descend(json::reader& in, std::string_view path, size_t& best) {
  if (path.empty()) return;
  if (in.peek() == json::token::object) {
    in.enter_object();
    std::string_view key;
    while (in.next_key(key)) {
      if (auto rest = behind(path, key)) {
        in.peek();
        best = in.offset();
        return descend(in, *rest, best);
      }
      in.skip();
    }
  } else if (in.peek() == json::token::array) {
    in.enter_array();
    for (size_t i = 0; in.next_element(); ++i) {
      in.peek();
      if (auto rest = behind(path, i)) {
        best = in.offset();
        return descend(in, *rest, best);
      }
      in.skip();
    }
  }
}

/// The JSON value at `offset`, as far as it is a single word.
std::string_view word_at(std::string_view text, size_t offset) {
  auto end = text.find_first_of(",}] \n", offset);
  return text.substr(offset, end - offset);
}

finding make(const manifest& m, std::string reason, std::string field, std::string message) {
  finding f;
  f.object = m.kind + (m.name.empty() ? "" : " " + m.name);
  f.reason = std::move(reason);
  f.message = std::move(message);
  f.at = m.text.locate(field.empty() ? 0 : offset_of(m.text.json, field));
  f.field = std::move(field);
  return f;
}

/// "it is in apps/v1": where a kind lives, for those who named another version.
std::string home_of(const manifest& m) {
  auto& registry = *schema::registry::built_in();
  auto homes = registry.homes(m.kind);
  if (!homes.empty()) return "did you mean \"apiVersion: " + homes.front() + "\"?";
  // A kind that is spelled almost right.
  for (auto& k : registry.all()) {
    auto lower = [](std::string s) {
      std::transform(s.begin(), s.end(), s.begin(), [](unsigned char c) { return tolower(c); });
      return s;
    };
    if (lower(k.name) == lower(m.kind) || lower(k.name) + "s" == lower(m.kind))
      return "did you mean \"kind: " + k.name + "\"?";
  }
  return {};
}

bool built_in_group(std::string_view api_version) {
  auto group = schema::split_api_version(api_version).group;
  auto& all = schema::registry::built_in()->all();
  return std::any_of(all.begin(), all.end(), [&](auto& k) { return k.group == group; });
}

/// A value of the wrong type: in quotes it would often be right.
std::string quoting_advice(const manifest& m, std::string_view path, std::string_view message) {
  if (message.find("a string") == message.npos) return {};
  auto word = word_at(m.text.json, offset_of(m.text.json, path));
  bool plain = word == "true" || word == "false" ||
               (!word.empty() && (isdigit(static_cast<unsigned char>(word[0])) || word[0] == '-'));
  if (!plain) return {};
  auto field = path.substr(path.rfind('.') + 1);
  return "put it in quotes: " + std::string(field) + ": \"" + std::string(word) + "\"";
}

finding undecodable(const manifest& m, const error& failure) {
  // The decoder says "path: what is wrong".
  auto colon = failure.message.find(": ");
  auto path = colon == failure.message.npos ? std::string() : failure.message.substr(0, colon);
  bool is_path = !path.empty() && path.find(' ') == path.npos;
  auto f = make(m, "FieldValueTypeInvalid", is_path ? path : "",
                is_path ? failure.message.substr(colon + 2) : failure.message);
  if (is_path) f.suggestion = quoting_advice(m, path, f.message);
  return f;
}

/// An empty object of the kind, be it served under a name or only sent along, such as a Status.
std::shared_ptr<google::protobuf::Message> make_object(const manifest& m) {
  auto* message = schema::find_message(m.api_version, m.kind);
  if (!message) return nullptr;
  auto* prototype = google::protobuf::MessageFactory::generated_factory()->GetPrototype(message);
  return std::shared_ptr<google::protobuf::Message>(prototype->New());
}

class collector {
public:
  manifests out;

  void document(yaml::document text) {
    manifest m;
    m.text = std::move(text);
    auto type = peek_type(m.text.json);
    if (!type) return add(make(m, "Malformed", "", type.error().message));
    m.api_version = type->api_version;
    m.kind = type->kind;
    if (m.kind == "List" || (m.kind.ends_with("List") && m.api_version == "v1")) return list(m);
    if (auto parsed = json::parse(m.text.json))
      m.name = std::string(json::string_at(*parsed, {"metadata", "name"}));
    if (m.api_version.empty() || m.kind.empty()) {
      auto missing = m.api_version.empty() ? "apiVersion" : "kind";
      auto f = make(m, "FieldValueRequired", missing, "every object says its apiVersion and kind");
      f.at = {m.text.line, 1};
      return add(std::move(f));
    }
    m.type = schema::registry::built_in()->by_kind(m.api_version, m.kind);
    m.object = make_object(m);
    if (!m.object) return unknown(std::move(m));
    decode(std::move(m));
  }

  void protobuf(std::string_view bytes) {
    manifest m;
    auto envelope = open_envelope(bytes);
    if (!envelope) return add(make(m, "Malformed", "", envelope.error().message));
    m.api_version = envelope->api_version;
    m.kind = envelope->kind;
    m.type = schema::registry::built_in()->by_kind(m.api_version, m.kind);
    m.object = make_object(m);
    if (!m.object)
      return add(make(m, "UnknownKind", "kind",
                      "no kind \"" + m.kind + "\" in version \"" + m.api_version + "\""));
    if (!m.object->ParseFromArray(envelope->raw.data(), static_cast<int>(envelope->raw.size())))
      return add(make(m, "Malformed", "", "the bytes are not those of a " + m.kind));
    m.text.json = to_json(*m.object, {m.api_version, m.kind, {}});
    if (auto parsed = json::parse(m.text.json))
      m.name = std::string(json::string_at(*parsed, {"metadata", "name"}));
    out.objects.push_back(std::move(m));
  }

  void add(finding f) { out.findings.push_back(std::move(f)); }

private:
  /// Takes a list apart; each item keeps its positions.
  void list(const manifest& m) {
    json::reader in(m.text.json);
    in.enter_object();
    std::string_view key;
    while (in.next_key(key)) {
      if (key != "items" || in.peek() != json::token::array) {
        in.skip();
        continue;
      }
      in.enter_array();
      while (in.next_element()) {
        in.peek();
        auto start = in.offset();
        yaml::document item;
        item.json = in.skip();
        for (auto& mark : m.text.marks)
          if (mark.offset >= start && mark.offset < start + item.json.size())
            item.marks.push_back({mark.offset - start, mark.at});
        if (!item.marks.empty()) item.line = item.marks.front().at.line;
        document(std::move(item));
      }
    }
  }

  void unknown(manifest m) {
    auto suggestion = home_of(m);
    bool custom = suggestion.empty() && !built_in_group(m.api_version);
    auto f = make(m, "UnknownKind",
                  suggestion.find("apiVersion") != suggestion.npos ? "apiVersion" : "kind",
                  custom ? "\"" + m.kind + "\" of " + m.api_version +
                               " is not built in, so its fields are not checked"
                         : "no kind \"" + m.kind + "\" in version \"" + m.api_version + "\"");
    f.suggestion = suggestion;
    if (custom) {
      f.weight = finding::level::warning;
      out.objects.push_back(std::move(m));
    }
    add(std::move(f));
  }

  void decode(manifest m) {
    auto done = from_json(m.text.json, *m.object);
    if (!done) return add(undecodable(m, done.error()));
    for (auto& p : done->problems) {
      bool unknown = p.what == field_problem::kind::unknown;
      auto f = make(m, unknown ? "UnknownField" : "DuplicateField", p.path, p.message());
      f.at = m.text.locate(p.offset > 0 ? p.offset - 1 : 0);
      if (!p.hint.empty()) f.suggestion = "did you mean \"" + p.hint + "\"?";
      add(std::move(f));
    }
    out.objects.push_back(std::move(m));
  }
};

bool looks_like_json(std::string_view text) {
  auto start = text.find_first_not_of(" \t\r\n");
  return start != text.npos && text[start] == '{';
}

/// A JSON text is its own source: positions are counted in it.
yaml::document own_positions(std::string_view text) {
  yaml::document d;
  d.json = text;
  // A mark behind every token that begins something.
  d.marks.push_back({0, {1, 1}});
  json::position at{1, 1};
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n')
      ++at.line, at.column = 1;
    else
      ++at.column;
    if (text[i] == '"' || text[i] == ':' || text[i] == ',' || text[i] == '{' || text[i] == '[')
      d.marks.push_back({i + 1, at});
  }
  return d;
}

} // namespace

size_t offset_of(std::string_view text, std::string_view path) {
  json::reader in(text);
  size_t best = 0;
  descend(in, path, best);
  return best;
}

manifests read_manifests(std::string_view text) {
  collector all;
  if (is_envelope(text)) {
    all.protobuf(text);
    return std::move(all.out);
  }
  if (looks_like_json(text)) {
    // One JSON document; KYAML and several JSON texts in a row are YAML's business.
    json::reader in(text);
    in.skip();
    if (!in.failed() && in.at_end()) {
      all.document(own_positions(text));
      return std::move(all.out);
    }
  }
  auto documents = yaml::to_json(text);
  if (!documents) {
    finding f;
    f.reason = "Malformed";
    f.message = documents.error().message;
    // "line 3, column 5: why"
    unsigned line = 0, column = 0;
    int used = 0;
    if (sscanf(f.message.c_str(), "line %u, column %u: %n", &line, &column, &used) == 2 &&
        used > 0) {
      f.at = {line, column};
      f.message.erase(0, static_cast<size_t>(used));
    }
    all.add(std::move(f));
    return std::move(all.out);
  }
  for (auto& d : *documents) all.document(std::move(d));
  return std::move(all.out);
}

std::vector<finding> validate_manifest(const manifest& m) {
  std::vector<finding> out;
  if (!m.object) return out;
  std::unique_ptr<google::protobuf::Message> object(m.object->New());
  object->CopyFrom(*m.object);
  schema::set_defaults(*object);
  for (auto& c : schema::validate_create(*object)) {
    // The client's context gives the namespace.
    if (c.field == "metadata.namespace" && c.reason == "FieldValueRequired") continue;
    out.push_back(make(m, c.reason, c.field, c.message));
  }
  return out;
}

} // namespace troupe::codec
