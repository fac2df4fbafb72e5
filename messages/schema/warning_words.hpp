// What those who look for warnings have in common: warnings.cpp and object_warnings.cpp.
#pragma once

#include "messages/schema/object_warnings.hpp"
#include "messages/schema/type.hpp"

#include <google/protobuf/message.h>

#include <iterator>
#include <utility>

namespace troupe::schema {

/// Something that is outdated, and what is said of it.
struct notice {
  const char* what;
  const char* message;
};

inline std::string element(const std::string& list, int index) {
  return list + "[" + std::to_string(index) + "]";
}

inline void append(texts& to, texts more) {
  std::move(more.begin(), more.end(), std::back_inserter(to));
}

/// Visits the rows that name, as JSON does, what is set in `source`.
template<class Source, class Visit>
void each_given(const Source& source, const auto& table, Visit visit) {
  for (const notice& row : table) {
    auto number = of<Source>().find(row.what).field->number;
    auto field = Source::GetDescriptor()->FindFieldByNumber(static_cast<int>(number));
    if (Source::GetReflection()->HasField(source, field)) visit(row);
  }
}

} // namespace troupe::schema
