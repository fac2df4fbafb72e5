#include "actors/node/log_lines.hpp"

namespace troupe::node {

std::optional<log_record> parse_log_line(std::string_view line) {
  log_record out;
  auto a = line.find(' ');
  auto b = a == line.npos ? a : line.find(' ', a + 1);
  if (b == line.npos || b + 2 > line.size()) return std::nullopt;
  out.time = line.substr(0, a);
  out.stream = line.substr(a + 1, b - a - 1);
  auto tag = line[b + 1];
  if ((tag != 'F' && tag != 'P') || (out.stream != "stdout" && out.stream != "stderr"))
    return std::nullopt;
  out.whole = tag == 'F';
  out.text = b + 3 <= line.size() ? line.substr(b + 3) : std::string_view{};
  return out;
}

bool log_filter::show(std::string_view line, std::string& out) {
  auto r = parse_log_line(line);
  if (!r) return true; // the daemon of a machine that lost power may leave half a line
  if (asked_.stream == "Stdout" && r->stream != "stdout") return true;
  if (asked_.stream == "Stderr" && r->stream != "stderr") return true;
  if (asked_.since) {
    auto at = parse_time(r->time);
    if (at && *at < *asked_.since) return true;
  }
  std::string shown;
  if (asked_.timestamps && !in_line_) shown.append(r->time).append(" ");
  shown.append(r->text);
  if (r->whole) shown += '\n';
  in_line_ = !r->whole;
  if (asked_.limit_bytes && given_ + static_cast<int64_t>(shown.size()) >= *asked_.limit_bytes) {
    out.append(shown, 0, static_cast<size_t>(*asked_.limit_bytes - given_));
    return false;
  }
  given_ += static_cast<int64_t>(shown.size());
  out += shown;
  return true;
}

bool log_filter::feed(std::string_view raw, std::string& out) {
  if (!rest_.empty()) {
    auto end = raw.find('\n');
    if (end == raw.npos) {
      rest_.append(raw);
      return true;
    }
    rest_.append(raw.substr(0, end));
    raw.remove_prefix(end + 1);
    auto line = std::exchange(rest_, {});
    if (!show(line, out)) return false;
  }
  while (!raw.empty()) {
    auto end = raw.find('\n');
    if (end == raw.npos) {
      rest_ = raw;
      return true;
    }
    if (!show(raw.substr(0, end), out)) return false;
    raw.remove_prefix(end + 1);
  }
  return true;
}

std::optional<size_t> tail_begin(std::string_view raw, int64_t& lines) {
  size_t at = raw.size();
  while (at > 0) {
    // A line begins behind the line break before it; the file's own end is none.
    auto before = at < 2 ? raw.npos : raw.rfind('\n', at - 2);
    auto begin = before == raw.npos ? 0 : before + 1;
    auto record = parse_log_line(raw.substr(begin, at - begin - (raw[at - 1] == '\n')));
    // Parts belong to the line that they begin.
    if (record && record->whole && lines-- == 0) return at;
    at = begin;
  }
  return std::nullopt;
}

} // namespace troupe::node
