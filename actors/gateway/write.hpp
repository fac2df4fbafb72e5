// What all writes share: reading the body under the request's field validation, the metadata that
// only the server may set, and the change that stores an object. Pure, but for the ids and times
// given.
#pragma once

#include "actors/gateway/gateway.hpp"
#include "actors/gateway/strategy.hpp"

namespace troupe::gateway {

/// Which part of its object the call is about.
part part_of(const call& c);

/// Refuses or warns of unknown and duplicate fields, as the client chose.
result<void> judge_fields(call& c, field_validation mode,
                          const std::vector<codec::field_problem>& problems);

/// The object that the request's body holds, its unknown fields judged.
result<object> read_sent(call& c, const write_options& options);

/// Checks that what a body says of its namespace is the request's, and fills it in.
result<void> fit_namespace(const call& c, k8s::meta::v1::ObjectMeta& metadata);
/// A body without a name where the URL has one.
error nameless(const call& c);
/// A body with another name than the URL's.
error wrong_name(const call& c, const std::string& name);
/// What a patch made of an object cannot be read: why.
error spoiled_by_patch(const error& why);
/// Checks that the object agrees with the request's path, and fills in what the path says.
result<void> fit_to_path(const call& c, google::protobuf::Message& object);

/// `base` and five letters that nobody can foresee.
std::string generated_name(std::string base, const std::function<uint64_t()>& random);

/// Name, uid, creation time: what makes an object new. A name is generated if asked for.
void begin_life(const std::function<uint64_t()>& random, google::protobuf::Message& object,
                timestamp now);

/// The manager that owns the fields this call sets.
std::string manager_of(const call& c, const write_options& options);

/// Everything between a decoded object and its change, for an object that is not there yet.
/// `applied`: managedFields have been seen to.
result<change> plan_create(gateway& g, call& c, object fresh, const write_options& options,
                           const storage::snapshot& now, bool applied = false);

/// The same for an object that replaces the one in `entry`, which `old` is if it was loaded before.
result<change> plan_update(gateway& g, call& c, object fresh, const storage::entry& entry,
                           const write_options& options, const storage::snapshot& now);
result<change> plan_update(gateway& g, call& c, object fresh, const storage::entry& entry,
                           object old, const write_options& options, const storage::snapshot& now,
                           bool applied = false);
/// The same of a built-in object of which one list stays bytes: `fresh` is everything else.
result<change> plan_update(gateway& g, call& c, object fresh, const storage::entry& entry,
                           const stored_list& list, const write_options& options,
                           const storage::snapshot& now);

/// A change that removes the object: what update does when the last finalizer is gone.
change plan_removal(const call& c, const storage::entry& old, google::protobuf::Message& final_form,
                    bool dry_run, std::function<void(call&, uint64_t)> answer);

/// Seconds that an object is left to end by itself: only pods that run somewhere get any.
int64_t grace_of(const google::protobuf::Message& object,
                 const k8s::meta::v1::DeleteOptions& options = {});
/// Says on an object that its deletion began at `start`, in seconds, and ends `grace` seconds
/// later. That is a change of what is wanted, where such changes are counted.
void begin_deletion(k8s::meta::v1::ObjectMeta& of, int64_t start, int64_t grace);

/// Marks an object as going, or removes it: one decision for single deletions, collections and
/// evictions.
result<change> plan_delete(call& c, const storage::snapshot& now, const storage::entry& entry,
                           const k8s::meta::v1::DeleteOptions& options);

/// Whoever applies says who they are.
result<void> check_manager(const write_options& options);
/// Plans what an apply makes of the object that the call names. patch.cpp
result<change> plan_apply(gateway& g, call& c, const json::value& applied,
                          const write_options& options, const storage::snapshot& now);

} // namespace troupe::gateway
