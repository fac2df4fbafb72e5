#include "messages/patch/differing.hpp"

#include "messages/codec/json_encode.hpp"
#include "messages/codec/wire.hpp"
#include "messages/schema/type.hpp"

#include <google/protobuf/descriptor.h>

#include <vector>

namespace troupe::patch {

namespace {

using google::protobuf::Descriptor;
namespace wire = codec::wire;

constexpr int depth_max = 4; // spec.template.spec, and what hangs below metadata

/// All that stands under one number.
struct field {
  uint32_t number = 0;
  std::string_view whole; ///< with tags; several one after the other if it is a list
  std::string_view data;  ///< of the last
  int count = 0;
};

bool read(std::string_view bytes, std::vector<field>& out) {
  wire::reader in(bytes);
  while (in.next()) {
    auto here = in.whole();
    if (out.empty() || out.back().number != in.number) {
      out.push_back({in.number, here, in.data, 1});
      continue;
    }
    auto& f = out.back();
    f.whole = {f.whole.data(), static_cast<size_t>(here.data() + here.size() - f.whole.data())};
    f.data = in.data;
    ++f.count;
  }
  return !in.bad;
}

/// The type below a field, if it is an object with members of its own.
const Descriptor* object_below(const Descriptor& type, uint32_t number) {
  auto field = type.FindFieldByNumber(static_cast<int>(number));
  if (!field || field->is_repeated() || !field->message_type()) return nullptr;
  return schema::of(field->message_type()).what == schema::form::object ? field->message_type()
                                                                        : nullptr;
}

/// The elements' type if a field is a list of objects that has one owner as a whole.
const schema::type* owned_as_one(const Descriptor& type, uint32_t number) {
  using schema::list_type;
  auto property = schema::of(&type).by_number(number);
  if (!property || property->type->what != schema::form::list) return nullptr;
  auto& list = *property->type;
  if (list.list == list_type::set || list.list == list_type::map) return nullptr;
  return list.element->what == schema::form::object ? list.element : nullptr;
}

std::string text_of(const schema::type& type, std::string_view bytes) {
  std::string out;
  codec::wire_to_json(type, bytes, {}, out);
  return out;
}

/// Of two such lists that differ in their bytes, the first elements that differ: nobody asks which
/// others do. Nothing if it makes no difference to clients.
void compare_as_one(const schema::type& element, const field& a, const field& b,
                    two_versions& out) {
  wire::reader before(a.whole), after(b.whole);
  while (before.next() && after.next()) {
    bool differ = before.whole() != after.whole();
    if (a.count == b.count &&
        (!differ || text_of(element, before.data) == text_of(element, after.data)))
      continue;
    out.before += before.whole();
    out.after += after.whole();
    if (a.count != b.count) out.after += after.whole(); // they differ in length at least
    return;
  }
}

void compare(const Descriptor& type, std::string_view before, std::string_view after, int depth,
             two_versions& out) {
  std::vector<field> a, b;
  if (!read(before, a) || !read(after, b)) {
    out.before += before;
    out.after += after;
    return;
  }
  for (size_t i = 0, k = 0; i < a.size() || k < b.size();) {
    if (k == b.size() || (i < a.size() && a[i].number < b[k].number)) {
      out.before += a[i++].whole;
      continue;
    }
    if (i == a.size() || b[k].number < a[i].number) {
      out.after += b[k++].whole;
      continue;
    }
    auto &x = a[i++], &y = b[k++];
    if (x.whole == y.whole) continue;
    auto below =
        depth < depth_max && x.count == 1 && y.count == 1 ? object_below(type, x.number) : nullptr;
    if (auto element = owned_as_one(type, x.number)) {
      compare_as_one(*element, x, y, out);
      continue;
    }
    if (!below) {
      out.before += x.whole;
      out.after += y.whole;
      continue;
    }
    two_versions inner;
    compare(*below, x.data, y.data, depth + 1, inner);
    wire::put_bytes(out.before, x.number, inner.before);
    wire::put_bytes(out.after, y.number, inner.after);
  }
}

} // namespace

two_versions differing(const Descriptor& type, std::string_view before, std::string_view after) {
  two_versions out;
  compare(type, before, after, 0, out);
  return out;
}

} // namespace troupe::patch
