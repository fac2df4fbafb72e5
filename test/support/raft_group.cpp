#include "test/support/raft_group.hpp"

namespace troupe::test {

using namespace troupe::raft;

raft_group::raft_group(size_t voters, core_settings settings, uint64_t seed)
    : settings_{settings}, seed_{seed} {
  membership all;
  for (member_id id = 1; id <= voters; ++id) all.members[id] = {"m" + std::to_string(id), true};
  all.greatest_id = voters;
  for (member_id id = 1; id <= voters; ++id) {
    nodes_[id].members = all;
    start(id);
  }
}

void raft_group::add_machine(member_id id) {
  nodes_[id].members = nodes_.begin()->second.members;
  start(id);
}

void raft_group::start(member_id id) {
  auto& x = nodes_.at(id);
  restored from{x.state, x.members, x.log,
                x.applied.empty() ? x.log.base_index() : x.applied.back().index};
  x.core = std::make_unique<raft::core>(id, settings_, std::move(from), seed_ * 1000 + id);
}

void raft_group::crash(member_id id) {
  auto& x = nodes_.at(id);
  x.core.reset();
  x.disk_queue.clear(); // what was not durable is lost
}

void raft_group::tick(member_id id) {
  if (!nodes_.at(id).core) return;
  core(id).tick();
  flush(id);
}

void raft_group::tick_all(size_t times) {
  for (; times > 0; --times) {
    for (auto& [id, _] : nodes_) tick(id);
    settle();
  }
}

void raft_group::settle() {
  for (size_t steps = 0; !network.empty(); ++steps) {
    if (steps > 100'000) throw std::runtime_error("the group never settles");
    auto x = std::move(network.front());
    network.pop_front();
    step(std::move(x));
  }
}

void raft_group::step(message x) {
  auto to = x.to;
  if (!nodes_.contains(to) || !nodes_.at(to).core) return;
  // Everything crosses the wire: the codec is tested on the way.
  auto decoded = decode_message(encode(x));
  if (!decoded) throw std::runtime_error(decoded.error().message);
  core(to).step(std::move(*decoded));
  flush(to);
}

void raft_group::campaign(member_id id) {
  core(id).campaign();
  flush(id);
}

uint64_t raft_group::propose(member_id id, std::string payload) {
  auto index = core(id).propose(record_kind::transaction,
                                std::make_shared<const std::string>(std::move(payload)));
  flush(id);
  return index ? *index : 0;
}

void raft_group::unstick_disk(member_id id) {
  auto& x = nodes_.at(id);
  x.disk_stuck = false;
  for (auto& y : std::exchange(x.disk_queue, {})) write(id, std::move(y));
  flush(id);
}

void raft_group::isolate(member_id id) {
  for (auto& [other, _] : nodes_)
    if (other != id) cut(id, other), cut(other, id);
}

member_id raft_group::leader() const {
  member_id found = nobody;
  uint64_t term = 0;
  for (auto& [id, x] : nodes_)
    if (x.core && x.core->current_role() == role::leader && x.core->term() > term) {
      found = id;
      term = x.core->term();
    }
  return found;
}

member_id raft_group::elect() {
  for (int i = 0; i < 1'000 && leader() == nobody; ++i) tick_all();
  if (leader() == nobody) throw std::runtime_error("no leader");
  return leader();
}

void raft_group::flush(member_id id) {
  auto& x = nodes_.at(id);
  check(id);
  for (auto out = x.core->take_output(); !out.empty(); out = x.core->take_output()) {
    auto post = [&](std::vector<message>& messages) {
      for (auto& y : messages) {
        if (cuts_.contains({y.from, y.to}) || (drop_if && drop_if(y)))
          dropped.push_back(std::move(y));
        else
          network.push_back(std::move(y));
      }
      messages.clear();
    };
    post(out.early);
    for (auto& y : out.reads) x.reads.push_back(y);
    for (auto& y : out.wanted_chunks) x.wanted.push_back(y);
    for (auto& y : out.arrived_chunks) x.chunks.push_back(std::move(y));
    for (auto& y : out.committed) {
      auto text = y.payload ? *y.payload : std::string{};
      auto [at, fresh] = applied_everywhere_.emplace(y.index, std::pair{y.term, text});
      if (!fresh && at->second != std::pair{y.term, text})
        throw std::runtime_error("two entries were applied at " + std::to_string(y.index));
      x.applied.push_back(std::move(y));
    }
    if (x.disk_stuck) {
      x.disk_queue.push_back(std::move(out));
      continue;
    }
    write(id, std::move(out));
  }
}

void raft_group::write(member_id id, output y) {
  auto& x = nodes_.at(id);
  if (!y.entries.empty()) x.log.truncate(y.entries.front().index);
  for (auto& e : y.entries) x.log.append(e);
  if (y.state) x.state = *y.state;
  for (auto& m : y.messages)
    if (cuts_.contains({m.from, m.to}) || (drop_if && drop_if(m)))
      dropped.push_back(std::move(m));
    else
      network.push_back(std::move(m));
  if (y.mark) x.core->persisted(y.mark);
}

void raft_group::check(member_id id) {
  auto& x = core(id);
  if (x.current_role() != role::leader) return;
  auto [at, fresh] = leader_of_term_.emplace(x.term(), id);
  if (at->second != id) throw std::runtime_error("two leaders in term " + std::to_string(x.term()));
}

} // namespace troupe::test
