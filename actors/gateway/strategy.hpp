// What a kind's own rules do to an object on its way into the store, apart from defaults and
// validation: which parts a client may not set, when the generation grows. Pure.
#pragma once

#include "actors/gateway/object.hpp"
#include "messages/base/time.hpp"

namespace troupe::gateway {

/// The part of an object that a request is about.
enum class part : uint8_t { whole, status, approval, finalizers, ephemeral_containers, resources };

/// Before an object is created: status dropped, generation started.
void prepare_create(const schema::kind& kind, google::protobuf::Message& object);

/// Before `object` replaces `old`: what the request may not touch is taken over from `old`.
void prepare_update(const schema::kind& kind, google::protobuf::Message& object,
                    const google::protobuf::Message& old, part about, timestamp now);

/// Whether two versions of an object want the same, judged by their bytes: a generation is of
/// everything but metadata and status.
bool same_desire(const schema::kind& kind, std::string_view before, std::string_view after);
/// Kinds that count the generations of their desired state.
bool has_generation(const schema::kind& kind);
/// Whether what replaces `old` is of the next generation.
bool counts(const schema::kind& kind, const google::protobuf::Message& object,
            const google::protobuf::Message& old, bool wants_the_same, part about);

/// What is wrong with an update that is about one part of a pod's spec: the part by its own rule,
/// the rest as in any update.
std::vector<cause> validate_part(const google::protobuf::Message& object,
                                 const google::protobuf::Message& old, part about);

/// Kinds that PUT creates when they are not there.
bool create_on_update(const schema::kind& kind);
/// Kinds whose PUT needs a resourceVersion.
bool update_needs_version(const schema::kind& kind);
/// Whether the kind separates its status from the rest.
bool has_status(const schema::kind& kind);

} // namespace troupe::gateway
