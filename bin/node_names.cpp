#include "bin/node_names.hpp"

#include "actors/gateway/author.hpp"
#include "bin/clock.hpp"
#include "messages/api/lease.pb.h"

namespace troupe::node_names {

namespace {

using k8s::coordination::v1::Lease;

/// Those of nodes that are there are named like the node, so these are not.
constexpr std::string_view prefix = "joining-";
constexpr std::string_view space = "kube-node-lease";
constexpr std::string_view account = "node-controller";

/// How long a name is held, and how many are at most.
constexpr int32_t held_seconds = 60;
constexpr size_t held_max = 10'000;
/// What is over is taken away by who joins next, so much at a time.
constexpr size_t swept_max = 100;

bool over(const Lease& held, int64_t now) {
  return held.spec().renew_time().seconds() + held.spec().lease_duration_seconds() <= now;
}

std::unique_ptr<Lease> hold_of(const std::string& node, const std::string& holder, int64_t now) {
  auto out = std::make_unique<Lease>();
  out->mutable_metadata()->set_namespace_(std::string(space));
  out->mutable_metadata()->set_name(std::string(prefix) + node);
  auto& spec = *out->mutable_spec();
  spec.set_holder_identity(holder);
  spec.set_lease_duration_seconds(held_seconds);
  spec.mutable_acquire_time()->set_seconds(now);
  spec.mutable_renew_time()->set_seconds(now);
  return out;
}

error taken(const std::string& node) {
  return {errc::conflict, "another machine has just joined as " + node +
                              ": choose another --name, or, if it was this one, try again in a "
                              "minute"};
}

/// What holds a name now, and what is over.
struct ledger {
  size_t held = 0;
  bool taken = false; ///< the one that is asked for
  std::vector<storage::entry_ptr> ended;
};
ledger read(const schema::kind& kind, const storage::snapshot& state, const std::string& own,
            int64_t now) {
  ledger out;
  for (auto& entry : state.list(gateway::key_of(kind, space, prefix))) {
    auto lease = gateway::load(kind, entry);
    if (over(static_cast<const Lease&>(*lease), now)) {
      if (entry.key() != own && out.ended.size() < swept_max)
        out.ended.push_back(state.get(entry.key()));
    } else {
      ++out.held;
      out.taken |= entry.key() == own;
    }
  }
  return out;
}

} // namespace

void hold(gateway::gateway& api, const std::string& node, const std::string& holder,
          const std::function<void(result<void>)>& done) {
  auto kinds = api.kinds();
  auto& kind = *kinds->by_resource("coordination.k8s.io", "v1", "leases");
  auto& store = *api.given.store;
  auto state = store.current();
  auto own = gateway::key_of(kind, space, std::string(prefix) + node);
  auto now = wall_clock().seconds;
  auto known = read(kind, state, own, now);
  if (known.taken) return done(taken(node));
  if (known.held >= held_max)
    return done(
        error{errc::too_many_requests, "too many machines join at once; try again in a minute"});

  gateway::author by(api, account, state);
  auto fresh = hold_of(node, holder, now);
  auto before = state.get(own);
  result<void> written;
  if (before)
    written = by.update(kind, *before, std::move(fresh));
  else if (auto made = by.create(kind, std::move(fresh)); !made)
    written = made.error();
  if (!written) return done(written);
  store.commit(by.take(), [node, done](result<storage::outcome> made) {
    if (!made) return done(made.error());
    done(made->refused ? result<void>{taken(node)} : result<void>{}); // somebody was faster
  });

  // Nobody waits for this, and it may fail: who joins next does it again.
  gateway::author sweep(api, account, state);
  for (auto& lease : known.ended) (void)sweep.remove(kind, *lease);
  if (!sweep.empty()) store.commit(sweep.take(), [](const result<storage::outcome>&) {});
}

} // namespace troupe::node_names
