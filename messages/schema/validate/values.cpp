// Values that many kinds share: int-or-string, ports, addresses that may stand behind a name.
#include "messages/schema/validate/rules.hpp"

#include "messages/base/address.hpp"

namespace troupe::schema::validate {

std::string go_list(const strings& list, std::string_view type) {
  std::string out;
  for (auto& x : list) out.append(out.empty() ? "\"" : ", \"").append(x).append("\"");
  return "[]" + std::string(type) + "{" + out + "}";
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
  if (auto faults = names::ip(text); !faults.empty()) return out.invalid(at, text, faults);
  auto ip = address::parse(text);
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
