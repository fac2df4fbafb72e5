// Explaining a kind or one of its fields in words, from the schemas: `troupe explain`.
#pragma once

#include "messages/base/error.hpp"
#include "messages/schema/kind.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace troupe::schema {

/// What a person reads about `what`: a word that names a kind ("deploy", "pods", "Job.batch"),
/// followed by field names joined by dots. With `recursive`, all fields below. Fails with not_found
/// and a suggestion.
result<std::string> explain(const registry& kinds, std::string_view what, bool recursive = false);

/// The words that name the fields of `what`, which is a kind or a field: "pods.spec.containers" for
/// "pods.spec". None if there is no such thing.
std::vector<std::string> fields_below(const registry& kinds, std::string_view what);

/// The type of a field as people say it: "integer", "[]Container", "map[string]string".
std::string type_name(const type& t);

} // namespace troupe::schema
