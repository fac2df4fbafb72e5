// Schema types as OpenAPI schemas, for both versions of the specification.
#pragma once

#include "messages/schema/kind.hpp"

#include <map>

namespace troupe::codec {

enum class openapi_version : uint8_t { v2, v3 };

/// Collects the definitions that a document needs, each once, with everything they refer to.
class definitions {
public:
  explicit definitions(openapi_version version) : version_{version} {}

  /// Adds a kind's object (with its group, version and kind marked) and its list.
  void add(const schema::kind& kind);
  /// Adds the message of a built-in document such as DeleteOptions; returns its name.
  std::string add(std::string_view api_version, std::string_view kind);
  /// Adds a schema that no message stands for, among the common ones; returns its name.
  std::string add_meta(std::string_view name, json::object schema);

  /// "#/definitions/NAME" or "#/components/schemas/NAME".
  json::object reference(std::string_view name) const;
  /// The definition name of a kind's object, and of its list.
  static std::string name_of(const schema::kind& kind);
  static std::string list_name_of(const schema::kind& kind);

  const std::map<std::string, json::value>& all() const { return all_; }

private:
  json::value schema_of(const schema::type& type);
  json::value shape_of(const schema::type& type);
  void narrow(json::object& o, const schema::type& type) const;
  json::object object_of(const schema::type& type);
  json::value property_of(const schema::property& p);
  void define(const schema::type& type);

  openapi_version version_;
  std::map<std::string, json::value> all_;
};

} // namespace troupe::codec
