// Transactions: preconditions and mutations over several keys, decided when they are applied, the
// same on every replica; and what came of them.
#pragma once

#include "storage/entry.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe::storage {

inline constexpr size_t transaction_mutations_max = 10'000;
inline constexpr size_t transaction_bytes_max = 32u << 20;
inline constexpr size_t value_bytes_max = 8u << 20;

/// A condition on the state at the moment of applying.
struct precondition {
  enum class kind : uint8_t { absent, exists, revision_is };
  kind what = kind::exists;
  std::string key;
  uint64_t mod_revision = 0; ///< for revision_is

  bool operator==(const precondition&) const = default;
};

/// A change of one key. An erase carries the object's final bytes for the DELETED event; without
/// any, the event shows the object as it was last stored.
struct mutation {
  enum class kind : uint8_t { put, erase };
  kind what = kind::put;
  boost::intrusive_ptr<entry> object; ///< not shared yet: applying stamps its revisions

  std::string_view key() const { return object->key(); }
};

/// Build one with the verbs below and hand it to the engine. One key may be changed once. Moved,
/// never copied: applying dates the objects inside.
struct transaction {
  transaction() = default;
  transaction(transaction&&) = default;
  transaction& operator=(transaction&&) = default;

  std::vector<precondition> preconditions;
  std::vector<mutation> mutations;
  uint64_t leader_term = 0; ///< unless 0, refused when applied in another Raft term
  uint64_t cause = 0;       ///< id of the message that caused it; kept with its events
  bool frees_space = false; ///< part of a deletion: let through when the disk is nearly full

  transaction& require_absent(std::string key);
  transaction& require_exists(std::string key);
  transaction& require_revision(std::string key, uint64_t mod_revision);

  /// `packed_index` comes from pack().
  transaction& put(std::string_view key, std::string_view value,
                   std::string_view packed_index = {});
  transaction& erase(std::string_view key, std::string_view final_value = {},
                     std::string_view packed_index = {});
};

/// Why an applied transaction changed nothing.
struct refusal {
  enum class reason : uint8_t {
    precondition_failed,
    stale_term, ///< it came from a leader of an older term
    not_there,  ///< it erases a key that does not exist
  };
  reason why = reason::precondition_failed;
  size_t which = 0;              ///< index of the precondition, or of the mutation for not_there
  uint64_t current_revision = 0; ///< mod_revision of its key, 0 when absent

  bool operator==(const refusal&) const = default;
};

/// What came of a transaction: a revision of its own, or the reason why nothing changed.
struct outcome {
  uint64_t revision = 0;
  std::optional<refusal> refused;

  explicit operator bool() const { return !refused; }
  bool operator==(const outcome&) const = default;
};

/// Refuses what storage will not hold: bad keys, too much, one key changed twice, no mutation.
result<void> check(const transaction& asked);

} // namespace troupe::storage
