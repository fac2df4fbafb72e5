#include "net/dataplane/service_table.hpp"

#include "net/dataplane/conntrack.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netlink.h>

namespace troupe::dataplane {

namespace {

using nft::comparison;
using nft::hook;
using nft::rule;

// Registers: the key of a door takes three; what completes it to the key of a backend and what is
// found for that follow.
constexpr nft::reg key = 0, slot = 3, source = 3, target = 4, target_port = 5;

constexpr uint8_t udp = 17;
constexpr uint32_t state_new = 8; // as the kernel counts: 1 << (IP_CT_NEW + 1)
constexpr int guarding = -110, before_routing = -100, after_routing = 100, filtering = 0;

std::string raw(const address& a) {
  return std::string(reinterpret_cast<const char*>(a.bytes.data()), 4);
}

std::string raw(uint32_t v) { return std::string(reinterpret_cast<const char*>(&v), 4); }

std::string raw_port(uint16_t port) {
  auto v = htons(port);
  return std::string(reinterpret_cast<const char*>(&v), 2) + std::string(2, '\0');
}

std::string raw(const door& d) {
  return raw(d.ip) + static_cast<char>(d.protocol) + std::string(3, '\0') + raw_port(d.port);
}

std::string raw(const backend& b) { return raw(b.ip) + raw_port(b.port); }

std::string mask_of(const network& n) {
  uint32_t m = n.bits == 0 ? 0 : htonl(~uint32_t{0} << (32 - n.bits));
  return raw(m);
}

rule& load_door(rule& r) {
  return r.load_destination(key).load_protocol(1).load_destination_port(2);
}

/// The door at which the client of a translated connection knocked.
rule& load_original_door(rule& r) {
  return r.load_original_destination(key).load_protocol(1).load_original_port(2);
}

uint32_t slots_of(size_t backends) {
  return backends > exact_backends_max ? shared_slots : static_cast<uint32_t>(backends);
}

std::string pick_chain(uint32_t slots) { return "pick-" + std::to_string(slots); }

rule pick(uint32_t slots) {
  rule r;
  load_door(r).load_random(slot, slots).find(key, "slots", target);
  return r;
}

} // namespace

result<service_table> service_table::open(service_table_settings given) {
  auto socket = netlink_socket::open(NETLINK_NETFILTER);
  if (!socket) return socket.error();
  return service_table(std::move(given), std::move(*socket));
}

result<void> service_table::rebuild() {
  nft::transaction to(given_.table);
  if (nft::table_exists(socket_, given_.table)) to.remove_table();
  make_skeleton(to);
  placed_.clear();
  hairpins_.clear();
  made_chains_.clear();
  guards_.clear();
  sticky_changed_.clear();
  dirty_.clear();
  for (auto& [at, what] : wanted_) change(to, at);
  auto batch = to.take();
  auto done = socket_.commit(batch);
  broken_ = !done;
  if (done) forget_flows();
  return done;
}

void service_table::make_skeleton(nft::transaction& to) {
  using namespace nft;
  constexpr auto door_type = concatenation({type_address, type_protocol, type_port});
  constexpr auto backend_type = concatenation({type_address, type_port});
  to.make_table();
  to.make_set("doors", {.key_type = door_type, .key_bytes = 12, .map = true, .verdicts = true});
  to.make_set("sticky", {.key_type = door_type, .key_bytes = 12, .map = true, .verdicts = true});
  to.make_set("guarded", {.key_type = door_type, .key_bytes = 12, .map = true, .verdicts = true});
  to.make_set("closed", {.key_type = door_type, .key_bytes = 12, .map = true, .verdicts = true});
  to.make_set("slots",
              {.key_type = concatenation({type_address, type_protocol, type_port, type_mark}),
               .key_bytes = 16,
               .map = true,
               .value_type = backend_type,
               .value_bytes = 8});
  to.make_set("stuck",
              {.key_type = concatenation({type_address, type_protocol, type_port, type_address}),
               .key_bytes = 16,
               .map = true,
               .value_type = backend_type,
               .value_bytes = 8,
               .dynamic = true});
  to.make_set("hairpins",
              {.key_type = concatenation({type_address, type_address}), .key_bytes = 8});

  for (uint32_t n = 1; n <= exact_backends_max; ++n) {
    to.make_chain(pick_chain(n));
    to.add_rule(pick_chain(n), pick(n).send_to(target, target_port));
  }
  to.make_chain(pick_chain(shared_slots));
  to.add_rule(pick_chain(shared_slots), pick(shared_slots).send_to(target, target_port));

  rule guard;
  to.make_filter_chain("guard", hook::prerouting, guarding);
  to.add_rule("guard", load_door(guard).find_verdict(key, "guarded"));

  // Who has been led to a backend of a sticky door is noted where the translation is done. Only
  // there can the map's key and value be spelt in words that every `nft` can read back.
  for (auto [name, at] :
       {std::pair("note-sent", hook::postrouting), std::pair("note-arrived", hook::input)}) {
    rule r;
    to.make_filter_chain(name, at, filtering);
    to.add_rule(name, load_original_door(r.load_connection_state(key)
                                             .mask(key, key, raw(uint32_t{state_new}))
                                             .compare(key, comparison::not_equal, raw(uint32_t{0})))
                          .find_verdict(key, "sticky"));
  }

  for (auto [name, at] :
       {std::pair("from-outside", hook::prerouting), std::pair("from-here", hook::output)}) {
    rule r;
    to.make_nat_chain(name, at, before_routing);
    to.add_rule(name, load_door(r).find_verdict(key, "doors"));
  }

  // What nobody stands behind is refused at once, so that clients need not wait for a timeout.
  to.make_chain("refuse");
  rule tcp;
  to.add_rule("refuse",
              tcp.load_protocol(key).compare(key, comparison::equal, "\x06").reject_connection());
  to.add_rule("refuse", rule{}.reject_unreachable());
  for (auto [name, at] :
       {std::pair("refuse-forwarded", hook::forward), std::pair("refuse-arrived", hook::input),
        std::pair("refuse-sent", hook::output)}) {
    rule r;
    to.make_filter_chain(name, at, filtering);
    to.add_rule(name, load_door(r).find_verdict(key, "closed"));
  }

  to.make_nat_chain("leave", hook::postrouting, after_routing);
  // A pod that reaches itself through a service must not see its own address as the sender.
  rule hairpin;
  to.add_rule("leave",
              hairpin.load_source(0).load_destination(1).is_in(0, "hairpins").masquerade());
  if (given_.all_pods.bits > 0) {
    auto all_mask = mask_of(given_.all_pods), all = raw(given_.all_pods.base);
    auto own_mask = mask_of(given_.own_pods), own = raw(given_.own_pods.base);
    // Pods speak to the world in this machine's name.
    rule egress;
    to.add_rule("leave", egress.load_source(0)
                             .mask(0, 0, own_mask)
                             .compare(0, comparison::equal, own)
                             .load_destination(0)
                             .mask(0, 0, all_mask)
                             .compare(0, comparison::not_equal, all)
                             .masquerade());
    // What came from outside for a pod of another machine must come back through here.
    rule passing;
    to.add_rule("leave", passing.load_connection_status(0)
                             .mask(0, 0, raw(uint32_t{IPS_DST_NAT}))
                             .compare(0, comparison::not_equal, raw(uint32_t{0}))
                             .load_source(0)
                             .mask(0, 0, all_mask)
                             .compare(0, comparison::not_equal, all)
                             .load_destination(0)
                             .mask(0, 0, own_mask)
                             .compare(0, comparison::not_equal, own)
                             .masquerade());
  }
}

void service_table::put(const door& at, behind what) {
  auto& all = what.backends;
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  auto [hit, fresh] = wanted_.try_emplace(at);
  if (!fresh && hit->second == what) return;
  if (fresh && wanted_.size() > doors_max) {
    wanted_.erase(hit);
    return;
  }
  hit->second = std::move(what);
  dirty_.insert(at);
}

void service_table::erase(const door& at) {
  if (wanted_.erase(at)) dirty_.insert(at);
}

result<void> service_table::commit() {
  if (broken_) return rebuild();
  if (dirty_.empty()) return {};
  nft::transaction to(given_.table);
  for (auto& at : dirty_) change(to, at);
  if (!sticky_changed_.empty()) forget_stuck(to);
  dirty_.clear();
  auto batch = to.take();
  auto done = socket_.commit(batch);
  broken_ = !done;
  if (done) forget_flows();
  return done;
}

result<void> service_table::remove() {
  nft::transaction to(given_.table);
  if (!nft::table_exists(socket_, given_.table)) return {};
  to.remove_table();
  auto batch = to.take();
  return socket_.commit(batch);
}

void service_table::change(nft::transaction& to, const door& at) {
  auto wanted = wanted_.find(at);
  auto old = placed_.find(at);
  if (at.protocol == udp) flows_stale_.insert(at);
  if (old != placed_.end()) {
    if (wanted != wanted_.end() && wanted->second == old->second.what) return;
    // The same number of exact backends: the door stays, some slots are changed.
    auto& before = old->second;
    if (wanted != wanted_.end() && !wanted->second.backends.empty() &&
        before.what.backends.size() == wanted->second.backends.size() &&
        before.slots.size() == wanted->second.backends.size() &&
        before.what.sticky_seconds == wanted->second.sticky_seconds &&
        before.what.allowed == wanted->second.allowed) {
      auto& now = wanted->second.backends;
      std::vector<backend> added;
      std::set_difference(now.begin(), now.end(), before.what.backends.begin(),
                          before.what.backends.end(), std::back_inserter(added));
      for (uint32_t i = 0; i < before.slots.size(); ++i) {
        if (std::binary_search(now.begin(), now.end(), before.slots[i])) continue;
        to.remove("slots", raw(at) + raw(i));
        before.slots[i] = added.back();
        added.pop_back();
        to.add("slots", raw(at) + raw(i), raw(before.slots[i]));
      }
      count_hairpins(to, before.what.backends, -1);
      count_hairpins(to, now, +1);
      if (before.what.sticky_seconds > 0) sticky_changed_.insert(raw(at));
      before.what = wanted->second;
      return;
    }
    close_door(to, at, before);
    if (wanted == wanted_.end()) {
      placed_.erase(old);
      return;
    }
  }
  if (wanted == wanted_.end()) return;
  auto& fresh = placed_[at];
  fresh.what = wanted->second;
  open_door(to, at, fresh);
}

void service_table::close_door(nft::transaction& to, const door& at, placed& old) {
  if (old.what.backends.empty()) return to.remove("closed", raw(at));
  to.remove("doors", raw(at));
  auto slots = slots_of(old.what.backends.size());
  for (uint32_t i = 0; i < slots; ++i) to.remove("slots", raw(at) + raw(i));
  count_hairpins(to, old.what.backends, -1);
  if (!old.what.allowed.empty()) to.remove("guarded", raw(at));
  if (old.what.sticky_seconds == 0) return;
  to.remove("sticky", raw(at));
  sticky_changed_.insert(raw(at));
}

void service_table::open_door(nft::transaction& to, const door& at, placed& fresh) {
  auto& what = fresh.what;
  if (what.backends.empty()) {
    fresh.slots.clear();
    return to.add("closed", raw(at),
                  what.silent ? nft::verdict::drop() : nft::verdict::go_to("refuse"));
  }
  auto slots = slots_of(what.backends.size());
  fresh.slots = slots == shared_slots ? std::vector<backend>{} : what.backends;
  for (uint32_t i = 0; i < slots; ++i)
    to.add("slots", raw(at) + raw(i), raw(what.backends[i % what.backends.size()]));
  bool sticky = what.sticky_seconds > 0;
  auto chain = sticky ? stick_chain(to, slots) : pick_chain(slots);
  to.add("doors", raw(at), nft::verdict::go_to(chain));
  if (sticky) to.add("sticky", raw(at), nft::verdict::go_to(note_chain(to, what.sticky_seconds)));
  count_hairpins(to, what.backends, +1);
  if (!what.allowed.empty())
    to.add("guarded", raw(at), nft::verdict::go_to(guard_chain(to, what.allowed)));
}

std::string service_table::guard_chain(nft::transaction& to, const std::vector<network>& allowed) {
  std::string text;
  for (auto& n : allowed) text += n.base.text() + "/" + std::to_string(n.bits) + " ";
  auto& name = guards_[text];
  if (!name.empty()) return name;
  name = "guard-" + std::to_string(guards_.size());
  to.make_chain(name);
  for (auto& n : allowed) {
    rule r;
    r.load_source(key);
    if (n.bits < 32) r.mask(key, key, mask_of(n));
    to.add_rule(name,
                r.compare(key, comparison::equal, raw(n.base)).decide(nft::verdict::accept()));
  }
  to.add_rule(name, rule{}.decide(nft::verdict::drop()));
  return name;
}

/// A UDP client would go on to be led where it was led first: nobody tells it that its backend has
/// gone, or that there is one now.
void service_table::forget_flows() {
  if (flows_stale_.empty()) return;
  auto doors = std::exchange(flows_stale_, {});
  auto gone = forget_udp_flows([&](const flow& f) {
    door at{f.asked, f.protocol, f.asked_port};
    if (!doors.contains(at)) return false;
    auto p = placed_.find(at);
    if (p == placed_.end()) return true;
    auto& all = p->second.what.backends;
    return std::find(all.begin(), all.end(), backend{f.answering, f.answering_port}) == all.end();
  });
  (void)gone; // flows also end by themselves
}

std::string service_table::stick_chain(nft::transaction& to, uint32_t slots) {
  auto name = "stick-" + std::to_string(slots);
  if (!made_chains_.insert(name).second) return name;
  to.make_chain(name);
  rule again;
  to.add_rule(
      name,
      load_door(again).load_source(source).find(key, "stuck", target).send_to(target, target_port));
  to.add_rule(name, rule{}.decide(nft::verdict::go_to(pick_chain(slots))));
  return name;
}

std::string service_table::note_chain(nft::transaction& to, int seconds) {
  auto name = "note-" + std::to_string(seconds);
  if (!made_chains_.insert(name).second) return name;
  to.make_chain(name);
  rule note;
  to.add_rule(name, load_original_door(note)
                        .load_original_source(source)
                        .load_destination(target)
                        .load_destination_port(target_port)
                        .remember(key, target, "stuck", static_cast<uint64_t>(seconds) * 1000));
  return name;
}

void service_table::forget_stuck(nft::transaction& to) {
  std::map<std::string, const behind*> by_door;
  for (auto& at : dirty_)
    if (auto p = placed_.find(at); p != placed_.end()) by_door[raw(at)] = &p->second.what;
  (void)nft::list_elements(
      socket_, given_.table, "stuck", [&](std::string_view k, std::string_view value) {
        if (k.size() != 16 || value.size() != 8) return;
        std::string at(k.substr(0, 12));
        if (!sticky_changed_.contains(at)) return;
        auto p = by_door.find(at);
        bool stays = p != by_door.end() &&
                     std::any_of(p->second->backends.begin(), p->second->backends.end(),
                                 [&](auto& b) { return raw(b) == value; });
        if (!stays) to.remove("stuck", k);
      });
  sticky_changed_.clear();
}

void service_table::count_hairpins(nft::transaction& to, const std::vector<backend>& backends,
                                   int by) {
  for (auto& b : backends) {
    if (!given_.own_pods.contains(b.ip)) continue;
    auto& count = hairpins_[b.ip];
    bool before = count > 0;
    count += by;
    if (!before && count > 0) to.add("hairpins", raw(b.ip) + raw(b.ip));
    if (before && count <= 0) to.remove("hairpins", raw(b.ip) + raw(b.ip));
    if (count <= 0) hairpins_.erase(b.ip);
  }
}

} // namespace troupe::dataplane
