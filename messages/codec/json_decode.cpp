#include "messages/codec/json_decode.hpp"

#include "messages/base/base64.hpp"
#include "messages/base/json_reader.hpp"
#include "messages/base/quantity.hpp"
#include "messages/base/time.hpp"
#include "messages/codec/sink.hpp"
#include "messages/codec/wire.hpp"
#include "messages/schema/closest.hpp"

#include <google/protobuf/message.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <unordered_set>
#include <utility>

namespace troupe::codec {

namespace {

using json::token;
using schema::form;
using schema::property;
using schema::type;
using wire::close;
using wire::open;
using wire::put_bytes;
using wire::put_double;
using wire::put_int;

const char* words(form f) {
  switch (f) {
  case form::object:
  case form::map: return "an object";
  case form::list:
  case form::wrapped_list: return "a list";
  case form::string: return "a string";
  case form::bytes: return "a string in base64";
  case form::boolean: return "true or false";
  case form::int32: return "a whole number of 32 bits";
  case form::int64: return "a whole number of 64 bits";
  case form::real: return "a number";
  case form::quantity: return "a quantity";
  case form::int_or_string: return "a whole number or a string";
  case form::time:
  case form::micro_time: return "a time in quotes";
  case form::duration: return "a duration in quotes";
  default: return "another value";
  }
}

const char* words(token t) {
  switch (t) {
  case token::object: return "an object";
  case token::array: return "a list";
  case token::string: return "a string";
  case token::number: return "a number";
  case token::boolean: return "true or false";
  case token::null: return "null";
  case token::none: return "nothing";
  }
  return "nothing";
}

/// Where the decoder is, as a chain on the stack; spelled out only when there is something to say.
struct place {
  const place* up;
  std::string_view name; // of a field or map entry
  size_t index = 0;      // of a list element, when the name is empty

  void spell(std::string& out) const {
    if (up) up->spell(out);
    if (name.empty()) {
      if (up) out.append("[").append(std::to_string(index)).append("]");
    } else {
      if (!out.empty()) out += '.';
      out += name;
    }
  }
  std::string path() const {
    std::string out;
    spell(out);
    return out;
  }
};

/// The keys of one map, as hashes: a false alarm is only a warning. Small maps cost no allocation.
class key_set {
public:
  /// False if the key is there already.
  bool add(std::string_view key) {
    auto hash = std::hash<std::string_view>{}(key);
    if (!many_.empty()) return many_.insert(hash).second;
    if (std::find(few_.begin(), few_.begin() + count_, hash) != few_.begin() + count_) return false;
    if (count_ < few_.size()) {
      few_[count_++] = hash;
      return true;
    }
    many_.insert(few_.begin(), few_.end());
    return many_.insert(hash).second;
  }

private:
  std::array<size_t, 16> few_;
  size_t count_ = 0;
  std::unordered_set<size_t> many_;
};

class decoder {
public:
  // The bytes are seldom longer than the text.
  decoder(std::string_view text, std::string& wire) : in_{text}, out_{wire, text.size() + 64} {}

  result<decoded> run(const type& t) {
    auto done = document(t);
    out_.finish();
    return done;
  }

private:
  result<decoded> document(const type& t) {
    place root{nullptr, {}, 0};
    bool ok = in_.peek() == token::object ? object(t, root, true) : mismatch(form::object, root);
    if (ok && !in_.failed() && !in_.at_end()) in_.fail("more text follows the end of the document");
    if (in_.failed()) return in_.failure();
    if (!ok) return std::move(failure_);
    return std::move(found_);
  }

  bool refuse(const place& at, std::string message) {
    auto path = at.path();
    failure_ = {errc::bad_request, path.empty() ? std::move(message) : path + ": " + message};
    return false;
  }

  bool mismatch(form wanted, const place& at) {
    auto next = in_.peek();
    if (in_.failed()) return false;
    return refuse(at, std::string(words(next)) + " stands where " + words(wanted) + " is needed");
  }

  void note(field_problem::kind what, const place& at, std::string hint) {
    if (found_.problems.size() < field_problems_max)
      found_.problems.push_back({what, at.path(), in_.offset(), std::move(hint)});
  }

  /// Removes what an earlier field of the same number wrote into the message that began at `start`.
  void forget(size_t start, uint32_t number) {
    std::string kept;
    wire::reader walk(out_.since(start));
    while (walk.next())
      if (walk.number != number) kept += walk.whole();
    out_.cut(start);
    out_ += kept;
  }

  bool object(const type& t, const place& here, bool outermost = false) {
    auto start = out_.size();
    std::array<uint64_t, 2> seen{}; // by field number; higher numbers are not tracked
    std::array<bool, 2> named{};    // whether apiVersion and kind have been there
    in_.enter_object();
    auto expected = &t.opening();
    for (;;) {
      auto hit = expected->load(std::memory_order_relaxed);
      if (!hit || !in_.next_key_is(hit->field->comma_key())) {
        std::string_view key;
        if (!in_.next_key(key)) break;
        hit = t.look_up(key);
        if (!hit) {
          if (!unknown(t, key, here, named, outermost)) return false;
          continue;
        }
        expected->store(hit, std::memory_order_relaxed);
      }
      expected = &hit->next;
      auto& p = *hit->field;
      place at{&here, p.name};
      if (!hit->via[0] && p.number < 128) {
        auto& word = seen[p.number / 64];
        auto bit = uint64_t{1} << p.number % 64;
        if (word & bit) {
          note(field_problem::kind::duplicate, at, {});
          forget(start, p.number);
        }
        word |= bit;
      }
      // Records of an inlined message merge when they are parsed, so each field may bring its own.
      size_t outer = 0, inner = 0;
      if (hit->via[0]) outer = open(out_, hit->via[0]->number);
      if (hit->via[1]) inner = open(out_, hit->via[1]->number);
      if (!field(p, at)) return false;
      if (hit->via[1]) close(out_, inner);
      if (hit->via[0]) close(out_, outer);
    }
    for (auto* p : t.wired_empty())
      if (!(seen[p->number / 64] >> p->number % 64 & 1)) zero(*p->type, p->number);
    return !in_.failed();
  }

  bool unknown(const type& t, std::string_view key, const place& here, std::array<bool, 2>& named,
               bool outermost) {
    bool meta = t.type_meta && (key == "kind" || key == "apiVersion");
    auto name = std::string(key);
    place at{&here, name};
    if (!meta) {
      note(field_problem::kind::unknown, at, schema::closest(name, t));
      in_.skip();
      return !in_.failed();
    }
    bool is_kind = name == "kind";
    if (std::exchange(named[is_kind], true)) note(field_problem::kind::duplicate, at, {});
    if (in_.peek() == token::null) {
      in_.read_null();
      return !in_.failed();
    }
    if (in_.peek() != token::string) return mismatch(form::string, at);
    auto text = in_.read_string();
    if (outermost) (is_kind ? found_.kind : found_.api_version) = text;
    return !in_.failed();
  }

  bool field(const property& p, const place& at) {
    auto next = in_.peek();
    if (next == token::null && p.what != form::raw) {
      in_.read_null();
      return !in_.failed();
    }
    switch (p.what) {
    case form::list: return list(p, at, next);
    case form::map: return map(p, at, next);
    default: break;
    }
    auto start = out_.size();
    if (!value(*p.type, p.number, at, next)) return false;
    if (p.drop_zero && wire::is_zero(out_.since(start))) out_.cut(start);
    return true;
  }

  bool list(const property& p, const place& at, token next) {
    if (next != token::array) return mismatch(form::list, at);
    in_.enter_array();
    auto& element = *p.value;
    for (size_t i = 0; in_.next_element(); ++i) {
      place here{&at, {}, i};
      auto what = in_.peek();
      if (what == token::null && element.what != form::raw) {
        in_.read_null(); // as Go reads it: an element with its zero value
        zero(element, p.number);
      } else if (!value(element, p.number, here, what)) {
        return false;
      }
    }
    return !in_.failed();
  }

  void zero(const type& t, uint32_t number) {
    switch (t.what) {
    case form::boolean:
    case form::int32:
    case form::int64: put_int(out_, number, 0); break;
    case form::real: put_double(out_, number, 0); break;
    default: put_bytes(out_, number, {});
    }
  }

  bool map(const property& p, const place& at, token next) {
    if (next != token::object) return mismatch(form::map, at);
    in_.enter_object();
    auto& element = *p.value;
    key_set keys;
    for (std::string_view key; in_.next_key(key);) {
      if (!keys.add(key)) {
        auto twice = std::string(key);
        note(field_problem::kind::duplicate, place{&at, twice}, {});
      }
      auto entry = open(out_, p.number);
      put_bytes(out_, 1, key);
      std::string copy; // of a key with escapes, which the next read overwrites
      if (!in_.owns(key)) key = copy = key;
      place here{&at, key};
      auto what = in_.peek();
      if (what == token::null) {
        in_.read_null();
        zero(element, 2);
      } else if (!value(element, 2, here, what)) {
        return false;
      }
      close(out_, entry);
    }
    return !in_.failed();
  }

  bool value(const type& t, uint32_t number, const place& at, token next) {
    switch (t.what) {
    case form::string:
      if (next != token::string) return mismatch(t.what, at);
      put_bytes(out_, number, in_.read_string());
      return !in_.failed();
    case form::boolean:
      if (next != token::boolean) return mismatch(t.what, at);
      put_int(out_, number, in_.read_boolean());
      return !in_.failed();
    case form::int32:
    case form::int64: return integer(t.what, number, at, next);
    case form::real: return real(number, at, next);
    case form::bytes: return bytes(number, at, next);
    case form::object: {
      if (next != token::object) return mismatch(t.what, at);
      auto start = open(out_, number);
      if (!object(t, at)) return false;
      close(out_, start);
      return true;
    }
    case form::raw: {
      auto start = open(out_, number);
      auto spaces = in_.spaces();
      auto text = in_.skip();
      if (in_.spaces() == spaces)
        put_bytes(out_, 1, text);
      else
        put_bytes(out_, 1, json::compact(text));
      close(out_, start);
      return !in_.failed();
    }
    case form::list:
    case form::map: return refuse(at, "lists of lists are not supported");
    default: {
      auto start = open(out_, number);
      if (!special(t, at, next)) return false;
      close(out_, start);
      return true;
    }
    }
  }

  bool read_integer(form wanted, const place& at, int64_t& out) {
    auto n = in_.read_number();
    auto last = n.text.data() + n.text.size();
    if (in_.failed()) return false;
    auto read = std::from_chars(n.text.data(), last, out);
    bool fits = n.integral && read.ec == std::errc{} && read.ptr == last;
    if (fits && wanted == form::int32)
      fits =
          out >= std::numeric_limits<int32_t>::min() && out <= std::numeric_limits<int32_t>::max();
    return fits || refuse(at, "number " + std::string(n.text.substr(0, 40)) + " stands where " +
                                  words(wanted) + " is needed");
  }

  bool integer(form wanted, uint32_t number, const place& at, token next) {
    int64_t v = 0;
    if (next != token::number) return mismatch(wanted, at);
    if (!read_integer(wanted, at, v)) return false;
    put_int(out_, number, v);
    return true;
  }

  bool real(uint32_t number, const place& at, token next) {
    if (next != token::number) return mismatch(form::real, at);
    auto n = in_.read_number();
    double v = 0;
    auto read = std::from_chars(n.text.data(), n.text.data() + n.text.size(), v);
    if (in_.failed()) return false;
    if (read.ec != std::errc{} || !std::isfinite(v)) return refuse(at, "the number is too large");
    put_double(out_, number, v);
    return true;
  }

  bool bytes(uint32_t number, const place& at, token next) {
    if (next != token::string) return mismatch(form::bytes, at);
    auto decoded = base64::decode(in_.read_string());
    if (in_.failed()) return false;
    if (!decoded) return refuse(at, "the string is not valid base64");
    put_bytes(out_, number, *decoded);
    return true;
  }

  /// The content of a message whose JSON is not an object with its fields.
  bool special(const type& t, const place& at, token next) {
    switch (t.what) {
    case form::quantity: return quantity(at, next);
    case form::int_or_string: return int_or_string(at, next);
    case form::time:
    case form::micro_time: return time(t.what, at, next);
    case form::duration: {
      if (next != token::string) return mismatch(t.what, at);
      auto parsed = parse_duration(in_.read_string());
      if (!parsed) return refuse(at, parsed.error().message);
      put_int(out_, 1, parsed->count());
      return true;
    }
    case form::wrapped_list: return list(t.properties[0], at, next);
    case form::schema_or_bool:
      if (next == token::boolean) {
        put_int(out_, 1, in_.read_boolean());
        return !in_.failed();
      }
      put_int(out_, 1, 1);
      return value(*t.by_number(2)->type, 2, at, next);
    case form::schema_or_array:
    case form::schema_or_strings:
      return next == token::array ? list(*t.by_number(2), at, next)
                                  : value(*t.by_number(1)->type, 1, at, next);
    default: return refuse(at, "this form is not known");
    }
  }

  bool quantity(const place& at, token next) {
    std::string_view text;
    if (next == token::string)
      text = in_.read_string();
    else if (next == token::number)
      text = in_.read_number().text;
    else
      return mismatch(form::quantity, at);
    if (in_.failed()) return false;
    auto parsed = troupe::quantity::parse(text);
    if (!parsed) return refuse(at, parsed.error().message);
    put_bytes(out_, 1, parsed->text());
    return true;
  }

  bool int_or_string(const place& at, token next) {
    int64_t number = 0;
    std::string_view text;
    if (next == token::number) {
      if (!read_integer(form::int32, at, number)) return false;
    } else if (next == token::string) {
      text = in_.read_string();
    } else {
      return mismatch(form::int_or_string, at);
    }
    put_int(out_, 1, next == token::string);
    put_int(out_, 2, number);
    put_bytes(out_, 3, text);
    return !in_.failed();
  }

  bool time(form what, const place& at, token next) {
    if (next != token::string) return mismatch(what, at);
    auto parsed = parse_time(in_.read_string());
    if (in_.failed()) return false;
    if (!parsed) return refuse(at, parsed.error().message);
    put_int(out_, 1, parsed->seconds);
    put_int(out_, 2, what == form::micro_time ? parsed->nanos / 1000 * 1000 : 0);
    return true;
  }

  json::reader in_;
  sink out_;
  decoded found_;
  error failure_;
};

} // namespace

std::string field_problem::message() const {
  return (what == kind::unknown ? "unknown field \"" : "duplicate field \"") + path + "\"";
}

result<decoded> json_to_wire(const schema::type& type, std::string_view text, std::string& wire) {
  return decoder(text, wire).run(type);
}

result<decoded> from_json(std::string_view text, google::protobuf::Message& message) {
  thread_local std::string wire;
  wire.clear();
  auto done = json_to_wire(schema::of(message.GetDescriptor()), text, wire);
  if (!done) return done;
  if (!message.ParseFromArray(wire.data(), static_cast<int>(wire.size())))
    return error{errc::bad_request, "the document does not fit " + message.GetDescriptor()->name()};
  constexpr size_t kept_max = 1 << 20;
  if (wire.capacity() > kept_max) std::string().swap(wire);
  return done;
}

result<decoded> peek_type(std::string_view text) {
  decoded found;
  json::reader in(text);
  in.enter_object();
  for (std::string_view key; in.next_key(key);) {
    auto wanted = key == "kind" ? &found.kind : key == "apiVersion" ? &found.api_version : nullptr;
    if (wanted && in.peek() == token::string)
      *wanted = in.read_string();
    else
      in.skip();
  }
  if (!in.failed() && !in.at_end()) in.fail("more text follows the end of the document");
  if (in.failed()) return in.failure();
  return found;
}

} // namespace troupe::codec
