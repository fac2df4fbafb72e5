#include "messages/codec/json_encode.hpp"

#include "messages/api/custom.pb.h"
#include "messages/base/base64.hpp"
#include "messages/base/time.hpp"
#include "messages/codec/sink.hpp"
#include "messages/codec/wire.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message.h>

#include <array>
#include <charconv>
#include <chrono>

namespace troupe::codec {

namespace {

using schema::form;
using schema::property;
using schema::type;

constexpr uint32_t resource_version_number = 6; // of ObjectMeta

class encoder {
public:
  encoder(sink& out, const head& head) : out_{out}, head_{head} {}

  bool object(const type& t, std::string_view bytes, bool outermost) {
    out_ += '{';
    bool first = true;
    if (outermost && t.type_meta) type_meta(first);
    outermost_ = outermost;
    if (!members(t, bytes, first)) return false;
    out_ += '}';
    return true;
  }

  void type_meta(bool& first) {
    auto put = [&](const char* key, std::string_view text) {
      if (text.empty()) return;
      if (!first) out_ += ',';
      first = false;
      out_ += key;
      out_.quoted(text);
    };
    put("\"kind\":", head_.kind);
    put("\"apiVersion\":", head_.api_version);
  }

  /// The fields of one message, without braces; inlined messages recur here.
  bool members(const type& t, std::string_view bytes, bool& first) {
    auto version = std::exchange(version_pending_, false);
    auto outermost = std::exchange(outermost_, false);
    std::array<uint64_t, 2> seen{};
    const property* open = nullptr; // the list or map that is being written
    auto close = [&] {
      if (open) out_ += open->what == form::list ? ']' : '}';
      open = nullptr;
    };
    auto key = [&](const property& p) {
      out_.stepped<schema::key_step>(p.key + first, p.key_size - first); // but the comma
      first = false;
    };
    auto put_version = [&] {
      key(*t.by_number(resource_version_number));
      out_.quoted(head_.resource_version);
      version = false;
    };

    wire::reader in(bytes);
    while (in.next()) {
      auto p = t.by_number(in.number);
      if (!p) continue; // a later version's field
      if (in.number < 128) seen[in.number / 64] |= uint64_t{1} << in.number % 64;
      if (p->zero && in.value == 0 && in.data.empty()) continue;
      if (p != open) close();
      if (version && in.number >= resource_version_number) {
        put_version();
        if (in.number == resource_version_number) continue;
      }
      if (p->inlined) {
        if (!members(*p->type, in.data, first)) return false;
        continue;
      }
      auto what = p->what;
      if (what == form::list || what == form::map) {
        if (open) {
          out_ += ',';
        } else {
          key(*p);
          out_ += what == form::list ? '[' : '{';
          open = p;
        }
        bool ok = p->typed             ? typed_element(*p->value, in.data)
                  : what == form::list ? value(*p->value, in)
                                       : entry(*p->value, in.data);
        if (!ok) return false;
        continue;
      }
      key(*p);
      if (outermost && in.number == 1 && !head_.resource_version.empty()) version_pending_ = true;
      if (!value(*p->type, in)) return false;
    }
    close();
    if (version) put_version();
    return !in.bad && absent(t, seen, first, key, outermost);
  }

  /// What Kubernetes writes even where nothing was set.
  template<class Key>
  bool absent(const type& t, const std::array<uint64_t, 2>& seen, bool& first, Key& key,
              bool outermost) {
    for (auto* empty : t.written_empty()) {
      auto& p = *empty;
      if (p.number < 128 && seen[p.number / 64] >> p.number % 64 & 1) continue;
      if (p.inlined) {
        if (!members(*p.type, {}, first)) return false;
        continue;
      }
      key(p);
      if (p.null || p.what != form::object) {
        out_ += empty_json(p);
        continue;
      }
      if (outermost && p.number == 1 && !head_.resource_version.empty()) version_pending_ = true;
      if (!object(*p.type, {}, false)) return false;
    }
    return true;
  }

  /// An element that names its kind: claims inside a stateful set, in their version.
  bool typed_element(const type& element, std::string_view bytes) {
    out_ += "{\"kind\":";
    out_.quoted(element.name);
    out_ += ",\"apiVersion\":\"v1\"";
    bool first = false;
    if (!members(element, bytes, first)) return false;
    out_ += '}';
    return true;
  }

  bool entry(const type& element, std::string_view bytes) {
    wire::reader in(bytes);
    std::string_view name;
    wire::reader content({});
    while (in.next()) {
      if (in.number == 1) name = in.data;
      if (in.number == 2) content = in;
    }
    if (in.bad) return false;
    out_.quoted(name);
    out_ += ':';
    return value(element, content);
  }

  bool value(const type& t, const wire::reader& in) {
    switch (t.what) {
    case form::string: out_.quoted(in.data); return true;
    case form::boolean: out_ += std::string_view(in.value ? "true" : "false"); return true;
    case form::int32:
    case form::int64: number(static_cast<int64_t>(in.value)); return true;
    case form::real: real(in.real()); return true;
    case form::bytes:
      out_ += '"';
      out_ += base64::encode(in.data);
      out_ += '"';
      return true;
    case form::object: return object(t, in.data, false);
    case form::raw: return raw(in.data);
    case form::wrapped_list: return list(t.properties[0], in.data);
    default: return special(t, in.data);
    }
  }

  void number(int64_t v) {
    auto text = out_.room(24);
    out_.used(std::to_chars(text, text + 24, v).ptr);
  }

  void real(double v) {
    std::string text;
    json::write_number(text, v);
    out_ += text;
  }

  bool raw(std::string_view bytes) {
    wire::reader in(bytes);
    std::string_view content = "null";
    while (in.next())
      if (in.number == 1 && !in.data.empty()) content = in.data;
    out_ += content;
    return !in.bad;
  }

  bool list(const property& p, std::string_view bytes) {
    out_ += '[';
    bool first = true;
    wire::reader in(bytes);
    while (in.next()) {
      if (in.number != p.number) continue;
      if (!first) out_ += ',';
      first = false;
      if (!value(*p.value, in)) return false;
    }
    out_ += ']';
    return !in.bad;
  }

  bool special(const type& t, std::string_view bytes) {
    std::array<int64_t, 4> numbers{};
    std::array<std::string_view, 4> texts{};
    std::array<bool, 4> present{};
    wire::reader in(bytes);
    while (in.next()) {
      if (in.number > 3) continue;
      present[in.number] = true;
      if (in.what == wire::bytes)
        texts[in.number] = in.data;
      else
        numbers[in.number] = static_cast<int64_t>(in.value);
    }
    if (in.bad) return false;
    switch (t.what) {
    case form::quantity: out_.quoted(texts[1].empty() ? "0" : texts[1]); return true;
    case form::int_or_string:
      if (numbers[1] == 0)
        number(numbers[2]);
      else
        out_.quoted(texts[3]);
      return true;
    case form::time:
    case form::micro_time: {
      if (!present[1] && !present[2]) {
        out_ += "null";
        return true;
      }
      timestamp at{numbers[1], static_cast<int32_t>(numbers[2])};
      out_ += '"';
      if (t.what == form::time)
        out_.used(format_time(at.seconds, out_.room(time_text_max)));
      else
        out_ += format_micro_time(at);
      out_ += '"';
      return true;
    }
    case form::duration:
      out_.quoted(format_duration(std::chrono::nanoseconds{numbers[1]}));
      return true;
    case form::schema_or_bool:
      if (present[2]) return object(*t.by_number(2)->type, texts[2], false);
      out_ += numbers[1] ? "true" : "false";
      return true;
    case form::schema_or_array:
    case form::schema_or_strings:
      return present[1] ? object(*t.by_number(1)->type, texts[1], false)
                        : list(*t.by_number(2), bytes);
    default: return false;
    }
  }

private:
  sink& out_;
  const head& head_;
  bool outermost_ = false;
  bool version_pending_ = false; // the next members() are those of the object's own metadata
};

} // namespace

bool wire_to_json(const schema::type& type, std::string_view bytes, const head& head,
                  std::string& out) {
  // JSON is about twice as long as the bytes.
  sink to(out, bytes.size() * 2 + 256);
  return encoder(to, head).object(type, bytes, true);
}

bool value_to_json(const schema::type& type, const wire::reader& at, std::string& out) {
  sink to(out, at.data.size() + 32);
  return encoder(to, {}).value(type, at);
}

std::string_view empty_json(const property& p) {
  if (p.null) return "null";
  switch (p.what) {
  case form::list: return p.name == "items" ? "[]" : "null";
  case form::string:
  case form::bytes: return "\"\"";
  case form::boolean: return "false";
  case form::int32:
  case form::int64:
  case form::real:
  case form::int_or_string: return "0";
  case form::quantity: return "\"0\"";
  case form::duration: return "\"0s\"";
  case form::object: return "{}";
  default: return "null";
  }
}

bool custom_to_json(std::string_view bytes, const head& given, std::string& out) {
  std::string_view metadata, rest;
  auto head = given;
  wire::reader in(bytes);
  while (in.next()) {
    switch (in.number) {
    case k8s::base::Custom::kMetadataFieldNumber: metadata = in.data; break;
    case k8s::base::Custom::kApiVersionFieldNumber:
      if (head.api_version.empty()) head.api_version = in.data;
      break;
    case k8s::base::Custom::kKindFieldNumber:
      if (head.kind.empty()) head.kind = in.data;
      break;
    case k8s::base::Custom::kRestFieldNumber: rest = in.data; break;
    }
  }
  if (in.bad) return false;
  // Written as an object whose only field is its metadata; the rest is spliced in behind it.
  std::string only;
  wire::put_bytes(only, k8s::base::Custom::kMetadataFieldNumber, metadata);
  static const schema::type& shape = []() -> const schema::type& {
    static schema::type t;
    t.type_meta = true;
    auto& whole = schema::of<k8s::base::Custom>();
    t.properties = {*whole.by_number(k8s::base::Custom::kMetadataFieldNumber)};
    t.seal();
    return t;
  }();
  if (!wire_to_json(shape, only, head, out)) return false;
  auto inner = rest.find('{') == rest.npos ? std::string_view{} : rest.substr(rest.find('{') + 1);
  if (inner.find_first_not_of(" \t\r\n}") == inner.npos) return true;
  out.back() = ',';
  out += inner;
  return true;
}

std::string to_wire(const google::protobuf::Message& message) {
  // Protobuf's own ways to set the order of map entries count the bytes a second time.
  const auto size = message.ByteSizeLong();
  std::string out(size, '\0');
  auto* begin = reinterpret_cast<uint8_t*>(out.data());
  google::protobuf::io::EpsCopyOutputStream stream{begin, static_cast<int>(size), true};
  message._InternalSerialize(begin, &stream);
  return out;
}

std::string to_json(const google::protobuf::Message& message, const head& head) {
  std::string out;
  wire_to_json(schema::of(message.GetDescriptor()), to_wire(message), head, out);
  return out;
}

} // namespace troupe::codec
