// JSON as a tree, for what works on documents rather than on typed objects: patches, apply, custom
// resources. The tree is Boost.JSON's; reading and writing are ours, because Boost's reader drops
// duplicate keys silently and lets 1e400 become infinity, and its writer prints 1.0 as 1E0.
#pragma once

#include "messages/base/error.hpp"

#include <boost/json/value.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::json {

using boost::json::array;
using boost::json::object;
using boost::json::value;

/// Reads one document. Of duplicate keys the last wins; `on_duplicate` hears the path of each.
result<value> parse(std::string_view text,
                    const std::function<void(const std::string& path)>& on_duplicate = {});

/// Appends `v` as compact JSON.
void write(std::string& out, const value& v);
void write(std::string& out, const object& v);
std::string write(const value& v);
/// Appends `text` in quotes, escaped as JSON requires and no further.
void write_string(std::string& out, std::string_view text);
/// Appends a finite number as Go and JavaScript print it: shortest form that reads back the same.
void write_number(std::string& out, double number);

/// Valid JSON without the white space between its tokens.
std::string compact(std::string_view text);
/// Compact JSON with line breaks and indents put in.
std::string indent(std::string_view compact, int width = 2);

/// The member `key` of an object value, or null.
const value* find(const value& v, std::string_view key);
/// The value behind a chain of keys, or null.
const value* find(const value& v, std::initializer_list<std::string_view> keys);
/// The string at `keys`, empty if there is none.
std::string_view string_at(const value& v, std::initializer_list<std::string_view> keys);

} // namespace troupe::json
