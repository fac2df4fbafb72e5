// Custom kinds: a CustomResourceDefinition compiled into entries of the registry, one for each
// served version, with types that drive codecs, patches and apply like those of built-in kinds.
// Pure.
#pragma once

#include "messages/schema/kind.hpp"

namespace k8s::apiextensions::v1 {
class CustomResourceDefinition;
}

namespace troupe::schema {

/// The kinds that a definition serves. Its schema has been validated; what is malformed all the
/// same becomes a type that takes anything.
std::vector<kind> custom_kinds(const k8s::apiextensions::v1::CustomResourceDefinition& definition);

/// What users of a custom kind's version are told if it is deprecated; else nothing.
std::string_view deprecation_of(const kind& kind);

} // namespace troupe::schema
