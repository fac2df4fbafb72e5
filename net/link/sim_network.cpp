#include "net/link/sim_network.hpp"

#include <algorithm>

namespace troupe::link {

/// One machine's end of a link.
class sim_network::end : public connection {
public:
  end(sim_network& net, std::string own, identity peer, uint64_t generation)
      : own_name{std::move(own)}, net_{net}, peer_{std::move(peer)}, generation_{generation} {}

  const identity& peer() const override { return peer_; }
  uint64_t generation() const override { return generation_; }
  uint16_t version() const override { return version_newest; }
  bool send(stream on, payload message) override {
    auto& waiting = queued[static_cast<size_t>(on)];
    const auto& bounds = net_.settings_.mux;
    const auto size = message->size();
    if (!alive || size > bounds.message_bytes_max ||
        (waiting != 0 && waiting + size > bounds.queue_bytes_max[static_cast<size_t>(on)]))
      return false;
    waiting += size;
    net_.carry(*this, on, std::move(message));
    return true;
  }
  void taken(stream, size_t) override {}
  size_t queued_bytes(stream on) const override { return queued[static_cast<size_t>(on)]; }
  void run(std::function<void()> call) override { net_.at(net_.now_, std::move(call)); }
  void close() override;

  const std::string own_name;
  bool alive = true;
  callbacks calls;
  std::weak_ptr<end> other;
  pair* part_of = nullptr;
  time_point last_due{};
  std::array<size_t, stream_count> queued{};

private:
  sim_network& net_;
  identity peer_;
  uint64_t generation_;
};

/// Two machines that are to be linked.
struct sim_network::pair {
  std::string one, other;
  std::shared_ptr<end> ends[2];
  uint64_t generation = 0;
};

void sim_network::end::close() {
  if (!alive) return;
  net_.at(net_.now_, [&net = net_, part = part_of, generation = generation_] {
    if (part->generation == generation) net.take_down(*part, "closed on one side");
  });
}

sim_network::sim_network(sim_settings settings, time_point now)
    : settings_{settings}, now_{now}, random_{settings.seed} {}

sim_network::~sim_network() = default;

bool sim_network::chance(double probability) {
  // Drawn even when nothing can come of it, so that one fault more does not change all that
  // follows.
  return static_cast<double>(random_() >> 11) * 0x1.0p-53 < probability;
}

void sim_network::at(time_point when, std::function<void()> call) {
  events_.emplace(std::pair{std::max(when, now_), ++order_}, std::move(call));
}

void sim_network::add(const std::string& name, on_link up) {
  machines_[name] = {std::move(up), true};
}

void sim_network::connect(const std::string& one, const std::string& other) {
  auto& made = *pairs_.emplace_back(std::make_unique<pair>(pair{one, other, {}, 0}));
  at(now_, [this, &made] { try_link(made); });
}

bool sim_network::is_cut(const std::string& from, const std::string& to) const {
  return cut_since_.contains({from, to});
}

void sim_network::try_link(pair& which) {
  if (which.ends[0]) return;
  const bool possible = machines_[which.one].running && machines_[which.other].running &&
                        !is_cut(which.one, which.other) && !is_cut(which.other, which.one);
  if (!possible) return at(now_ + settings_.redial_after, [this, &which] { try_link(which); });
  which.generation = ++generation_;
  ++counted_.links;
  which.ends[0] =
      std::make_shared<end>(*this, which.one, identity{which.other, {}, {}}, generation_);
  which.ends[1] =
      std::make_shared<end>(*this, which.other, identity{which.one, {}, {}}, generation_);
  which.ends[0]->other = which.ends[1];
  which.ends[1]->other = which.ends[0];
  for (const auto& each : {which.ends[0], which.ends[1]}) {
    each->part_of = &which;
    each->calls = machines_[each->own_name].up(each);
  }
  check_alive(which, which.generation);
}

/// A link over which one side hears nothing for too long ends, as in life.
void sim_network::check_alive(pair& which, uint64_t generation) {
  if (which.generation != generation || !which.ends[0]) return;
  for (const auto& way : {direction{which.one, which.other}, direction{which.other, which.one}}) {
    const auto cut = cut_since_.find(way);
    if (cut != cut_since_.end() && now_ - cut->second >= settings_.mux.dead_after)
      return take_down(which, "nothing was heard for too long");
  }
}

void sim_network::take_down(pair& which, const std::string& why) {
  if (!which.ends[0]) return;
  const auto first = std::exchange(which.ends[0], nullptr);
  const auto second = std::exchange(which.ends[1], nullptr);
  for (const auto& each : {first, second}) {
    each->alive = false;
    const auto calls = std::exchange(each->calls, {});
    if (machines_[each->own_name].running && calls.on_down) calls.on_down(why);
  }
  at(now_ + settings_.redial_after, [this, &which] { try_link(which); });
}

void sim_network::crash(const std::string& name) {
  machines_[name].running = false;
  for (const auto& each : pairs_)
    if (each->one == name || each->other == name) take_down(*each, "the peer is gone");
}

void sim_network::start(const std::string& name) { machines_[name].running = true; }

void sim_network::cut(const std::string& from, const std::string& to) {
  cut_since_.try_emplace({from, to}, now_);
  for (const auto& each : pairs_)
    if ((each->one == from && each->other == to) || (each->one == to && each->other == from))
      at(now_ + settings_.mux.dead_after, [this, part = each.get(), generation = each->generation] {
        check_alive(*part, generation);
      });
}

void sim_network::heal(const std::string& from, const std::string& to) {
  cut_since_.erase({from, to});
}

void sim_network::heal_all() {
  cut_since_.clear();
  clogged_until_.clear();
}

void sim_network::clog(const std::string& from, const std::string& to, time_point until) {
  clogged_until_[{from, to}] = until;
}

void sim_network::carry(end& from, stream on, payload message) {
  const auto& faults = settings_.faults;
  const auto spread = static_cast<uint64_t>((faults.delay_max - faults.delay_min).count()) + 1;
  const bool lost = chance(faults.loss);
  const int copies = chance(faults.duplication) ? 2 : 1;
  ++counted_.sent;
  if (copies == 2) ++counted_.duplicated;
  const auto sender = std::static_pointer_cast<end>(from.other.lock()->other.lock());
  for (int copy = 0; copy < copies; ++copy) {
    auto due = now_ + faults.delay_min + std::chrono::microseconds{random_() % spread};
    const auto clogged = clogged_until_.find({from.own_name, from.peer().name});
    if (clogged != clogged_until_.end()) due = std::max(due, clogged->second);
    if (!chance(faults.reordering)) due = from.last_due = std::max(due, from.last_due);
    at(due, [this, sender, on, message, lost, last = copy == copies - 1] {
      if (last) sender->queued[static_cast<size_t>(on)] -= message->size();
      const auto to = sender->other.lock();
      if (!sender->alive || !to || !to->alive) return;
      // A cut takes what is on its way, too.
      if (lost || is_cut(sender->own_name, to->own_name)) {
        ++counted_.lost;
        return;
      }
      ++counted_.delivered;
      const auto call = to->calls.on_message; // the call may end the link
      if (call) call(on, *message);
    });
  }
}

void sim_network::advance(time_point now) {
  while (!events_.empty() && events_.begin()->first.first <= now) {
    auto event = events_.extract(events_.begin());
    now_ = event.key().first;
    event.mapped()();
  }
  now_ = now;
}

std::optional<time_point> sim_network::next_event() const {
  if (events_.empty()) return {};
  return events_.begin()->first.first;
}

} // namespace troupe::link
