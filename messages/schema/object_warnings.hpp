// What clients are warned of in objects that are no pods and make none. Part of warnings.cpp.
#pragma once

#include <string>
#include <vector>

namespace google::protobuf {
class Message;
}

namespace k8s::core::v1 {
class NodeSelectorTerm;
class PersistentVolumeClaimSpec;
} // namespace k8s::core::v1

namespace troupe::schema {

using texts = std::vector<std::string>;

/// Of a service, a volume, a claim and other kinds; `fresh` if it is being created.
texts object_warnings(const google::protobuf::Message& object, bool fresh);

/// What is to be said of a label of nodes that has another name by now, or null.
const char* outdated_node_label(const std::string& key);

/// Of a term that chooses nodes and stands at `at`.
texts node_term_warnings(const std::string& at, const k8s::core::v1::NodeSelectorTerm& term);

/// Of what a claim asks for, at `at`.
texts claim_warnings(const std::string& at, const k8s::core::v1::PersistentVolumeClaimSpec& spec);

} // namespace troupe::schema
