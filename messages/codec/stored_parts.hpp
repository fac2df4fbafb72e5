// Parts of stored objects where they stand on the wire, for who needs no more of them than that.
// The numbers are Kubernetes' own: permanent.
#pragma once

#include "messages/codec/wire.hpp"

namespace troupe::codec {

namespace meta_number {
constexpr uint32_t uid = 5, deletion = 9, owners = 13, finalizers = 14;
}
namespace owner_number {
constexpr uint32_t kind = 1, name = 3, uid = 4, api_version = 5, controller = 6, blocks = 7;
}

/// One part of a stored object, or of such a part. Stored bytes are canonical: it stands once.
inline std::string_view part_of(std::string_view stored, uint32_t number) {
  wire::reader object(stored);
  while (object.next())
    if (object.number == number) return object.data;
  return {};
}

inline bool has_part(std::string_view stored, uint32_t number) {
  wire::reader object(stored);
  while (object.next())
    if (object.number == number) return true;
  return false;
}

/// All of one list of a stored object, tags included.
inline std::string_view records_of(std::string_view stored, uint32_t number) {
  wire::reader object(stored);
  std::string_view out;
  while (object.next())
    if (object.number == number) {
      auto record = object.whole();
      if (out.empty()) out = record;
      out = {out.data(), static_cast<size_t>(record.data() + record.size() - out.data())};
    }
  return out;
}

/// The object without such a list, and with one that it does not have.
inline std::string without(std::string_view stored, uint32_t number) {
  auto records = records_of(stored, number);
  if (records.empty()) return std::string(stored);
  auto before = static_cast<size_t>(records.data() - stored.data());
  return std::string(stored.substr(0, before)).append(stored.substr(before + records.size()));
}
inline std::string with(std::string_view stored, uint32_t number, std::string_view records) {
  wire::reader object(stored);
  size_t before = 0; // of fields with lower numbers
  while (object.next() && object.number < number) before += object.whole().size();
  std::string out;
  out.reserve(stored.size() + records.size());
  return out.append(stored, 0, before).append(records).append(stored, before);
}

/// The metadata of any object, custom ones included.
inline std::string_view metadata_in(std::string_view stored) { return part_of(stored, 1); }
/// The spec of a pod, node, service or workload.
inline std::string_view spec_in(std::string_view stored) { return part_of(stored, 2); }

/// Whether both messages hold the same, whatever they say in fields for whose numbers `ignored` is
/// true.
template<class Ignored>
bool same_elsewhere(Ignored ignored, std::string_view a, std::string_view b) {
  if (a == b) return true;
  wire::reader x(a), y(b);
  auto next = [&](wire::reader& in) {
    while (in.next())
      if (!ignored(in.number)) return true;
    return false;
  };
  for (;;) {
    bool more = next(x);
    if (more != next(y)) return false;
    if (!more) return !x.bad && !y.bad;
    if (x.whole() != y.whole()) return false;
  }
}

/// The same for one field.
inline bool same_but_for(uint32_t number, std::string_view a, std::string_view b) {
  return same_elsewhere([number](uint32_t n) { return n == number; }, a, b);
}

} // namespace troupe::codec
