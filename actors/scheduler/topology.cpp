#include "actors/scheduler/topology.hpp"

#include <algorithm>
#include <limits>

namespace troupe::scheduler {

namespace {

// Groups of shapes that are gone are kept until there are this many more than were needed.
constexpr size_t groups_slack = 1'024;
// What a required affinity of a pod that is there weighs for a newcomer that fulfils it.
constexpr int32_t required_affinity_weight = 1;

size_t word(std::string_view key, std::string_view value) {
  std::hash<std::string_view> h;
  return h(key) * 31 + h(value);
}
size_t owner_word(std::string_view owner) { return word("\x01owner", owner); }

} // namespace

topology::topology(const node_table& table, namespace_lookup spaces)
    : table_{table}, spaces_{std::move(spaces)} {
  begin_again();
}

// -- making counters
// --------------------------------------------------------------------------------

uint32_t topology::key_of(const std::string& name) {
  auto [hit, fresh] = key_ids_.emplace(name, keys_.size());
  if (fresh) {
    keys_.push_back({name, {}, {}, {}, {}});
    for (node_index n = 0; n < table_.rows(); ++n) enter(keys_.back(), n);
  }
  return hit->second;
}

uint32_t topology::scope_of(const shape& form, const spread_rule& rule) {
  scope s;
  if (rule.honour_wish && !form.wish.any_node()) {
    s.wish = form.wish;
    s.text = form.text; // coarser would do, but shapes with wishes of their own are few
  }
  if (rule.honour_taints) {
    s.honour_taints = true;
    s.tolerations = form.tolerations;
    s.text = "taints:" + form.text;
  }
  for (auto& other : form.spread)
    if (other.required == rule.required) s.keys.push_back(other.topology_key);
  std::sort(s.keys.begin(), s.keys.end());
  for (auto& k : s.keys) s.text.append("|").append(k);
  auto [hit, fresh] = scope_ids_.emplace(s.text, scopes_.size());
  if (fresh) {
    for (auto& k : s.keys) s.nodes[key_of(k)];
    scopes_.push_back(std::move(s));
    for (node_index n = 0; n < table_.rows(); ++n) enter(scopes_.back(), n);
  }
  return hit->second;
}

uint32_t topology::group_of(std::vector<pod_selector> all_of) {
  std::string text;
  for (auto& s : all_of) text.append(s.text()).append("&");
  auto [hit, fresh] = group_ids_.emplace(std::move(text), groups_.size());
  if (!fresh) return hit->second;
  auto id = hit->second;
  auto& first = all_of.front();
  auto& needed = first.labels.requirements();
  auto equal = std::find_if(needed.begin(), needed.end(), [](auto& r) {
    return r.what == requirement::op::in && r.values.size() == 1;
  });
  if (!first.owner.empty())
    by_word_[owner_word(first.owner)].push_back(id);
  else if (equal != needed.end())
    by_word_[word(equal->key, equal->values[0])].push_back(id);
  else
    loose_.push_back(id);
  groups_.push_back({std::move(all_of), {}, {}, {}});
  return id;
}

counter_id topology::counter_of(uint32_t g, const std::string& key, uint32_t scope, role what) {
  auto k = key_of(key);
  auto text = std::to_string(g) + "/" + std::to_string(k) + "/" + std::to_string(scope) + "/" +
              std::to_string(static_cast<int>(what));
  auto [hit, fresh] = counter_ids_.emplace(std::move(text), counters_.size());
  if (!fresh) return hit->second;
  auto id = hit->second;
  counters_.push_back({k, scope, {}, 0});
  auto& owner = groups_[g];
  (what == role::counted    ? owner.counted
   : what == role::repelled ? owner.repelled
                            : owner.pulled)
      .push_back(id);
  // Rules count themselves as their pods come; pods that are there already are counted now.
  if (what == role::counted)
    table_.each_pod([&](const pod_facts& pod, node_index where) {
      if (belongs(groups_[g], pod)) add(counters_[id], where, 1, 1);
    });
  return id;
}

pod_rules topology::resolve(const shape& form) {
  if (groups_.size() + scopes_.size() > groups_after_start_ + groups_slack) begin_again();
  pod_rules out;
  for (auto& rule : form.spread) {
    auto scope = scope_of(form, rule);
    auto c = counter_of(group_of({rule.who}), rule.topology_key, scope, role::counted);
    (rule.required ? out.required_spread : out.wanted_spread).push_back({&rule, c});
  }
  if (!form.together.empty()) {
    std::vector<pod_selector> all;
    for (auto& t : form.together) all.push_back(t.who);
    auto g = group_of(std::move(all));
    for (auto& t : form.together)
      out.together.push_back(counter_of(g, t.topology_key, 0, role::counted));
  }
  for (auto& t : form.apart)
    out.apart.push_back(counter_of(group_of({t.who}), t.topology_key, 0, role::counted));
  for (auto& t : form.preferred)
    out.preferred.emplace_back(counter_of(group_of({t.who}), t.topology_key, 0, role::counted),
                               t.weight);
  return out;
}

void topology::begin_again() {
  ++generation_;
  for (auto everything : {&key_ids_, &scope_ids_, &group_ids_, &counter_ids_}) everything->clear();
  keys_.clear();
  scopes_.clear();
  groups_.clear();
  counters_.clear();
  by_word_.clear();
  loose_.clear();
  scopes_.emplace_back(); // the first: every node
  for (node_index n = 0; n < table_.rows(); ++n) enter(scopes_.back(), n);
  table_.each_pod([&](const pod_facts& pod, node_index where) { tally_own(pod, where, 1); });
  groups_after_start_ = groups_.size();
}

void topology::namespaces_changed() {
  for (auto& g : groups_)
    for (auto& s : g.all_of)
      if (s.has_namespace_selector) return begin_again();
}

// -- nodes
// ------------------------------------------------------------------------------------------

void topology::enter(key_column& key, node_index row) {
  if (key.of_row.size() <= row) key.of_row.resize(row + 1, -1);
  key.of_row[row] = -1;
  if (!table_.there(row)) return;
  auto label = table_.entry(row).label(key.name);
  if (!label) return;
  auto hit = key.ids.find(*label);
  if (hit == key.ids.end()) {
    auto id = static_cast<int32_t>(key.nodes.size());
    if (key.free.empty()) {
      key.nodes.push_back(0);
    } else {
      id = key.free.back();
      key.free.pop_back();
    }
    hit = key.ids.emplace(std::string(*label), id).first;
  }
  key.of_row[row] = hit->second;
  ++key.nodes[static_cast<size_t>(hit->second)];
}

void topology::enter(scope& s, node_index row) {
  if (s.in.size() <= row) s.in.resize(row + 1);
  s.in[row] = false;
  if (!table_.there(row)) return;
  auto& node = table_.entry(row);
  if (!s.wish.matches(node)) return;
  if (s.honour_taints &&
      (table_.unschedulable(row) || untolerated(table_.taints(row), s.tolerations)))
    return;
  for (auto& k : s.keys)
    if (!node.label(k)) return;
  s.in[row] = true;
  for (auto& [key, nodes] : s.nodes) {
    auto d = keys_[key].of_row[row];
    if (d < 0) continue;
    if (nodes.size() <= static_cast<size_t>(d)) nodes.resize(static_cast<size_t>(d) + 1);
    ++nodes[static_cast<size_t>(d)];
  }
}

void topology::leave(node_index row) {
  for (auto& s : scopes_) {
    if (row >= s.in.size() || !s.in[row]) continue;
    s.in[row] = false;
    for (auto& [key, nodes] : s.nodes)
      if (auto d = keys_[key].of_row[row]; d >= 0) --nodes[static_cast<size_t>(d)];
  }
  for (auto& key : keys_) {
    if (row >= key.of_row.size()) continue;
    auto d = std::exchange(key.of_row[row], -1);
    if (d < 0 || --key.nodes[static_cast<size_t>(d)] > 0) continue;
    std::erase_if(key.ids, [&](auto& x) { return x.second == d; });
    key.free.push_back(d);
  }
}

void topology::node_put(node_index where) {
  leave(where);
  for (auto& k : keys_) enter(k, where);
  for (auto& s : scopes_) enter(s, where);
}

void topology::node_gone(node_index where) { leave(where); }

// -- pods
// -------------------------------------------------------------------------------------------

bool topology::belongs(const group& g, const pod_facts& pod) const {
  return std::all_of(g.all_of.begin(), g.all_of.end(), [&](auto& s) {
    return !(s.staying && pod.going) && s.matches(*pod.entry, pod.owner, spaces_);
  });
}

template<class Visit> void topology::each_group(const pod_facts& pod, Visit visit) const {
  if (groups_.empty()) return;
  auto look = [&](const std::vector<uint32_t>& ids) {
    for (auto id : ids)
      if (belongs(groups_[id], pod)) visit(groups_[id]);
  };
  look(loose_);
  auto by = [&](size_t hash) {
    if (auto hit = by_word_.find(hash); hit != by_word_.end()) look(hit->second);
  };
  if (!pod.owner.empty()) by(owner_word(pod.owner));
  pod.entry->index().labels(
      [&](std::string_view key, std::string_view value) { by(word(key, value)); });
}

void topology::add(counter& c, node_index row, int32_t what, int sign) {
  auto& key = keys_[c.key];
  auto d = row < key.of_row.size() ? key.of_row[row] : -1;
  auto& in = scopes_[c.scope].in;
  if (d < 0 || row >= in.size() || !in[row]) return;
  if (c.by_domain.size() <= static_cast<size_t>(d)) c.by_domain.resize(key.nodes.size());
  c.by_domain[static_cast<size_t>(d)] += sign * what;
  c.total += sign;
}

void topology::tally(const pod_facts& pod, node_index where, int sign) {
  each_group(pod, [&](const group& g) {
    for (auto c : g.counted) add(counters_[c], where, 1, sign);
  });
  tally_own(pod, where, sign);
}

void topology::tally_own(const pod_facts& pod, node_index where, int sign) {
  auto& form = *pod.form;
  for (auto& t : form.apart)
    add(counters_[counter_of(group_of({t.who}), t.topology_key, 0, role::repelled)], where, 1,
        sign);
  for (auto& t : form.preferred)
    add(counters_[counter_of(group_of({t.who}), t.topology_key, 0, role::pulled)], where, t.weight,
        sign);
  for (auto& t : form.together)
    add(counters_[counter_of(group_of({t.who}), t.topology_key, 0, role::pulled)], where,
        required_affinity_weight, sign);
}

foreign_rules topology::about(const pod_facts& pod) const {
  foreign_rules out;
  each_group(pod, [&](const group& g) {
    for (auto c : g.repelled)
      if (counters_[c].total > 0) out.repelled.push_back(c);
    for (auto c : g.pulled)
      if (counters_[c].total > 0) out.pulled.push_back(c);
  });
  return out;
}

// -- questions
// --------------------------------------------------------------------------------------

bool topology::matches(const spread_rule& rule, const pod_facts& pod) const {
  return rule.who.matches(*pod.entry, pod.owner, spaces_);
}

bool topology::matches_itself(const pod_facts& pod) const {
  auto& terms = pod.form->together;
  return std::all_of(terms.begin(), terms.end(),
                     [&](auto& t) { return t.who.matches(*pod.entry, pod.owner, spaces_); });
}

int32_t topology::domain(counter_id counter, node_index row) const {
  auto& of = keys_[counters_[counter].key].of_row;
  return row < of.size() ? of[row] : -1;
}

topology::least topology::smallest(counter_id counter) const {
  auto& c = counters_[counter];
  auto hit = scopes_[c.scope].nodes.find(c.key);
  least out{std::numeric_limits<int32_t>::max(), 0};
  if (hit == scopes_[c.scope].nodes.end()) return {0, 0};
  auto& nodes = hit->second;
  for (size_t d = 0; d < nodes.size(); ++d) {
    if (nodes[d] == 0) continue;
    ++out.domains;
    out.count = std::min(out.count, d < c.by_domain.size() ? c.by_domain[d] : 0);
  }
  if (out.domains == 0) out.count = 0;
  return out;
}

} // namespace troupe::scheduler
