// Values that many kinds share: int-or-string, ports, addresses that may stand behind a name.
#include "messages/schema/validate/rules.hpp"

#include "messages/base/address.hpp"
#include "messages/base/json.hpp"
#include "messages/codec/json_encode.hpp"
#include "messages/codec/wire.hpp"
#include "messages/schema/type.hpp"

#include <algorithm>
#include <map>

namespace troupe::schema::validate {

std::string json_of(const strings& list) {
  std::string out;
  for (auto& x : list) {
    out += out.empty() ? "[" : ",";
    json::write_string(out, x);
  }
  return out.empty() ? "null" : out + "]";
}

std::string json_of(const texts& map) {
  std::map<std::string_view, std::string_view> sorted(map.begin(), map.end());
  std::string out;
  for (auto& [key, value] : sorted) {
    out += out.empty() ? "{" : ",";
    json::write_string(out, key);
    out += ":";
    json::write_string(out, value);
  }
  return out.empty() ? "null" : out + "}";
}

std::string json_of(const Message& message) {
  // As the value of a field, because there a time is a string.
  std::string field, out;
  codec::wire::put_bytes(field, 1, codec::to_wire(message));
  codec::wire::reader at(field);
  at.next();
  codec::value_to_json(schema::of(message.GetDescriptor()), at, out);
  return out;
}

bool has_star(report& out, const path& at, const strings& list, std::string_view others) {
  if (std::find(list.begin(), list.end(), "*") == list.end()) return false;
  if (list.size() > 1)
    out.invalid(at, shown::plain(json_of(list)),
                "if '*' is present, must not specify other " + std::string(others));
  return true;
}

using k8s::base::IntOrString;

bool is_text(const IntOrString& v) { return v.type() == 1; }

std::string text_of(const IntOrString& v) {
  return is_text(v) ? v.str_val() : std::to_string(v.int_val());
}

bool is_zero(const IntOrString& v) {
  return is_text(v) ? names::percent_value(v.str_val()).value_or(1) == 0 : v.int_val() == 0;
}

void percent_or_count(report& out, const path& at, const IntOrString& v, bool whole) {
  if (!is_text(v)) {
    out.not_negative(at, v.int_val());
    return;
  }
  auto percent = names::percent_value(v.str_val());
  if (!percent)
    out.invalid(at, v.str_val(), names::percent(v.str_val()));
  else if (whole && *percent > 100)
    out.invalid(at, v.str_val(), "must not be greater than 100%");
}

void port_or_name(report& out, const path& at, const IntOrString& v) {
  if (is_text(v))
    out.invalid(at, v.str_val(), names::port_name(v.str_val()));
  else
    out.invalid(at, v.int_val(), names::port(v.int_val()));
}

void reachable_ip(report& out, const path& at, std::string_view text) {
  out.ip(at, text);
  auto ip = address::parse(text);
  if (!ip) return;
  if (ip->unspecified())
    out.invalid(at, text, "may not be unspecified (" + std::string(text) + ")");
  if (ip->loopback())
    out.invalid(at, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)");
  if (ip->link_local())
    out.invalid(at, text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
  if (ip->link_local_multicast())
    out.invalid(at, text, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
}

} // namespace troupe::schema::validate
