// SUBSCRIPTION: tells an actor every change of a kind's objects, each once and in order, across
// lost links and changes of leader. First all that is there, then `synced`, then what changes.
#pragma once

#include "actors/client/cluster.hpp"
#include "messages/interfaces.hpp"

#include <caf/all.hpp>

#include <memory>

namespace troupe::client {

/// One thing that a subscriber hears.
struct change {
  enum class what : uint8_t {
    put,    ///< the object is new, or other than before
    erased, ///< it is gone, or no longer among those chosen; this is how it was
    synced, ///< all that was there has been told
  };
  what kind = what::put;
  std::shared_ptr<const json::value> object; ///< none for synced
  uint64_t revision = 0;

  std::string_view ns() const { return json::string_at(*object, {"metadata", "namespace"}); }
  std::string_view name() const { return json::string_at(*object, {"metadata", "name"}); }
  /// As a generated class: as<k8s::core::v1::Pod>().
  template<class T> result<T> as() const {
    T out;
    if (auto ok = read_object(out, *object); !ok) return ok.error();
    return out;
  }
};

/// Reads an object's JSON into its class.
result<void> read_object(google::protobuf::Message& into, const json::value& object);

} // namespace troupe::client

CAF_BEGIN_TYPE_ID_BLOCK(troupe_client, caf::id_block::troupe::end)
CAF_ADD_TYPE_ID(troupe_client, (troupe::client::change))
CAF_ADD_ATOM(troupe_client, troupe::client, piece_atom, "piece")
CAF_ADD_ATOM(troupe_client, troupe::client, over_atom, "over")
CAF_END_TYPE_ID_BLOCK(troupe_client)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::change)

namespace troupe::client {

/// Whoever hears changes: reacts to (changed_atom, change).
using subscriber = caf::actor;

/// Lives until the subscriber does not, or until it is told to exit. Objects arrive as messages
/// (troupe::changed_atom, troupe::client::change).
caf::actor subscribe(caf::actor_system& system, const cluster& to, const kind_name& kind,
                     const selection& chosen, const subscriber& listener);

/// For actor_system_config, before the system is made.
void add_message_types(caf::actor_system_config& config);

} // namespace troupe::client
