#include "actors/node/images/reference.hpp"

#include <algorithm>

namespace troupe::node {

namespace {

constexpr size_t name_max = 255, tag_max = 128;

bool lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool letter_or_digit(char c) { return lower_or_digit(c) || (c >= 'A' && c <= 'Z'); }

/// One part between slashes: letters and digits, with single separators (., _, __, -...) inside.
bool good_component(std::string_view part) {
  if (part.empty() || !lower_or_digit(part.front()) || !lower_or_digit(part.back())) return false;
  for (size_t i = 0; i < part.size(); ++i) {
    if (lower_or_digit(part[i]) || part[i] == '-') continue;
    if (part[i] != '.' && part[i] != '_') return false;
    bool twice = part[i + 1] == '_' && part[i] == '_';
    if (!lower_or_digit(part[i + 1 + twice])) return false;
    i += twice;
  }
  return true;
}

bool good_host(std::string_view host) {
  return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return letter_or_digit(c) || c == '.' || c == '-' || c == ':' || c == '[' || c == ']';
  });
}

bool good_tag(std::string_view tag) {
  return !tag.empty() && tag.size() <= tag_max && tag[0] != '.' && tag[0] != '-' &&
         std::all_of(tag.begin(), tag.end(),
                     [](char c) { return letter_or_digit(c) || c == '.' || c == '-' || c == '_'; });
}

bool good_digest(std::string_view digest) {
  return digest.size() == 71 && digest.starts_with("sha256:") &&
         std::all_of(digest.begin() + 7, digest.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

} // namespace

std::string image_reference::text() const {
  auto out = name();
  if (!tag.empty()) out += ":" + tag;
  if (!digest.empty()) out += "@" + digest;
  return out;
}

result<image_reference> parse_reference(std::string_view text) {
  auto bad = [&](const char* why) {
    return error{errc::bad_request, "couldn't parse image name \"" + std::string(text) +
                                        "\": invalid reference format: " + why};
  };
  image_reference out;
  auto rest = text;
  if (auto at = rest.find('@'); at != rest.npos) {
    out.digest = rest.substr(at + 1);
    if (!good_digest(out.digest)) return bad("the digest is not sha256:<64 hex digits>");
    rest = rest.substr(0, at);
  }
  auto slash = rest.rfind('/');
  if (auto colon = rest.rfind(':'); colon != rest.npos && (slash == rest.npos || colon > slash)) {
    out.tag = rest.substr(colon + 1);
    if (!good_tag(out.tag)) return bad("the tag has characters that no tag has");
    rest = rest.substr(0, colon);
  }
  auto first = rest.substr(0, rest.find('/'));
  bool has_host = first.size() < rest.size() &&
                  (first.find_first_of(".:[") != first.npos || first == "localhost");
  if (has_host) {
    if (!good_host(first)) return bad("the registry is no host");
    out.registry = first;
    rest = rest.substr(first.size() + 1);
  } else {
    out.registry = "docker.io";
  }
  if (out.registry == "index.docker.io") out.registry = "docker.io";
  out.repository = rest;
  if (out.repository.empty() || out.name().size() > name_max)
    return bad("the name is empty or too long");
  if (out.registry == "docker.io" && out.repository.find('/') == out.repository.npos)
    out.repository = "library/" + out.repository;
  for (std::string_view left = out.repository; !left.empty() || left.data() == nullptr;) {
    auto end = std::min(left.find('/'), left.size());
    if (!good_component(left.substr(0, end)))
      return bad("a name is made of lower case letters, digits and single separators");
    if (end == left.size()) break;
    left = left.substr(end + 1);
    if (left.empty()) return bad("it ends with a slash");
  }
  if (out.tag.empty() && out.digest.empty()) out.tag = "latest";
  return out;
}

std::string default_pull_policy(const image_reference& of) {
  return of.tag == "latest" && of.digest.empty() ? "Always" : "IfNotPresent";
}

} // namespace troupe::node
