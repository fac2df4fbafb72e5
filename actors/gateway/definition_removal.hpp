// The end of a definition: it is marked, its objects go, and it goes after the last of them, which
// may wait for finalizers.
#pragma once

#include "actors/gateway/gateway.hpp"
#include "messages/api/apiextensions.pb.h"

namespace troupe::gateway {

/// Plans the deletion of a definition, begun or gone on with.
change plan_definition_removal(const call& c, const storage::snapshot& now,
                               const storage::entry& entry,
                               k8s::apiextensions::v1::CustomResourceDefinition& definition,
                               bool dry_run);

/// The object at `key` is removed by `tx`: if it is the last that its definition waits for, that is
/// released, too.
void release_definition(const call& c, const storage::snapshot& now, std::string_view key,
                        storage::transaction& tx);

} // namespace troupe::gateway
