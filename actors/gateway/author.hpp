// Writes that a part of the server makes by itself: defaulted, admitted, validated and entered in
// the books as those of clients are, but without a request, and as many as belong together in one
// transaction.
#pragma once

#include "actors/gateway/gateway.hpp"

#include <set>
#include <unordered_map>

namespace troupe::gateway {

class author {
public:
  /// Writes as the account `name` of kube-system, against the state `now`.
  author(gateway& g, std::string_view name, const storage::snapshot& now);
  /// Writes as that user, who must be allowed to: nobody asks here. `manager` is whose fields they
  /// are.
  author(gateway& g, user who, std::string manager, const storage::snapshot& now);
  author(const author&) = delete;

  /// Adds a new object, with a name of its own if it asks for one. Returns what will be stored;
  /// nothing is added on failure.
  result<const storage::entry*> create(const schema::kind& kind, object fresh);

  /// Replaces an object, or one part of it ("status"). The change holds only if nobody else was
  /// faster. Changing nothing adds nothing.
  result<void> update(const schema::kind& kind, const storage::entry& old, object fresh,
                      std::string_view subresource = {});

  /// The same where one list of the object is given as it is to be stored, by who knows that it is
  /// right: what is in it is neither decoded nor judged, which is most of the work where the list
  /// is most of the object. `fresh` is everything else.
  result<void> update_but_for(const schema::kind& kind, const storage::entry& old, object fresh,
                              const stored_list& list);

  /// Deletes an object as a client would: at once, after its grace period, or when its finalizers
  /// are gone.
  result<void> remove(const schema::kind& kind, const storage::entry& old,
                      const k8s::meta::v1::DeleteOptions& options);
  result<void> remove(const schema::kind& kind, const storage::entry& old);

  /// The whole holds only if this object is still as it was seen.
  void rely_on(const storage::entry& seen);

  /// What will be stored at `key`, or was last if it is removed; null if nothing is written there.
  const storage::entry* written(std::string_view key) const {
    auto hit = places_.find(std::string(key));
    return hit == places_.end() ? nullptr : tx_.mutations[hit->second].object.get();
  }
  /// Whether the object at `key` is changed already: it cannot be changed twice.
  bool touched(std::string_view key) const { return written(key); }
  bool empty() const { return tx_.mutations.empty(); }
  size_t size() const { return tx_.mutations.size(); }
  const storage::snapshot& now() const { return now_; }

  /// What was written, to be committed.
  storage::transaction take();

private:
  void begin(const schema::kind& kind, std::string_view verb, std::string_view ns,
             std::string_view name, std::string_view subresource);
  result<void> add(result<change> made);
  void require(storage::precondition p);

  gateway& g_;
  std::string manager_;
  call call_;
  const storage::snapshot& now_;
  storage::transaction tx_;
  std::unordered_map<std::string, size_t> places_; ///< of keys in the transaction's mutations
  std::set<std::pair<storage::precondition::kind, std::string>> required_;
};

} // namespace troupe::gateway
