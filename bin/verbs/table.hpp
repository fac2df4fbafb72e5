// Tables as the server makes them, printed as kubectl prints them. Pure.
#pragma once

#include "bin/verbs/kinds.hpp"

#include <string>
#include <vector>

namespace troupe::verbs {

struct table_style {
  bool wide = false, headers = true, namespaces = false, labels = false, with_kind = false;
  bool coloured = false;
  std::vector<std::string> label_columns;
};

std::string table_text(const json::value& table, const kind_info& kind, const table_style& style);

/// Rows of a watch: the header once, columns that only grow.
class row_printer {
public:
  row_printer(const kind_info& kind, table_style style) : kind_{kind}, style_{std::move(style)} {}
  std::string print(const json::value& table);

private:
  const kind_info& kind_;
  table_style style_;
  json::value definitions_;
  std::vector<size_t> widths_;
};

} // namespace troupe::verbs
