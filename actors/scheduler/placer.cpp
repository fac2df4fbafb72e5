#include "actors/scheduler/placer.hpp"

#include "actors/scheduler/scores.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::scheduler {

namespace {

constexpr size_t classes_max = 64; // with 100,000 nodes each takes about 1.3 MB

uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

} // namespace

std::string verdict::message() const {
  if (nodes == 0) return "no nodes available to schedule pods";
  auto head = "0/" + std::to_string(nodes) + " nodes are available: ";
  std::vector<std::string> parts;
  for (auto& [reason, count] : reasons) parts.push_back(std::to_string(count) + " " + reason);
  std::sort(parts.begin(), parts.end());
  if (!instead.empty()) parts = {instead};
  for (auto& p : parts) head.append(&p == parts.data() ? "" : ", ").append(p);
  head += ".";
  if (!preemption.empty()) head += " preemption: " + preemption;
  return head;
}

placer::placer(node_table& table, topology& counts, const volume_book& volumes,
               const volume_limits& limits, const resource_names& names, uint64_t seed)
    : table_{table}, counts_{counts}, volumes_{volumes}, limits_{limits}, names_{names}, seed_{
                                                                                             seed} {
  profile standard;
  profiles_.emplace(standard.name, standard);
}

uint64_t placer::rank(node_index n) const { return n < ranks_.size() ? ranks_[n] : mix(seed_ ^ n); }

bool placer::beats(float a_score, node_index a, float b_score, node_index b) const {
  if (a_score != b_score) return a_score > b_score;
  return rank(a) < rank(b);
}

node_index placer::better(const shape_class& c, node_index a, node_index b) const {
  if (a == no_node || b == no_node) return a == no_node ? b : a;
  return beats(c.score[a], a, c.score[b], b) ? a : b;
}

void placer::play(shape_class& c, size_t slot) const {
  c.winners[slot] = better(c, c.winners[2 * slot], c.winners[2 * slot + 1]);
}

void placer::set_fixed(shape_class& c, node_index n) {
  if (!table_.there(n) || fixed_fault(table_, *c.form, n) != filter::none) {
    c.fixed[n] = -1;
    return;
  }
  auto& w = *c.weights;
  float sum = 0;
  if (!c.form->preferences.empty() && w.preference > 0) {
    auto fulfilled = scores::preference(c.form->preferences, table_.entry(n));
    c.preference_max = std::max(c.preference_max, fulfilled);
    if (c.preference_max > 0)
      sum += w.preference * 100.0f * static_cast<float>(fulfilled) /
             static_cast<float>(c.preference_max);
  }
  auto advised = advised_against(table_.taints(n), c.form->tolerations);
  c.advised_max = std::max(c.advised_max, advised);
  if (c.advised_max > 0)
    sum +=
        w.taints * 100.0f * (1 - static_cast<float>(advised) / static_cast<float>(c.advised_max));
  else
    sum += w.taints * 100.0f;
  sum += w.images * scores::images(table_, c.form->images, n);
  c.fixed[n] = sum;
}

float placer::score(const shape_class& c, node_index n) const {
  if (c.fixed[n] < 0 || !has_room(table_, *c.form, n)) return -1;
  auto& needs = c.form->needs;
  return c.fixed[n] +
         c.weights->resources * scores::allocation(c.weights->strategy, table_, needs, n) +
         c.weights->balance * scores::balance(table_, needs, n);
}

void placer::rebuild(shape_class& c) {
  auto rows = table_.rows();
  for (auto n = static_cast<node_index>(ranks_.size()); n < rows; ++n)
    ranks_.push_back(mix(seed_ ^ n));
  c.fixed.assign(rows, -1);
  c.score.assign(rows, -1);
  // Twice: what is best of all is known after the first time.
  c.preference_max = c.advised_max = 0;
  for (node_index n = 0; n < rows; ++n) set_fixed(c, n);
  if (c.preference_max > 0 || c.advised_max > 0)
    for (node_index n = 0; n < rows; ++n) set_fixed(c, n);
  for (node_index n = 0; n < rows; ++n) c.score[n] = score(c, n);
  c.leaves = 1;
  while (c.leaves < rows) c.leaves *= 2;
  c.winners.assign(2 * c.leaves, no_node);
  for (node_index n = 0; n < rows; ++n) c.winners[c.leaves + n] = n;
  for (auto slot = c.leaves; --slot > 0;) play(c, slot);
  c.seen = table_.changes_end();
}

void placer::catch_up(shape_class& c) {
  auto end = table_.changes_end();
  if (c.seen < table_.changes_begin() || c.score.size() != table_.rows() ||
      end - c.seen > table_.rows() / 2 + 16)
    return rebuild(c);
  auto preference_max = c.preference_max, advised_max = c.advised_max;
  for (; c.seen != end; ++c.seen) {
    auto [row, fixed] = table_.change_at(c.seen);
    if (fixed) set_fixed(c, row);
    c.score[row] = score(c, row);
    for (auto slot = (c.leaves + row) / 2; slot > 0; slot /= 2) play(c, slot);
  }
  // Scores of the others are shares of the most: it has grown.
  if (c.preference_max != preference_max || c.advised_max != advised_max) rebuild(c);
}

placer::shape_class& placer::class_of(const pod_facts& pod) {
  auto hit = classes_.find(pod.form.get());
  if (hit == classes_.end()) {
    if (classes_.size() >= classes_max)
      classes_.erase(std::min_element(classes_.begin(), classes_.end(), [](auto& a, auto& b) {
        return a.second.asked < b.second.asked;
      }));
    auto weights = profiles_.find(pod.form->scheduler);
    if (weights == profiles_.end()) weights = profiles_.begin();
    hit = classes_.emplace(pod.form.get(), shape_class{}).first;
    hit->second.form = pod.form;
    hit->second.weights = &weights->second;
    rebuild(hit->second);
  } else {
    catch_up(hit->second);
  }
  auto& c = hit->second;
  c.asked = ++clock_;
  if (c.rules_generation != counts_.generation()) {
    c.rules = counts_.resolve(*c.form);
    c.rules_generation = counts_.generation();
  }
  return c;
}

node_index placer::place(const pod_facts& pod) {
  if (table_.nodes() == 0) return no_node;
  auto& c = class_of(pod);
  auto best = c.winners[1];
  if (best == no_node || c.score[best] < 0) return no_node;
  auto relations = relations_of(c, pod);
  if (relations.empty()) return best;
  return scan(c, relations, pod);
}

node_index placer::scan(const shape_class& c, const pod_relations& relations,
                        const pod_facts& pod) {
  auto& rules = relations.rules;
  auto& foreign = relations.foreign;
  bool wants_spread = !rules.wanted_spread.empty() && c.weights->spread > 0;
  bool pulled = (!rules.preferred.empty() || !foreign.pulled.empty()) && c.weights->neighbours > 0;
  std::vector<float> domain_weight;
  std::vector<int32_t> self;
  for (auto& s : rules.wanted_spread) {
    domain_weight.push_back(std::log(static_cast<float>(counts_.smallest(s.counter).domains) + 2));
    self.push_back(counts_.matches(*s.rule, pod) ? 1 : 0);
  }
  open_.clear();
  open_spread_.clear();
  open_pull_.clear();
  float spread_min = 0, spread_max = 0, pull_min = 0, pull_max = 0;
  auto rows = table_.rows();
  for (node_index n = 0; n < rows; ++n) {
    if (c.score[n] < 0 || relations.fault_at(n) != filter::none) continue;
    float spread = 0, pull = 0;
    if (wants_spread)
      for (size_t i = 0; i < rules.wanted_spread.size(); ++i) {
        auto& s = rules.wanted_spread[i];
        auto d = counts_.domain(s.counter, n);
        // A node without the label is as full as can be.
        auto count = d < 0 ? counts_.total(s.counter) : counts_.count(s.counter, d);
        spread +=
            static_cast<float>(count) * domain_weight[i] + static_cast<float>(s.rule->skew_max - 1);
      }
    if (pulled) {
      for (auto& [counter, weight] : rules.preferred)
        pull += static_cast<float>(weight * counts_.count(counter, counts_.domain(counter, n)));
      for (auto counter : foreign.pulled)
        pull += static_cast<float>(counts_.count(counter, counts_.domain(counter, n)));
    }
    bool first = open_.empty();
    spread_min = first ? spread : std::min(spread_min, spread);
    spread_max = first ? spread : std::max(spread_max, spread);
    pull_min = first ? pull : std::min(pull_min, pull);
    pull_max = first ? pull : std::max(pull_max, pull);
    open_.push_back(n);
    open_spread_.push_back(spread);
    open_pull_.push_back(pull);
  }
  auto best = no_node;
  float best_score = -1;
  for (size_t i = 0; i < open_.size(); ++i) {
    auto n = open_[i];
    auto s = c.score[n];
    if (wants_spread)
      s += c.weights->spread * 100.0f *
           (spread_max > 0 ? (spread_max + spread_min - open_spread_[i]) / spread_max : 1.0f);
    if (pulled && pull_max > pull_min)
      s += c.weights->neighbours * 100.0f * (open_pull_[i] - pull_min) / (pull_max - pull_min);
    if (best == no_node || beats(s, n, best_score, best)) {
      best = n;
      best_score = s;
    }
  }
  return best;
}

fault placer::fault_at(const pod_facts& pod, node_index n) {
  if (!table_.there(n)) return {filter::node_name, true, {}};
  auto& c = class_of(pod);
  return scheduler::explain(table_, names_, relations_of(c, pod), pod, n);
}

bool placer::fits(const pod_facts& pod, node_index n) {
  if (!table_.there(n)) return false;
  auto& c = class_of(pod);
  return c.score[n] >= 0 && relations_of(c, pod).fault_at(n) == filter::none;
}

verdict placer::explain(const pod_facts& pod) {
  verdict out;
  out.nodes = table_.nodes();
  if (out.nodes == 0) return out;
  auto& c = class_of(pod);
  auto relations = relations_of(c, pod);
  out.instead = relations.wish.impossible;
  if (!out.instead.empty()) {
    out.filters = bit(filter::volumes);
    return out;
  }
  for (node_index n = 0; n < table_.rows(); ++n) {
    if (!table_.there(n)) continue;
    auto f = scheduler::explain(table_, names_, relations, pod, n);
    out.filters |= bit(f.what);
    if (!f.final) out.open.push_back(n);
    for (auto& r : f.reasons) ++out.reasons[r];
  }
  return out;
}

} // namespace troupe::scheduler
