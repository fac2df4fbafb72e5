// What may be called what: the checks behind names, labels, keys, ports and paths, in Kubernetes'
// words. Each returns what is wrong, nothing if all is well; a caller adds the field that it looked
// at.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::names {

/// What is wrong with a value, one sentence each; empty if nothing is.
using faults = std::vector<std::string>;

constexpr size_t label_max = 63;
constexpr size_t subdomain_max = 253;
constexpr size_t annotations_bytes_max = 256 * 1024;

/// "web-1": lower case, digits and dashes, at most 63 characters.
faults dns_label(std::string_view value);
/// "web-1.example.com": labels joined by dots, at most 253 characters.
faults dns_subdomain(std::string_view value);
/// "*.example.com".
faults wildcard_subdomain(std::string_view value);
/// As dns_label, but the first character is a letter: names of Services.
faults dns1035_label(std::string_view value);
/// At least two labels, a trailing dot allowed: "example.com".
faults domain_name(std::string_view value);
/// At least three labels: names of webhooks.
faults fully_qualified(std::string_view value);
/// "example.com/some/path".
faults domain_path(std::string_view value);

/// "app" or "example.com/app": keys of labels and annotations, finalizers, extended resources.
faults qualified(std::string_view value);
faults label_value(std::string_view value);
/// Keys of ConfigMaps and Secrets: they become file names.
faults config_key(std::string_view value);
/// Names of objects that are one segment of a URL, such as Roles.
faults path_segment(std::string_view value);
/// Anything printable in ASCII but '='.
faults env_name(std::string_view value);
faults c_identifier(std::string_view value);
faults http_header(std::string_view value);

faults port(int64_t value);
/// "http": at most 15 characters, with a letter, dashes only inside.
faults port_name(std::string_view value);
/// "25%".
faults percent(std::string_view value);
std::optional<int> percent_value(std::string_view value);
/// Ids of users and groups.
faults id(int64_t value);
/// 0 to 0777.
faults file_mode(int64_t value);

/// A path inside a volume: relative, and without "..".
faults relative_path(std::string_view value);
/// A path without "..", relative or not.
faults no_back_steps(std::string_view value);

faults ip(std::string_view value);
faults cidr(std::string_view value);

/// What a name must be when a random end is put behind `prefix`.
std::string with_generated_end(std::string_view prefix);

/// Whether `value` holds nothing but printable ASCII characters.
bool printable_ascii(std::string_view value);

} // namespace troupe::names
