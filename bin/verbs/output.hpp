// How verbs show objects: columns, JSON, YAML, names, JSONPath templates, columns of one's own.
#pragma once

#include "bin/verbs/kinds.hpp"

#include <functional>
#include <string>
#include <vector>

namespace troupe::verbs {

/// Rows in columns as wide as their widest cell, three blanks between.
class columns {
public:
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  size_t size() const { return rows_.size(); }
  std::string text() const;

private:
  std::vector<std::vector<std::string>> rows_;
};

/// What -o asks for.
class output_form {
public:
  enum class how { table, wide, name, json, yaml, json_path, custom_columns };
  static result<output_form> read(const arguments& given);

  how what = how::table;
  std::string expression; ///< of json_path and custom_columns
  bool is_table() const { return what == how::table || what == how::wide; }
};

/// Prints one document in that form (not a table).
result<void> show(session& s, const output_form& form, const json::value& document,
                  bool with_headers = true);

/// kubectl's templates: text, {.path}, {range .items[*]}...{end}, {"\n"}.
result<std::string> fill_template(std::string_view text, const json::value& with);

/// A cell as text: strings as they are, other values as JSON.
std::string cell_text(const json::value& v);
std::string yaml_of(const json::value& v);
/// Without the field that nobody reads.
void drop_managed_fields(json::value& v);

/// The flag -o, for verbs that change objects.
inline constexpr flag output_flag{"output", 'o', "FORM", "json, yaml, name, jsonpath=TEMPLATE"};
/// "pod/web created", or the object in the form that -o asks for.
int told(session& s, const arguments& given, const target& what, std::string_view done_what,
         std::string_view body);

} // namespace troupe::verbs
