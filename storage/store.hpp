// THE STORE, as everybody sees it: one ordered history of changes. Write by committing
// transactions, read from snapshots, hear of changes through watches. One member, a Raft group or
// an external etcd may stand behind it.
//
//   auto store = storage::engine::open({.path = "/var/lib/troupe/store"});   // storage/engine.hpp
//
//   // Create: one transaction, one revision; the key begins with the resource.
//   transaction tx;
//   tx.require_absent("pods/default/web-1");
//   tx.put("pods/default/web-1", protobuf_bytes, *pack({.labels = {{"app", "web"}},
//                                                       .fields = {{"spec.nodeName", "n1"}}}));
//   store->commit(std::move(tx), [](result<outcome> x) {   // on a store thread: hand over, return
//     if (!x) ...                 // not durable here: storage_full, too_many_requests, not_leader
//     else if (x->refused) ...    // precondition x->refused->which failed; ->current_revision
//     else ...                    // durable; resourceVersion = x->revision; current() shows it
//   });
//
//   // Read: no locks, no waiting, any thread.
//   auto now = store->current();
//   if (auto pod = now.get("pods/default/web-1")) use(pod->value(), pod->mod_revision());
//   for (auto& pod : now.list("pods/default/"))    // ordered; break when the page is full
//     if (pod.label("app") == "web") use(pod.key(), pod.value());
//   now.count("pods/");
//
//   // Watch from what was listed, without a gap.
//   auto watch = store->subscribe({.resource = "pods", .prefix = "pods/default/",
//                                  .after_revision = now.revision(), .wake = [] { ... }});
//   std::vector<event_ptr> events;
//   watch->read(events);     // arms `wake`; event: what, now, before, revision(), created()
//
// Values do not contain their resourceVersion: readers put in mod_revision().
#pragma once

#include "storage/event_ring.hpp"
#include "storage/snapshot.hpp"
#include "storage/transaction.hpp"

#include <functional>

namespace troupe::storage {

class store {
public:
  using completion = std::function<void(result<outcome>)>;

  virtual ~store() = default;

  /// The newest state this member knows. Lock-free, any thread.
  virtual snapshot current() const = 0;

  /// The state as it was at a past revision, as far as retention goes: errc::expired before that,
  /// errc::bad_request for a revision that has not happened. May read from disk; any thread.
  virtual result<snapshot> at(uint64_t revision) = 0;

  /// The newest changes of the object at `key`, newest first, as far as retention goes. May read
  /// from disk; any thread.
  virtual result<std::vector<past_change>> history(std::string_view key, size_t changes_max) = 0;

  /// The newest revision that was there at a time, in milliseconds since 1970: errc::expired before
  /// what is kept.
  virtual result<uint64_t> revision_at(uint64_t time_ms) = 0;

  /// Asks for `change`, which is decided when applied. `done` is called exactly once, on a thread
  /// of the store, after the outcome is durable and visible in current(); it must not block. A
  /// failed result tells why there is no outcome; only errc::timeout and errc::unavailable leave
  /// open whether it happened.
  virtual void commit(transaction change, completion done) = 0;

  /// Begins to watch one resource: see watch_options. Any thread.
  virtual result<watch> subscribe(watch_options options) = 0;

  /// Calls `ready` when current() shows everything that was acknowledged, anywhere, before this
  /// call: what a linearizable read waits for. At once where one member decides alone.
  virtual void linearize(std::function<void(result<void>)> ready) = 0;
};

/// Commits and waits for the outcome. For tests and tools: it blocks its thread.
result<outcome> commit_and_wait(store& to, transaction change);

} // namespace troupe::storage
