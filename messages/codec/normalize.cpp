#include "messages/codec/normalize.hpp"

#include "messages/base/quantity.hpp"
#include "messages/codec/wire.hpp"

namespace troupe::codec {

namespace {

using schema::form;
using schema::type;

constexpr int depth_max = 100;

error malformed() { return {errc::bad_request, "the protobuf body is malformed"}; }

result<void> walk(const type& t, std::string_view bytes, std::string& out, int depth);

/// Times that JSON could not say are none: of the years 0 to 9999, with a part of a second.
result<void> check_time(std::string_view bytes) {
  constexpr int64_t seconds_min = -62'167'219'200, seconds_max = 253'402'300'799;
  wire::reader in(bytes);
  while (in.next()) {
    auto value = static_cast<int64_t>(in.value);
    if (in.what == wire::bytes ||
        (in.number == 1 && (value < seconds_min || value > seconds_max)) ||
        (in.number == 2 && (value < 0 || value > 999'999'999)))
      return error{errc::bad_request, "the protobuf body has a time beyond the years 0 to 9999"};
  }
  return in.bad ? result<void>(malformed()) : result<void>{};
}

/// One message value: a quantity is rewritten, an object walked, all else kept.
result<void> value(const type& t, std::string_view bytes, std::string& out, int depth) {
  if (t.what == form::object) return walk(t, bytes, out, depth + 1);
  if (t.what == form::time || t.what == form::micro_time)
    if (auto ok = check_time(bytes); !ok) return ok;
  if (t.what != form::quantity) {
    out += bytes;
    return {};
  }
  wire::reader in(bytes);
  std::string_view text;
  while (in.next())
    if (in.number == 1) text = in.data;
  if (in.bad) return malformed();
  auto parsed = quantity::parse(text.empty() ? "0" : text);
  if (!parsed) return parsed.error();
  wire::put_bytes(out, 1, parsed->text());
  return {};
}

result<void> map_entry(const type& element, std::string_view bytes, std::string& out, int depth) {
  wire::reader in(bytes);
  while (in.next()) {
    if (in.number != 2 || in.what != wire::bytes) {
      out += in.whole();
      continue;
    }
    auto start = wire::open(out, 2);
    if (auto done = value(element, in.data, out, depth); !done) return done;
    wire::close(out, start);
  }
  return in.bad ? result<void>(malformed()) : result<void>{};
}

result<void> walk(const type& t, std::string_view bytes, std::string& out, int depth) {
  if (depth > depth_max) return malformed();
  wire::reader in(bytes);
  while (in.next()) {
    auto p = t.by_number(in.number);
    if (!p || in.what != wire::bytes) {
      if (!p || !p->drop_zero || in.value != 0) out += in.whole();
      continue;
    }
    auto what = p->what;
    auto& inner = *p->value;
    bool deep = inner.what == form::object || inner.what == form::quantity ||
                inner.what == form::time || inner.what == form::micro_time;
    if (!deep) {
      if (!p->drop_zero || !in.data.empty()) out += in.whole();
      continue;
    }
    auto begin = out.size();
    auto start = wire::open(out, in.number);
    auto done = what == form::map ? map_entry(inner, in.data, out, depth)
                                  : value(inner, in.data, out, depth);
    if (!done) return done;
    if (p->drop_zero && out.size() == start)
      out.resize(begin);
    else
      wire::close(out, start);
  }
  return in.bad ? result<void>(malformed()) : result<void>{};
}

} // namespace

result<void> normalize(const type& t, std::string_view bytes, std::string& out) {
  return walk(t, bytes, out, 0);
}

} // namespace troupe::codec
