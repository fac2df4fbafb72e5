#include "test/sim/checkers.hpp"

#include "messages/cluster/store.pb.h"

#include <algorithm>

namespace troupe::sim {

namespace {

void require(bool fine, const std::string& what) {
  if (!fine) throw violation{what};
}

std::string name(raft::member_id who) { return "member " + std::to_string(who); }

} // namespace

void history_checker::leads(raft::member_id who, uint64_t term) {
  auto [at, _] = leaders_.emplace(term, who);
  require(at->second == who,
          name(who) + " and " + name(at->second) + " both lead term " + std::to_string(term));
}

void history_checker::applied(raft::member_id who, const raft::entry& x,
                              const storage::outcome& outcome) {
  auto payload = x.payload ? *x.payload : std::string{};
  auto at = log_.find(x.index);
  if (at == log_.end()) {
    require(log_.empty() ? x.index == 1 : x.index == log_.rbegin()->first + 1,
            name(who) + " applied entry " + std::to_string(x.index) + " before those before it");
    at = log_.emplace(x.index, agreed_entry{x.term, payload, model_apply(x)}).first;
  }
  auto where = "entry " + std::to_string(x.index) + " of " + name(who);
  require(at->second.term == x.term && at->second.payload == payload,
          where + " is not what others applied: a committed entry changed");
  auto spoken = [](const storage::outcome& x) {
    return "revision " + std::to_string(x.revision) +
           (x.refused ? ", refused for reason " + std::to_string(static_cast<int>(x.refused->why)) +
                            " at " + std::to_string(x.refused->which) + ", current " +
                            std::to_string(x.refused->current_revision)
                      : ", applied");
  };
  require(at->second.outcome == outcome, where + " came to another outcome (" + spoken(outcome) +
                                             ") than the model (" + spoken(at->second.outcome) +
                                             ")");
}

void history_checker::stands(raft::member_id who, uint64_t index, uint64_t revision) const {
  if (index == 0) return;
  auto at = log_.find(index);
  require(at != log_.end(), name(who) + " stands at an entry that nobody applied");
  require(at->second.outcome.revision == revision, name(who) + " stands at entry " +
                                                       std::to_string(index) + " with revision " +
                                                       std::to_string(revision) + " instead of " +
                                                       std::to_string(at->second.outcome.revision));
}

/// The same decision as storage::apply, made on a plain map by other code.
storage::outcome history_checker::model_apply(const raft::entry& x) {
  using storage::refusal;
  if (x.kind != raft::record_kind::transaction) return {revision_, {}};
  cluster::Transaction change;
  require(change.ParseFromString(*x.payload), "an agreed entry does not decode");
  auto now = [&](const std::string& key) { return value_at(key, revision_); };
  for (int i = 0; i < change.preconditions_size(); ++i) {
    auto& p = change.preconditions(i);
    auto current = now(p.key());
    auto holds = p.kind() == cluster::Precondition::ABSENT ? !current
                 : p.kind() == cluster::Precondition::EXISTS
                     ? current.has_value()
                     : current && current->revision == p.mod_revision();
    if (!holds)
      return {revision_, refusal{refusal::reason::precondition_failed, static_cast<size_t>(i),
                                 current ? current->revision : 0}};
  }
  for (int i = 0; i < change.mutations_size(); ++i)
    if (auto& m = change.mutations(i); m.kind() == cluster::Mutation::ERASE && !now(m.key()))
      return {revision_, refusal{refusal::reason::not_there, static_cast<size_t>(i), 0}};
  ++revision_;
  for (auto& m : change.mutations()) {
    values_[m.key()].push_back(
        {revision_, m.kind() == cluster::Mutation::PUT ? m.value() : std::string{}});
    changed_[revision_].push_back(m.key());
  }
  return {revision_, {}};
}

std::optional<history_checker::version> history_checker::value_at(const std::string& key,
                                                                  uint64_t revision) const {
  auto versions = values_.find(key);
  if (versions == values_.end()) return {};
  auto at = std::ranges::partition_point(versions->second,
                                         [&](auto& x) { return x.revision <= revision; });
  if (at == versions->second.begin() || std::prev(at)->value.empty()) return {};
  return *std::prev(at);
}

void history_checker::holds(raft::member_id who, const storage::snapshot& now) const {
  require(now.revision() <= revision_, name(who) + " is ahead of everybody");
  size_t expected = 0;
  for (auto& [key, _] : values_) {
    auto there = value_at(key, now.revision());
    auto held = now.get(key);
    expected += there.has_value();
    require(
        there.has_value() == static_cast<bool>(held) &&
            (!there || (held->value() == there->value && held->mod_revision() == there->revision)),
        name(who) + " holds a wrong " + key + " at revision " + std::to_string(now.revision()));
  }
  require(now.count("") == expected, name(who) + " holds objects that were never written");
}

void history_checker::watched(raft::member_id who, const std::string& resource, uint64_t after,
                              uint64_t progress,
                              const std::vector<storage::event_ptr>& events) const {
  auto event = events.begin();
  for (auto at = changed_.upper_bound(after); at != changed_.end() && at->first <= progress; ++at)
    for (auto& key : at->second) {
      if (storage::resource_of(key) != resource) continue;
      require(event != events.end() && (*event)->revision() == at->first &&
                  (*event)->now->key() == key,
              "a watch on " + name(who) + " missed, repeated or reordered revision " +
                  std::to_string(at->first));
      ++event;
    }
  require(event == events.end(), "a watch on " + name(who) + " heard what did not happen");
}

/// Every operation has a point in the order of revisions: a write its own revision, a read or a
/// refusal the revision it saw. The history is linearizable when the points agree with what was
/// seen (compared with the model) and with real time: what completed before something began comes
/// before.
void history_checker::linearizable(const std::vector<operation>& operations) const {
  struct moment {
    uint64_t time;
    bool begins;
    const operation* of;
  };
  std::vector<moment> moments;
  for (auto& x : operations) {
    if (!x.known) continue;
    moments.push_back({x.invoked_at, true, &x});
    moments.push_back({x.completed_at, false, &x});
  }
  std::ranges::stable_sort(moments, [](auto& a, auto& b) {
    return a.time != b.time ? a.time < b.time : a.begins > b.begins;
  });
  uint64_t seen = 0; // the greatest point of what has completed
  std::map<const operation*, uint64_t> seen_at_begin;
  for (auto& m : moments) {
    auto& x = *m.of;
    if (m.begins) {
      seen_at_begin[&x] = seen;
      continue;
    }
    auto writes = x.what == operation::kind::write && !x.outcome.refused;
    auto point = x.what == operation::kind::read ? x.read_revision : x.outcome.revision;
    auto before = seen_at_begin[&x];
    auto label = "operation " + std::to_string(x.number);
    require(writes ? point > before : point >= before,
            label + " at revision " + std::to_string(point) + " ignores revision " +
                std::to_string(before) + ", which was seen before it began: not linearizable");
    if (writes) require(changed_.contains(point), label + " was acknowledged and is lost");
    if (x.what == operation::kind::read) {
      auto there = value_at(x.read_key, point);
      require((there ? there->value : std::string{}) == x.read_value,
              label + " read what was not there");
    }
    seen = std::max(seen, point);
  }
}

} // namespace troupe::sim
