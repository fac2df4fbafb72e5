#include "test/sim/company/drama.hpp"

#include "test/sim/company/bugs.hpp"

#include <cstdio>

namespace troupe::sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds settling{900};
constexpr seconds last_runs{300}; // of that, for what cron jobs have begun
constexpr seconds silence{600};

class drama {
public:
  explicit drama(const drama_settings& given)
      : given_{given}, random_{given.seed * 7919 + 13}, on_{given.seed}, store_{given.seed + 2},
        rules_{[this] { return on_.played(); }, [this] { return on_.wall(); }} {
    store_.heard = [this](auto& events) { hear(events); };
    store_.tamper = tampering(given.bug, rules_.there());
    store_.deafen = deafness(given.bug);
    seat_ = on_.join([this] { return store_.waiting(); }, [this] { store_.turn(); });
    company_ = std::make_unique<company>(on_, store_, machine_settings{.count = 7});
  }

  ~drama() { store_.heard = {}; } // nobody judges how they part

  history run() {
    wishes_ = std::make_unique<workload>(given_.seed, given_.time, company_->machines());
    for (auto& s : wishes_->steps())
      on_.at(s.at, [this, &s] {
        tell(s.text);
        s.act(*company_, rules_);
      });
    if (given_.faults) plan_faults();
    plan_kills();
    on_.run(given_.time + seconds{10});
    tell("relent");
    workload::relent(*company_, rules_);
    on_.run(settling - last_runs);
    workload::stop_clockwork(*company_);
    on_.run(last_runs);
    check_settled(rules_.there(), store_.current());
    rules_.volumes().check_settled(rules_.there());
    auto settled = on_.now();
    on_.run(silence);
    if (last_change_ > settled)
      throw broken_rule{"although nothing happens, somebody writes " + last_key_};
    history out{summary(rules_.there(), store_.current()),
                store_.digest,
                on_.turns(),
                store_.commits,
                kills_,
                rules_.preemption().budgets_broken};
    return out;
  }

  std::string where() { return std::to_string(on_.now() / milliseconds{1}) + " ms: "; }

private:
  uint64_t pick(uint64_t below) { return random_() % below; }
  milliseconds some(uint64_t most) { return milliseconds{pick(most)}; }

  void tell(const std::string& what) {
    if (given_.trace)
      std::printf("%10.3f  %s\n", static_cast<double>(on_.now().count()) / 1e9, what.c_str());
  }

  void hear(const std::vector<storage::event_ptr>& events) {
    for (auto& e : events) {
      auto key = e->now->key();
      if (key.starts_with("events/")) continue;
      last_change_ = on_.now();
      last_key_ = key;
      if (given_.trace) tell_event(*e);
    }
    rules_.hear(events);
  }

  void tell_event(const storage::event& e) {
    std::string what = e.what == storage::event::kind::erase ? "  - "
                       : e.created()                         ? "  + "
                                                             : "  = ";
    what += e.now->key();
    if (e.now->key().starts_with("pods/")) {
      auto p = shape_of_pod(*e.now);
      what += " " + p.image + (p.node.empty() ? "" : " on " + p.node) + (p.going ? " going" : "") +
              (p.ready ? " ready" : "") + (p.over ? " over" : "") +
              (p.preempted ? " preempted" : "");
    }
    tell(what);
  }

  /// Half of the histories know no faults: their rules are the strictest.
  void plan_faults() {
    if (pick(2) == 0) return;
    auto span = static_cast<uint64_t>(given_.time / milliseconds{1});
    for (auto count = 3 + pick(12); count > 0; --count) on_.at(some(span), [this] { fault(); });
  }

  void plan_kills() {
    auto span = static_cast<uint64_t>(given_.time / milliseconds{1});
    for (unsigned i = 0; i < given_.kills; ++i) on_.at(some(span), [this] { kill(some(200)); });
  }

  void kill(milliseconds away) {
    auto who = pick(company_->players());
    tell("kill " + company_->name_of(who));
    rules_.blind(away);
    company_->kill(who, away);
    ++kills_;
  }

  void fault() {
    switch (pick(10)) {
    case 0:
    case 1: return kill(some(2'000));
    case 2:
    case 3: return lose_machine(some(5'000)); // it restarts
    case 4: return lose_machine(seconds{60} + some(400'000));
    case 5:
    case 6:
      tell("another leads");
      rules_.blind({});
      return company_->change_leader();
    case 7: {
      auto by = seconds{static_cast<int64_t>(pick(3'600)) - 30};
      tell("the wall clock jumps by " + std::to_string(by.count()) + " s");
      return on_.shift_wall(by);
    }
    case 8:
      tell("everybody sleeps");
      rules_.blind({});
      return on_.leap(some(100'000));
    case 9: return store_.stall(static_cast<unsigned>(pick(500)));
    }
  }

  void lose_machine(milliseconds away) {
    auto which = pick(company_->machines());
    tell("lose " + company::machine_name(which));
    company_->lose_machine(which);
    if (away > seconds{60} && pick(3) == 0)
      on_.at(some(50'000), [this, which] {
        if (company_->is_up(which)) return;
        tell("forget " + company::machine_name(which));
        company_->remove(*schema::registry::built_in()->by_resource("", "v1", "nodes"), {},
                         company::machine_name(which));
      });
    on_.at(away, [this, which] {
      tell("bring " + company::machine_name(which));
      company_->bring_machine(which);
    });
  }

  drama_settings given_;
  std::mt19937_64 random_;
  test_stage on_;
  test_store store_;
  test_stage::seat seat_;
  rules rules_;
  std::unique_ptr<company> company_;
  std::unique_ptr<workload> wishes_;
  nanoseconds last_change_{0};
  std::string last_key_;
  uint64_t kills_ = 0;
};

} // namespace

history play(const drama_settings& settings) {
  drama d{settings};
  try {
    return d.run();
  } catch (const broken_rule& e) {
    throw broken_rule{d.where() + e.what()};
  }
}

} // namespace troupe::sim
