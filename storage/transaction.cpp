#include "storage/transaction.hpp"

#include <algorithm>

namespace troupe::storage {

transaction& transaction::require_absent(std::string key) {
  preconditions.push_back({precondition::kind::absent, std::move(key)});
  return *this;
}

transaction& transaction::require_exists(std::string key) {
  preconditions.push_back({precondition::kind::exists, std::move(key)});
  return *this;
}

transaction& transaction::require_revision(std::string key, uint64_t mod_revision) {
  preconditions.push_back({precondition::kind::revision_is, std::move(key), mod_revision});
  return *this;
}

transaction& transaction::put(std::string_view key, std::string_view value,
                              std::string_view packed_index) {
  mutations.push_back({mutation::kind::put, entry::make(key, packed_index, value)});
  return *this;
}

transaction& transaction::erase(std::string_view key, std::string_view final_value,
                                std::string_view packed_index) {
  mutations.push_back({mutation::kind::erase, entry::make(key, packed_index, final_value)});
  return *this;
}

namespace {

result<void> check_mutation(const mutation& x, size_t& bytes) {
  if (auto key = check_key(x.key()); !key) return key;
  if (!index_view::well_formed(x.object->index().packed()))
    return error{errc::bad_request, "malformed index of " + std::string(x.key())};
  if (x.object->value().size() > value_bytes_max)
    return error{errc::too_large, std::string(x.key()) + " is larger than " +
                                      std::to_string(value_bytes_max) + " bytes"};
  bytes += x.object->memory_bytes();
  return {};
}

result<void> check_distinct(const std::vector<mutation>& mutations) {
  if (mutations.size() == 1) return {};
  std::vector<std::string_view> keys;
  for (auto& x : mutations) keys.push_back(x.key());
  std::ranges::sort(keys);
  if (auto twice = std::ranges::adjacent_find(keys); twice != keys.end())
    return error{errc::bad_request, "one transaction changes " + std::string(*twice) + " twice"};
  return {};
}

} // namespace

result<void> check(const transaction& asked) {
  if (asked.mutations.empty()) return error{errc::bad_request, "a transaction changes something"};
  if (asked.mutations.size() > transaction_mutations_max ||
      asked.preconditions.size() > transaction_mutations_max)
    return error{errc::too_large, "more than " + std::to_string(transaction_mutations_max) +
                                      " changes or conditions in one transaction"};
  for (auto& x : asked.preconditions)
    if (auto key = check_key(x.key); !key) return key;
  size_t bytes = 0;
  for (auto& x : asked.mutations)
    if (auto checked = check_mutation(x, bytes); !checked) return checked;
  if (bytes > transaction_bytes_max)
    return error{errc::too_large, "one transaction holds more than " +
                                      std::to_string(transaction_bytes_max) + " bytes"};
  return check_distinct(asked.mutations);
}

} // namespace troupe::storage
