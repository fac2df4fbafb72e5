#include "bin/verbs/table.hpp"

#include "bin/verbs/output.hpp"

#include <algorithm>

namespace troupe::verbs {

namespace {

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), ::toupper);
  return out;
}

std::string labels_of(const json::value& object) {
  std::string out;
  if (auto labels = json::find(object, {"metadata", "labels"}); labels && labels->is_object())
    for (auto& [key, v] : labels->get_object())
      out += (out.empty() ? "" : ",") + std::string(key) + "=" + cell_text(v);
  return out.empty() ? "<none>" : out;
}

using rows = std::vector<std::vector<std::string>>;

/// The cells of a table, its header first; `definitions` are its columns.
rows rows_of(const json::value& table, const json::value& definitions, const kind_info& kind,
             const table_style& style) {
  rows out;
  std::vector<size_t> shown;
  std::vector<std::string> header;
  if (style.namespaces) header.push_back("NAMESPACE");
  if (definitions.is_array())
    for (size_t i = 0; i < definitions.get_array().size(); ++i) {
      auto& column = definitions.get_array()[i];
      auto priority = json::find(column, "priority");
      bool hidden = priority && priority->is_number() && priority->to_number<int>() > 0;
      if (hidden && !style.wide) continue;
      shown.push_back(i);
      header.push_back(upper(json::string_at(column, {"name"})));
    }
  for (auto& key : style.label_columns)
    header.push_back(upper(key.substr(key.find('/') == key.npos ? 0 : key.find('/') + 1)));
  if (style.labels) header.push_back("LABELS");
  out.push_back(std::move(header));
  auto list = json::find(table, "rows");
  if (!list || !list->is_array()) return out;
  static const json::value nothing;
  for (auto& row : list->get_array()) {
    std::vector<std::string> cells;
    auto object = json::find(row, "object");
    if (!object) object = &nothing;
    if (style.namespaces) cells.emplace_back(json::string_at(*object, {"metadata", "namespace"}));
    auto values = json::find(row, "cells");
    for (auto i : shown) {
      auto text = values && values->is_array() && i < values->get_array().size()
                      ? cell_text(values->get_array()[i])
                      : std::string{};
      if (i == 0 && style.with_kind) text.insert(0, kind.told() + "/");
      auto line = text.find('\n');
      if (line != text.npos) text.resize(line);
      cells.push_back(std::move(text));
    }
    for (auto& key : style.label_columns) {
      auto labels = json::find(*object, {"metadata", "labels"});
      auto value = labels ? json::find(*labels, key) : nullptr;
      cells.push_back(value ? cell_text(*value) : "");
    }
    if (style.labels) cells.push_back(labels_of(*object));
    out.push_back(std::move(cells));
  }
  return out;
}

std::string_view colour_of(std::string_view cell) {
  constexpr std::string_view good[] = {"Running",   "Ready",     "Active",  "Bound",
                                       "Succeeded", "Completed", "Complete"};
  constexpr std::string_view bad[] = {
      "Error",        "Failed",   "CrashLoopBackOff", "ImagePullBackOff",
      "ErrImagePull", "NotReady", "OOMKilled",        "Evicted",
      "Lost"};
  constexpr std::string_view waiting[] = {"Pending", "ContainerCreating", "Terminating", "Unknown",
                                          "Released"};
  auto is_in = [&](auto& list) {
    return std::find(std::begin(list), std::end(list), cell) != std::end(list);
  };
  if (is_in(good)) return "32";
  if (is_in(bad)) return "31";
  if (is_in(waiting)) return "33";
  return {};
}

std::string lines(const rows& all, std::vector<size_t>& widths, bool coloured, bool headers) {
  for (auto& r : all) {
    widths.resize(std::max(widths.size(), r.size()));
    for (size_t i = 0; i < r.size(); ++i) widths[i] = std::max(widths[i], r[i].size());
  }
  std::string out;
  for (size_t n = headers ? 0 : 1; n < all.size(); ++n) {
    auto& r = all[n];
    for (size_t i = 0; i < r.size(); ++i) {
      auto colour = coloured && n > 0 ? colour_of(r[i]) : std::string_view{};
      if (!colour.empty()) out += "\x1b[" + std::string(colour) + "m";
      out += r[i];
      if (!colour.empty()) out += "\x1b[0m";
      if (i + 1 < r.size()) out.append(widths[i] - r[i].size() + 3, ' ');
    }
    out += '\n';
  }
  return out;
}

} // namespace

std::string table_text(const json::value& table, const kind_info& kind, const table_style& style) {
  auto definitions = json::find(table, "columnDefinitions");
  static const json::value none;
  std::vector<size_t> widths;
  return lines(rows_of(table, definitions ? *definitions : none, kind, style), widths,
               style.coloured, style.headers);
}

std::string row_printer::print(const json::value& table) {
  auto definitions = json::find(table, "columnDefinitions");
  bool first = definitions_.is_null();
  if (definitions && definitions->is_array() && !definitions->get_array().empty())
    definitions_ = *definitions;
  return lines(rows_of(table, definitions_, kind_, style_), widths_, style_.coloured,
               style_.headers && first);
}

} // namespace troupe::verbs
