#include "messages/patch/touched.hpp"

#include "messages/codec/wire.hpp"

#include <map>

namespace troupe::patch {

namespace {

using schema::form;
using schema::type;
namespace wire = codec::wire;

/// What the patch says of each field that it names, by number; null where the field must be taken
/// as a whole.
using named_fields = std::map<uint32_t, const json::value*>;

/// False if the patch may look at everything: directives speak of members that they do not name.
bool find_named(const type& t, const json::value& patch, named_fields& out) {
  auto members = patch.if_object();
  if (!members) return false;
  for (auto& [key, value] : *members) {
    if (std::string_view(key).starts_with('$')) return false;
    auto hit = t.find(key);
    if (hit.via[0])
      out[hit.via[0]->number] = nullptr; // several keys may stand in one inlined message
    else if (hit.field)
      out[hit.field->number] = &value;
  }
  return true;
}

void split(const type& t, std::string_view bytes, const json::value& patch, split_object& out) {
  named_fields named;
  if (!find_named(t, patch, named)) {
    out.touched += bytes;
    return;
  }
  wire::reader in(bytes);
  while (in.next()) {
    auto hit = named.find(in.number);
    if (hit == named.end()) {
      out.rest += in.whole();
      continue;
    }
    auto p = t.by_number(in.number);
    bool deeper =
        hit->second && hit->second->is_object() && p->what == form::object && !p->type->replace;
    if (!deeper) {
      out.touched += in.whole();
      continue;
    }
    split_object inner;
    split(*p->type, in.data, *hit->second, inner);
    wire::put_bytes(out.touched, in.number, inner.touched);
    if (!inner.rest.empty()) wire::put_bytes(out.rest, in.number, inner.rest);
  }
}

} // namespace

split_object split_by_patch(const type& t, std::string_view object, const json::value& patch) {
  split_object out;
  split(t, object, patch, out);
  return out;
}

} // namespace troupe::patch
