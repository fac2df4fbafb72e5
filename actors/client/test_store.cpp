#include "actors/client/test_store.hpp"

#include <functional>

namespace troupe::client {

namespace {

constexpr size_t batch_max = 4;

error no_past() { return {errc::expired, "this store keeps no past"}; }

} // namespace

class test_store::desk final : public storage::store {
public:
  desk(test_store& behind, std::string who, bool at_once)
      : behind_{behind}, who_{std::move(who)}, at_once_{at_once} {}

  storage::snapshot current() const override { return behind_.live_.current(); }
  result<storage::snapshot> at(uint64_t) override { return no_past(); }
  result<std::vector<storage::past_change>> history(std::string_view, size_t) override {
    return no_past();
  }
  result<uint64_t> revision_at(uint64_t) override { return no_past(); }
  result<storage::watch> subscribe(storage::watch_options options) override {
    if (behind_.deafen && behind_.deafen(who_, options.resource)) options.resource = "nothing";
    return behind_.live_.subscribe(std::move(options));
  }
  void linearize(std::function<void(result<void>)> ready) override { ready({}); }
  void commit(storage::transaction change, completion done) override {
    if (behind_.tamper) behind_.tamper(who_, change);
    if (!at_once_) return behind_.queue_.push_back({std::move(change), std::move(done)});
    auto outcome = behind_.decide(std::move(change));
    behind_.publish();
    done(std::move(outcome));
  }

private:
  test_store& behind_;
  const std::string who_;
  const bool at_once_;
};

std::shared_ptr<storage::store> test_store::desk_of(const std::string& who) {
  return std::make_shared<desk>(*this, who, false);
}

std::shared_ptr<storage::store> test_store::counter() {
  return std::make_shared<desk>(*this, "client", true);
}

result<storage::outcome> test_store::decide(storage::transaction change) {
  if (change.mutations.empty()) return storage::outcome{}; // a bug has taken all of it away
  if (auto good = storage::check(change); !good) return good.error();
  auto outcome = live_.apply(std::move(change), term);
  ++(outcome.refused ? refusals : commits);
  return outcome;
}

void test_store::publish() {
  auto events = live_.publish();
  for (auto& e : events) {
    auto note = [this](std::string_view text) {
      for (unsigned char c : text) digest = (digest ^ c) * 1099511628211u;
    };
    note(e->now->key());
    note(e->now->value());
  }
  for (size_t at = 0; heard && at < events.size();) {
    std::vector<storage::event_ptr> together;
    auto revision = events[at]->revision();
    while (at < events.size() && events[at]->revision() == revision)
      together.push_back(events[at++]);
    heard(together);
  }
}

void test_store::turn() {
  if (stalled_ > 0) return void(--stalled_);
  std::vector<std::pair<storage::store::completion, result<storage::outcome>>> answers;
  for (auto left = 1 + random_() % batch_max; left > 0 && !queue_.empty(); --left) {
    auto next = std::move(queue_.front());
    queue_.pop_front();
    auto outcome = decide(std::move(next.change));
    answers.emplace_back(std::move(next.done), std::move(outcome));
  }
  publish();
  for (auto& [done, outcome] : answers) done(std::move(outcome));
}

} // namespace troupe::client
