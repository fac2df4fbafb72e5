#include "actors/store/store.hpp"

#include "actors/store/forwarding.hpp"
#include "storage/transaction_codec.hpp"

namespace troupe {

namespace {

constexpr size_t requests_max = 100'000;

caf::error failed(const std::string& why) { return caf::make_error(caf::sec::runtime_error, why); }

} // namespace

store_actor::behavior_type store(store_state::pointer self, std::shared_ptr<storage::store> store,
                                 std::shared_ptr<const storage::sealer> seal) {
  self->state.store = std::move(store);
  self->state.seal = std::move(seal);
  return self->state.make_behavior();
}

store_actor::behavior_type store_state::make_behavior() {
  return {
      [this](commit_atom, const std::string& transaction) { return commit(transaction); },
      [this](written_atom, uint64_t number, std::string& answer) {
        if (auto asked = commits.extract(number); !asked.empty())
          asked.mapped().deliver(std::move(answer));
      },
      [this](current_atom, uint64_t number, const std::string& failure) {
        auto asked = reads.extract(number);
        if (asked.empty()) return;
        if (failure.empty())
          asked.mapped().deliver(store->current().revision());
        else
          asked.mapped().deliver(failed(failure));
      },
      [this](current_atom) { return current(); },
  };
}

/// The outcome arrives on a thread of the store and comes back here as a message.
caf::result<std::string> store_state::commit(const std::string& transaction) {
  auto decoded = storage::decode(transaction, seal.get());
  if (!decoded) return encode_answer(0, decoded.error());
  if (commits.size() >= requests_max)
    return encode_answer(0, error{errc::too_many_requests, "too many commits are waiting"});
  auto number = next_number++;
  auto promise = self->make_response_promise<std::string>();
  commits.emplace(number, promise);
  store->commit(std::move(decoded->changes),
                [handle = caf::actor_cast<store_actor>(self), number](result<storage::outcome> x) {
                  caf::anon_send(handle, written_atom_v, number, encode_answer(0, x));
                });
  return promise;
}

caf::result<uint64_t> store_state::current() {
  if (reads.size() >= requests_max) return failed("too many reads are waiting");
  auto number = next_number++;
  auto promise = self->make_response_promise<uint64_t>();
  reads.emplace(number, promise);
  store->linearize([handle = caf::actor_cast<store_actor>(self), number](result<void> x) {
    caf::anon_send(handle, current_atom_v, number, x ? std::string{} : x.error().message);
  });
  return promise;
}

} // namespace troupe
