// Of which storage class a volume or claim is. Before there was a field, an annotation said it.
#pragma once

#include <string>

namespace troupe::schema {

inline constexpr const char* beta_class = "volume.beta.kubernetes.io/storage-class";

/// What the annotation says; null if there is none.
template<class Object> const std::string* noted_class(const Object& object) {
  auto& notes = object.metadata().annotations();
  auto hit = notes.find(beta_class);
  return hit == notes.end() ? nullptr : &hit->second;
}

/// The annotation wins.
template<class Object> const std::string& class_of(const Object& object) {
  auto noted = noted_class(object);
  return noted ? *noted : object.spec().storage_class_name();
}

} // namespace troupe::schema
