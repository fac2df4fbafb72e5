#include "messages/patch/json_patch.hpp"

#include <charconv>

namespace troupe::patch {

namespace {

error malformed(std::string why) {
  return {errc::bad_request, "the JSON patch is malformed: " + why};
}
error inapplicable(std::string why) {
  return {errc::invalid, "the server rejected our request due to an error in our request: " + why};
}

/// A JSON pointer taken apart.
result<std::vector<std::string>> split(std::string_view pointer) {
  std::vector<std::string> parts;
  if (pointer.empty()) return parts;
  if (pointer[0] != '/')
    return malformed("the path \"" + std::string(pointer) + "\" does not begin with a slash");
  pointer.remove_prefix(1);
  for (;;) {
    auto slash = std::min(pointer.find('/'), pointer.size());
    std::string part;
    for (size_t i = 0; i < slash; ++i) {
      if (pointer[i] != '~')
        part += pointer[i];
      else if (i + 1 < slash && pointer[i + 1] == '0')
        part += '~', ++i;
      else if (i + 1 < slash && pointer[i + 1] == '1')
        part += '/', ++i;
      else
        return malformed("the path holds a ~ that escapes nothing");
    }
    parts.push_back(std::move(part));
    if (slash == pointer.size()) return parts;
    pointer.remove_prefix(slash + 1);
  }
}

/// An index into an array of `size` elements; `end` allows "-" and the place behind the last.
bool read_index(std::string_view text, size_t size, bool end, size_t& out) {
  if (end && text == "-") {
    out = size;
    return true;
  }
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return false;
  auto last = text.data() + text.size();
  if (text[0] == '-') { // counted from the end, as Kubernetes takes it
    auto read = std::from_chars(text.data() + 1, last, out);
    bool good = text.size() > 1 && read.ec == std::errc{} && read.ptr == last;
    if (!good || out == 0 || out > size) return false;
    out = size - out + (end ? 1 : 0);
    return true;
  }
  auto read = std::from_chars(text.data(), last, out);
  return read.ec == std::errc{} && read.ptr == last && (out < size || (end && out == size));
}

json::value* step(json::value& at, const std::string& part) {
  if (auto members = at.if_object()) return members->if_contains(part);
  size_t i = 0;
  auto elements = at.if_array();
  return elements && read_index(part, elements->size(), false, i) ? &(*elements)[i] : nullptr;
}

json::value* locate(json::value& root, const std::vector<std::string>& parts, size_t depth) {
  auto at = &root;
  for (size_t i = 0; i < depth && at; ++i) at = step(*at, parts[i]);
  return at;
}

result<void> add(json::value& root, const std::vector<std::string>& parts, json::value v,
                 bool replace, std::string_view pointer) {
  if (parts.empty()) {
    root = std::move(v);
    return {};
  }
  auto missing = [&] {
    return inapplicable("the path " + std::string(pointer) + " does not exist");
  };
  auto parent = locate(root, parts, parts.size() - 1);
  if (!parent) return missing();
  auto& last = parts.back();
  if (auto members = parent->if_object()) {
    if (replace && !members->contains(last)) return missing();
    (*members)[last] = std::move(v);
    return {};
  }
  auto elements = parent->if_array();
  size_t i = 0;
  if (!elements || !read_index(last, elements->size(), !replace, i)) return missing();
  if (replace)
    (*elements)[i] = std::move(v);
  else
    elements->insert(elements->begin() + static_cast<std::ptrdiff_t>(i), std::move(v));
  return {};
}

result<json::value> take(json::value& root, const std::vector<std::string>& parts,
                         std::string_view pointer) {
  auto parent = parts.empty() ? nullptr : locate(root, parts, parts.size() - 1);
  auto target = parent ? step(*parent, parts.back()) : nullptr;
  if (!target) return inapplicable("the path " + std::string(pointer) + " does not exist");
  auto taken = std::move(*target);
  if (auto members = parent->if_object())
    members->erase(parts.back());
  else
    parent->get_array().erase(parent->get_array().begin() + (target - parent->get_array().data()));
  return taken;
}

/// One operation at a time; knows how much has been copied.
class machine {
public:
  explicit machine(json::value& document) : document_{document} {}

  result<void> run(const json::value& operation) {
    auto members = operation.if_object();
    if (!members) return malformed("an operation is not an object");
    auto op = json::string_at(operation, {"op"});
    auto path_member = json::find(operation, "path");
    if (!path_member || !path_member->is_string()) return inapplicable("an operation has no path");
    auto pointer = std::string(path_member->get_string());
    auto path = split(pointer);
    if (!path) return path.error();
    auto value = members->if_contains("value");
    if (op == "remove") {
      auto taken = take(document_, *path, pointer);
      return taken ? result<void>{} : taken.error();
    }
    if (op == "add" || op == "replace" || op == "test") {
      auto given = value ? *value : json::value(nullptr); // none stands for null
      if (op == "test") return test(*path, given, pointer);
      return add(document_, *path, std::move(given), op == "replace", pointer);
    }
    if (op == "move" || op == "copy") {
      auto from_pointer = std::string(json::string_at(operation, {"from"}));
      if (!json::find(operation, "from")) return inapplicable(std::string(op) + " has no from");
      auto from = split(from_pointer);
      if (!from) return from.error();
      return op == "move" ? move(*from, *path, from_pointer, pointer)
                          : copy(*from, *path, from_pointer, pointer);
    }
    return inapplicable("\"" + std::string(op) + "\" is not an operation");
  }

private:
  result<void> test(const std::vector<std::string>& path, const json::value& wanted,
                    const std::string& pointer) {
    auto found = locate(document_, path, path.size());
    if ((found && *found == wanted) || (!found && wanted.is_null())) return {};
    return inapplicable("testing path " + pointer + " failed: the value there differs");
  }

  result<void> move(const std::vector<std::string>& from, const std::vector<std::string>& to,
                    const std::string& from_pointer, const std::string& pointer) {
    if (to.size() > from.size() && std::equal(from.begin(), from.end(), to.begin()))
      return inapplicable("a value cannot be moved into itself");
    auto taken = take(document_, from, from_pointer);
    return taken ? add(document_, to, std::move(*taken), false, pointer) : taken.error();
  }

  result<void> copy(const std::vector<std::string>& from, const std::vector<std::string>& to,
                    const std::string& from_pointer, const std::string& pointer) {
    auto found = locate(document_, from, from.size());
    if (!found) return inapplicable("the path " + from_pointer + " does not exist");
    copied_bytes_ += json::write(*found).size();
    if (copied_bytes_ > json_patch_copied_bytes_max)
      return error{errc::too_large,
                   "the copy operations of the JSON patch add up to more than 3 MiB"};
    return add(document_, to, json::value(*found), false, pointer);
  }

  json::value& document_;
  size_t copied_bytes_ = 0;
};

} // namespace

result<void> apply_json_patch(json::value& document, const json::value& operations) {
  auto all = operations.if_array();
  if (!all) return malformed("it is not a list of operations");
  if (all->size() > json_patch_operations_max)
    return error{errc::too_large, "Request entity is too large: The allowed maximum operations in "
                                  "a JSON patch is 10000, got " +
                                      std::to_string(all->size())};
  machine m(document);
  for (auto& operation : *all)
    if (auto done = m.run(operation); !done) return done;
  return {};
}

void apply_merge_patch(json::value& document, const json::value& patch) {
  auto changes = patch.if_object();
  if (!changes) {
    document = patch;
    return;
  }
  if (!document.is_object()) document = json::object{};
  auto& members = document.get_object();
  for (auto& [key, v] : *changes) {
    if (v.is_null())
      members.erase(key);
    else
      apply_merge_patch(members[key], v);
  }
}

} // namespace troupe::patch
