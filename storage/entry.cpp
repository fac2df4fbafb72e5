#include "storage/entry.hpp"

#include <cstring>
#include <new>

namespace troupe::storage {

boost::intrusive_ptr<entry> entry::make(std::string_view key, std::string_view packed_index,
                                        std::string_view value, uint64_t create_revision,
                                        uint64_t mod_revision) {
  auto memory = ::operator new(sizeof(entry) + key.size() + packed_index.size() + value.size());
  boost::intrusive_ptr<entry> made{new (memory) entry};
  auto text = reinterpret_cast<char*>(made.get() + 1);
  for (auto part : {key, packed_index, value}) {
    if (!part.empty()) std::memcpy(text, part.data(), part.size());
    text += part.size();
  }
  made->key_size_ = static_cast<uint32_t>(key.size());
  made->index_size_ = static_cast<uint32_t>(packed_index.size());
  made->value_size_ = static_cast<uint32_t>(value.size());
  made->stamp(create_revision, mod_revision);
  return made;
}

void entry::destroy(const entry* dead) {
  auto memory = const_cast<entry*>(dead);
  memory->~entry();
  ::operator delete(memory);
}

result<void> check_key(std::string_view key) {
  if (key.empty() || key.size() > key_bytes_max)
    return error{errc::bad_request, "a key has 1 to " + std::to_string(key_bytes_max) +
                                        " bytes, not " + std::to_string(key.size())};
  if (key.find('\0') != key.npos) return error{errc::bad_request, "a key may not contain NUL"};
  auto slash = key.find('/');
  if (slash == 0 || slash == key.npos)
    return error{errc::bad_request, "a key starts with its resource and '/'"};
  return {};
}

} // namespace troupe::storage
