// The one view on the shape of a document, whether it was compiled from a Protobuf descriptor or
// from the schema of a custom resource. Codecs, defaults, patches, apply and OpenAPI are all driven
// by it.
#pragma once

#include "messages/base/json.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace google::protobuf {
class Descriptor;
}

namespace troupe::schema {

/// What JSON a value has, and which wire form stands behind it.
enum class form : uint8_t {
  object,
  list,
  map, ///< an object whose keys are free
  string,
  bytes,
  boolean,
  int32,
  int64,
  real,
  quantity,
  int_or_string,
  time,
  micro_time,
  duration,
  raw,          ///< any JSON, kept as it came
  wrapped_list, ///< a message whose JSON is its one list
  schema_or_bool,
  schema_or_array,
  schema_or_strings,
};

enum class list_type : uint8_t { unset, atomic, set, map };

struct type;

/// What a custom resource's schema asks of a value beyond its form.
struct constraints;

/// Keys may be copied in steps of so many bytes, which is quicker than asking for their length.
constexpr size_t key_step = 32;

/// One field of an object. What codecs ask of each field stands first, in one line of the cache.
struct alignas(64) property {
  const schema::type* type = nullptr;
  const schema::type* value = nullptr; ///< of a list or map, its element; set by seal()
  const char* key = nullptr; ///< `,"name":` with key_step readable bytes behind it; set by seal()
  uint32_t key_size = 0;
  uint32_t number = 0;      ///< in Protobuf; 0 in custom resources
  form what = form::object; ///< its type's; set by seal()
  bool always = false;      ///< written even when empty
  bool null = false;        ///< a pointer that is always written: null where it leads nowhere
  bool zero = false;        ///< on the wire even when empty, in JSON not
  bool drop_zero = false;   ///< its empty value says no more than its absence
  bool typed = false;       ///< its elements name their kind, although they stand inside an object
  bool required = false;    ///< an object without it is invalid
  bool inlined = false;     ///< its properties stand in the enclosing object
  bool or_zero = false;     ///< 0 counts as absent when the default is put in
  std::string name;         ///< in JSON
  std::string default_json; ///< empty if there is none, or if it takes more than a constant
  std::vector<std::string> values; ///< the closed set of its values, if there is one
  std::vector<std::string> known;
  std::string doc;

  /// `,"name":`
  std::string_view comma_key() const { return {key, key_size}; }
};

/// The shape of a value. Types live as long as the registry that owns them and never change.
struct type {
  type();
  ~type();
  type(const type&) = delete;

  form what = form::object;
  std::string name;                 ///< "Pod"; empty for what has no name of its own
  std::string definition;           ///< in OpenAPI: "io.k8s.api.core.v1.Pod"
  std::vector<property> properties; ///< of an object, by number
  const type* element = nullptr;    ///< of a list or map

  // How lists and maps merge and who owns their parts.
  list_type list = list_type::unset;
  std::vector<std::string> list_keys;
  std::string merge_key;
  bool merge = false;
  bool retain_keys = false;
  bool replace = false; ///< a strategic merge puts a new value in the place of the old one
  bool atomic = false;

  bool type_meta = false;        ///< apiVersion and kind may stand beside its properties
  bool holds_quantities = false; ///< somewhere below

  // Custom resources only.
  bool preserve_unknown = false;
  bool embedded_resource = false;
  bool nullable = false;
  std::unique_ptr<constraints> limits;

  const google::protobuf::Descriptor* message = nullptr;

  /// A property by its JSON name, looking through inlined ones.
  struct found {
    const property* field = nullptr;
    std::array<const property*, 2>
        via{}; ///< the inlined properties that it stands in, outermost first
  };
  found find(std::string_view json_name) const {
    auto hit = look_up(json_name);
    return hit ? found(*hit) : found{};
  }

  /// The same with a memory of what was read behind it the last time: objects of one kind mostly
  /// name their fields in one order.
  struct step;
  using memory = std::atomic<const step*>;
  struct step : found {
    mutable memory next{nullptr};
  };
  const step* look_up(std::string_view json_name) const;
  /// What was read first the last time.
  memory& opening() const { return opening_; }

  /// The property's type, or null.
  const type* child(std::string_view json_name) const;
  /// A property of this message by its Protobuf number, or null.
  const property* by_number(uint32_t number) const {
    return number < numbers_.size() ? numbers_[number] : nullptr;
  }

  /// Properties that are written even where nothing was set, and inlined ones, in order.
  const std::vector<const property*>& written_empty() const { return written_empty_; }
  /// Properties that stand on the wire even when empty.
  const std::vector<const property*>& wired_empty() const { return wired_empty_; }

  /// Builds the tables behind these functions; once, when `properties` are complete.
  void seal();

private:
  /// A key in two words that overlap in its middle: enough to hash it, and to tell it from others
  /// of up to sixteen characters.
  struct words {
    uint64_t first = 0, last = 0;
    words() = default;
    explicit words(std::string_view key) {
      auto at = key.data();
      auto n = key.size();
      if (n >= 8) {
        memcpy(&first, at, 8);
        memcpy(&last, at + n - 8, 8);
      } else if (n >= 4) {
        memcpy(&first, at, 4);
        memcpy(&last, at + n - 4, 4);
      } else {
        for (size_t i = 0; i < n; ++i) first = first << 8 | static_cast<unsigned char>(at[i]);
      }
    }
    bool operator==(const words& other) const { return first == other.first && last == other.last; }
    uint32_t hash(size_t length) const {
      auto h = (first ^ length) * 0x9e3779b97f4a7c15u ^ last * 0xc2b2ae3d27d4eb4fu;
      return static_cast<uint32_t>(h >> 40);
    }
  };
  struct slot {
    std::string_view key;
    words ends;
    step value;
  };

  void seal_properties();

  std::vector<slot> slots_; // open addressing, a power of two
  mutable memory opening_{nullptr};
  std::string keys_; // of the properties, one behind the other
  std::vector<const property*> numbers_;
  std::vector<const property*> written_empty_;
  std::vector<const property*> wired_empty_;
};

struct constraints {
  json::value default_value;
  bool has_default = false;
  json::array allowed; // enum
  std::string pattern;
  std::string format;
  std::string json_type; // as the schema says it: "integer", "object", ... or empty
  double minimum = 0, maximum = 0, multiple_of = 0;
  bool has_minimum = false, has_maximum = false, has_multiple_of = false;
  bool exclusive_minimum = false, exclusive_maximum = false;
  int64_t length_min = -1, length_max = -1;
  int64_t items_min = -1, items_max = -1;
  int64_t properties_min = -1, properties_max = -1;
  bool unique_items = false;
  std::vector<std::string> required;
  std::vector<const type*> all_of, any_of, one_of;
  const type* none_of = nullptr; // not
  std::string description;
};

/// The type of a Protobuf message, compiled on first use and kept for the life of the process.
const type& of(const google::protobuf::Descriptor* message);

/// The name of a Protobuf message in OpenAPI documents.
std::string definition_name(const google::protobuf::Descriptor* message);

template<class Message> const type& of() {
  static const type& compiled = of(Message::descriptor());
  return compiled;
}

} // namespace troupe::schema
