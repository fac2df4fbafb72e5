#include "net/dns/message.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace troupe::dns {

namespace {

constexpr size_t head_bytes = 12;
constexpr uint16_t flag_response = 0x8000, flag_authoritative = 0x0400, flag_truncated = 0x0200,
                   flag_recursion_desired = 0x0100, flag_recursion_available = 0x0080,
                   opcode_mask = 0x7800, class_in = 1;
constexpr size_t opt_bytes = 11;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

uint16_t get16(std::string_view from, size_t at) {
  return static_cast<uint16_t>(static_cast<uint8_t>(from[at]) << 8 |
                               static_cast<uint8_t>(from[at + 1]));
}

void put16(std::string& out, size_t value) {
  out.push_back(static_cast<char>(value >> 8));
  out.push_back(static_cast<char>(value));
}

void put32(std::string& out, uint32_t value) {
  put16(out, value >> 16);
  put16(out, value & 0xffff);
}

/// A head and nothing else, for queries that cannot be answered.
not_a_query refusal(std::string_view bytes, code why) {
  not_a_query out;
  put16(out.answer, get16(bytes, 0));
  const auto kept = get16(bytes, 2) & (opcode_mask | flag_recursion_desired);
  put16(out.answer, static_cast<size_t>(flag_response | kept | static_cast<uint8_t>(why)));
  out.answer.append(8, '\0');
  return out;
}

/// Reads the name of a question at `at` and moves behind it. Nothing has come before it, so a
/// pointer there could only lead into itself or the head: pointers are refused.
std::optional<std::string> take_name(std::string_view bytes, size_t& at) {
  std::string out;
  size_t wire = 1;
  for (;;) {
    if (at >= bytes.size()) return {};
    const size_t size = static_cast<uint8_t>(bytes[at++]);
    if (size == 0) return out;
    wire += size + 1;
    if (size > label_bytes_max || wire > name_bytes_max || at + size > bytes.size()) return {};
    const auto label = bytes.substr(at, size);
    // A dot or a NUL inside a label would make it another name in text.
    if (label.find_first_of(std::string_view{".\0", 2}) != label.npos) return {};
    if (!out.empty()) out += '.';
    out += label;
    at += size;
  }
}

/// Walks over one record of the additional section; notes EDNS.
bool take_additional(std::string_view bytes, size_t& at, query& out, bool& bad_version) {
  // An OPT record has the root as its name; any other record is walked over by its lengths.
  while (at < bytes.size() && bytes[at] != 0) {
    const size_t size = static_cast<uint8_t>(bytes[at]);
    if ((size & 0xc0) == 0xc0) {
      ++at;
      break;
    }
    if (size > label_bytes_max) return false;
    at += size + 1;
  }
  ++at;
  if (at + 10 > bytes.size()) return false;
  const auto kind = get16(bytes, at);
  const auto data = get16(bytes, at + 8);
  if (at + 10 + data > bytes.size()) return false;
  if (kind == static_cast<uint16_t>(type::opt)) {
    if (out.edns) return false; // only one may come
    out.edns = true;
    const size_t size = get16(bytes, at + 2);
    out.udp_bytes = std::min(std::max(size, udp_bytes_plain), udp_bytes_max);
    bad_version = bytes[at + 5] != 0;
  }
  at += 10u + data;
  return true;
}

/// Puts a message together, each name's suffixes only once.
class writer {
public:
  explicit writer(size_t bytes_max) : max_{bytes_max} {}

  void name(const dns::name& text, std::string_view as_sent = {}) {
    const std::string_view shown = as_sent.empty() ? std::string_view{text} : as_sent;
    size_t at = 0;
    while (at < text.size()) {
      const auto suffix = text.substr(at);
      if (const auto known = seen_.find(suffix); known != seen_.end())
        return put16(out, 0xc000u | known->second);
      if (out.size() < 0x4000) seen_.emplace(suffix, out.size());
      const auto dot = text.find('.', at);
      const auto size = (dot == text.npos ? text.size() : dot) - at;
      out.push_back(static_cast<char>(size));
      out.append(shown.substr(at, size));
      at += size + 1;
    }
    out.push_back('\0');
  }

  /// Appends the record if it fits; else leaves everything as it was.
  bool add(const record& what, size_t reserved) {
    const auto before = out.size();
    const auto names = seen_;
    put(what);
    if (out.size() + reserved <= max_) return true;
    out.resize(before);
    seen_ = names;
    return false;
  }

  std::string out;

private:
  void head(const record& what, type kind) {
    name(what.name);
    put16(out, static_cast<uint16_t>(kind));
    put16(out, class_in);
    put32(out, what.ttl_seconds);
    put16(out, 0);
  }

  void put(const record& what) {
    struct {
      writer& w;
      const record& r;
      void operator()(const record::a& d) {
        w.head(r, type::a);
        w.out.append(d.address.begin(), d.address.end());
      }
      void operator()(const record::aaaa& d) {
        w.head(r, type::aaaa);
        w.out.append(d.address.begin(), d.address.end());
      }
      void operator()(const srv& d) {
        w.head(r, type::srv);
        put16(w.out, d.priority);
        put16(w.out, d.weight);
        put16(w.out, d.port);
        w.plain_name(d.target); // RFC 2782 forbids compression here
      }
      void operator()(const soa& d) {
        w.head(r, type::soa);
        w.name(d.server);
        w.name(d.mailbox);
        for (const auto number : {d.serial, d.refresh, d.retry, d.expire, d.minimum})
          put32(w.out, number);
      }
      void operator()(const record::name_data& d) {
        w.head(r, d.kind);
        w.name(d.target);
      }
      void operator()(const record::txt& d) {
        w.head(r, type::txt);
        for (size_t at = 0; at == 0 || at < d.text.size(); at += 255) {
          const auto piece = std::string_view{d.text}.substr(at, 255);
          w.out.push_back(static_cast<char>(piece.size()));
          w.out.append(piece);
        }
      }
    } visitor{*this, what};
    const auto start = out.size();
    std::visit(visitor, what.data);
    set_length(start);
  }

  void plain_name(const dns::name& text) {
    const auto names = std::exchange(seen_, {});
    name(text);
    seen_ = names;
  }

  /// Fills in how long the data is of the record that begins at `start`.
  void set_length(size_t start) {
    auto at = start;
    while (static_cast<uint8_t>(out[at]) != 0 && (static_cast<uint8_t>(out[at]) & 0xc0) != 0xc0)
      at += static_cast<uint8_t>(out[at]) + 1u;
    at += (static_cast<uint8_t>(out[at]) & 0xc0) == 0xc0 ? 2 : 1;
    at += 8;
    const auto size = out.size() - at - 2;
    out[at] = static_cast<char>(size >> 8);
    out[at + 1] = static_cast<char>(size);
  }

  size_t max_;
  std::map<std::string, size_t> seen_;
};

} // namespace

std::variant<query, not_a_query> read_query(std::string_view bytes) {
  if (bytes.size() < head_bytes) return not_a_query{};
  const auto flags = get16(bytes, 2);
  if (flags & flag_response) return not_a_query{}; // answering answers could go on for ever
  if (bytes.size() > query_bytes_max) return refusal(bytes, code::format_error);
  if (flags & opcode_mask) return refusal(bytes, code::not_implemented);
  const auto questions = get16(bytes, 4), answers = get16(bytes, 6), authority = get16(bytes, 8),
             additional = get16(bytes, 10);
  if (questions != 1 || answers != 0 || authority != 0 || additional > 2)
    return refusal(bytes, code::format_error);
  query out;
  out.id = get16(bytes, 0);
  out.recursion_desired = flags & flag_recursion_desired;
  size_t at = head_bytes;
  const auto name = take_name(bytes, at);
  if (!name || at + 4 > bytes.size()) return refusal(bytes, code::format_error);
  out.name_as_sent = *name;
  for (const char c : *name) out.asked.name += lower(c);
  out.asked.kind = static_cast<type>(get16(bytes, at));
  if (get16(bytes, at + 2) != class_in) return refusal(bytes, code::refused);
  // ANY asks for everything at once; only those who amplify attacks miss it (RFC 8482).
  if (out.asked.kind == type::any) return refusal(bytes, code::refused);
  at += 4;
  bool bad_version = false;
  for (int i = 0; i < additional; ++i)
    if (!take_additional(bytes, at, out, bad_version)) return refusal(bytes, code::format_error);
  if (at != bytes.size()) return refusal(bytes, code::format_error);
  if (bad_version) {
    // BADVERS has its upper bits in an OPT record, and that is what tells the client our version.
    answer none;
    none.code = code::bad_version;
    return not_a_query{write_answer(out, none, udp_bytes_plain)};
  }
  return out;
}

std::string write_answer(const query& to, const answer& what, size_t bytes_max) {
  writer w{std::min(bytes_max, message_bytes_max)};
  const auto reserved = to.edns ? opt_bytes : 0;
  w.out.append(head_bytes, '\0');
  w.name(to.asked.name, to.name_as_sent);
  put16(w.out, static_cast<uint16_t>(to.asked.kind));
  put16(w.out, class_in);
  bool truncated = false;
  size_t counts[3] = {};
  const std::vector<record>* sections[] = {&what.answers, &what.authority, &what.additional};
  for (int section = 0; section < 3 && !truncated; ++section)
    for (const auto& each : *sections[section]) {
      if (w.add(each, reserved)) {
        ++counts[section];
        continue;
      }
      truncated = section < 2; // additional records are a courtesy
      break;
    }
  const auto number = static_cast<uint8_t>(what.code);
  if (to.edns) {
    w.out.push_back('\0');
    put16(w.out, static_cast<uint16_t>(type::opt));
    put16(w.out, udp_bytes_max);
    put32(w.out, static_cast<uint32_t>(number >> 4) << 24);
    put16(w.out, 0);
  }
  std::string head;
  put16(head, to.id);
  put16(head, static_cast<size_t>(flag_response | (what.authoritative ? flag_authoritative : 0) |
                                  (truncated ? flag_truncated : 0) |
                                  (to.recursion_desired ? flag_recursion_desired : 0) |
                                  (what.recursion_available ? flag_recursion_available : 0) |
                                  (number & 15)));
  put16(head, 1);
  for (const auto count : counts) put16(head, count);
  head[11] = static_cast<char>(head[11] + (to.edns ? 1 : 0));
  w.out.replace(0, head_bytes, head);
  return std::move(w.out);
}

std::optional<name> read_name(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.size() + 2 > name_bytes_max) return {};
  name out;
  size_t label = 0;
  for (const char c : text) {
    if (c == '\0' || (c == '.' && label == 0)) return {};
    label = c == '.' ? 0 : label + 1;
    if (label > label_bytes_max) return {};
    out += lower(c);
  }
  if (!text.empty() && label == 0) return {};
  return out;
}

} // namespace troupe::dns
