// The STORE actor: the store for whoever speaks in messages (the shell, other machines). In this
// process everybody else uses storage::store, which needs no mailbox for reading.
#pragma once

#include "messages/interfaces.hpp"
#include "storage/sealer.hpp"
#include "storage/store.hpp"

#include <map>
#include <memory>

namespace troupe {

struct store_state {
  using pointer = store_actor::stateful_pointer<store_state>;
  static inline constexpr const char* name = "store";

  explicit store_state(pointer self) : self{self} {}
  store_actor::behavior_type make_behavior();

  caf::result<std::string> commit(const std::string& transaction);
  caf::result<uint64_t> current();

  pointer self;
  std::shared_ptr<storage::store> store;
  std::shared_ptr<const storage::sealer> seal;
  uint64_t next_number = 1;
  std::map<uint64_t, caf::typed_response_promise<std::string>> commits;
  std::map<uint64_t, caf::typed_response_promise<uint64_t>> reads;
};

store_actor::behavior_type store(store_actor::stateful_pointer<store_state> self,
                                 std::shared_ptr<storage::store> store,
                                 std::shared_ptr<const storage::sealer> seal);

} // namespace troupe
