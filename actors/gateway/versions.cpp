#include "actors/gateway/versions.hpp"

#include "actors/gateway/older_autoscaler.hpp"
#include "messages/api/custom.pb.h"
#include "messages/codec/json_encode.hpp"
#include "messages/codec/wire.hpp"
#include "messages/schema/custom_object.hpp"

#include <map>
#include <memory>
#include <shared_mutex>
#include <unordered_map>

namespace troupe::gateway {

namespace {

namespace v1 = k8s::autoscaling::v1;
namespace v2 = k8s::autoscaling::v2;
namespace wire = codec::wire;

bool newer_event(const schema::kind& k) { return k.name == "Event" && k.group == "events.k8s.io"; }
bool older_autoscaler(const schema::kind& k) {
  return k.name == "HorizontalPodAutoscaler" && k.version == "v1";
}

/// Field numbers of events.k8s.io/v1 and their places in core/v1: the contents are the same.
/// Permanent.
constexpr std::pair<uint32_t, uint32_t> event_fields[] = {
    {1, 1},  {2, 10}, {3, 11}, {4, 14}, {5, 15}, {6, 12}, {7, 3}, {8, 2},
    {9, 13}, {10, 4}, {11, 9}, {12, 5}, {13, 6}, {14, 7}, {15, 8}};

/// The fields of a message under other numbers, in their order.
std::string renumbered(std::string_view bytes, bool to_core) {
  std::map<uint32_t, std::string> out;
  wire::reader in(bytes);
  while (in.next())
    for (auto [newer, core] : event_fields) {
      if (in.number != (to_core ? newer : core)) continue;
      auto number = to_core ? core : newer;
      auto& field = out[number];
      if (in.what == wire::bytes)
        wire::put_bytes(field, number, in.data);
      else
        wire::put_int(field, number, static_cast<int64_t>(in.value));
    }
  std::string all;
  for (auto& [number, field] : out) all += field;
  return all;
}

template<class From, class Convert> std::string through(std::string_view bytes, Convert convert) {
  From from;
  from.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()));
  return codec::to_wire(convert(from));
}

/// Whether the schema of a custom kind has defaults, which then hold for objects, too, that were
/// stored before it had. Remembered as long as the kind is the same.
bool filled_in(const schema::kind& kind) {
  static std::shared_mutex mutex;
  static std::unordered_map<const void*, std::pair<std::weak_ptr<const void>, bool>> known;
  constexpr size_t known_max = 10'000;
  if (!kind.custom()) return false;
  {
    std::shared_lock hold(mutex);
    auto hit = known.find(kind.keeps.get());
    if (hit != known.end() && !hit->second.first.expired()) return hit->second.second;
  }
  bool any = schema::has_defaults(*kind.shape);
  std::lock_guard hold(mutex);
  if (known.size() > known_max) known.clear();
  known[kind.keeps.get()] = {kind.keeps, any};
  return any;
}

std::string with_defaults(const schema::kind& kind, std::string_view bytes) {
  k8s::base::Custom object;
  object.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()));
  auto tree = json::parse(object.rest().empty() ? "{}" : object.rest());
  if (!tree || !tree->is_object()) return std::string(bytes);
  schema::set_custom_defaults(tree->get_object(), *kind.shape);
  object.mutable_rest()->clear();
  json::write(*object.mutable_rest(), tree->get_object());
  return codec::to_wire(object);
}

} // namespace

std::string stored_resource(const schema::kind& kind) {
  return newer_event(kind) ? "events" : kind.group_resource();
}

bool converted(const schema::kind& kind) { return newer_event(kind) || older_autoscaler(kind); }

bool shown_otherwise(const schema::kind& kind) { return converted(kind) || filled_in(kind); }

std::string to_stored(const schema::kind& kind, std::string_view bytes) {
  if (newer_event(kind)) return renumbered(bytes, true);
  if (older_autoscaler(kind))
    return through<v1::HorizontalPodAutoscaler>(bytes, [](auto& x) { return newer(x); });
  return std::string(bytes);
}

std::string from_stored(const schema::kind& kind, std::string_view bytes) {
  if (newer_event(kind)) return renumbered(bytes, false);
  if (filled_in(kind)) return with_defaults(kind, bytes);
  if (older_autoscaler(kind))
    return through<v2::HorizontalPodAutoscaler>(bytes, [](auto& x) { return older(x); });
  return std::string(bytes);
}

} // namespace troupe::gateway
