// The shell that controllers of many objects share. It follows the resources that concern them
// change by change, keeps a queue of the objects to look at, has one round in flight for each, and
// tries again later, and later still, what was refused. What follows from a look is up to the
// controller: reconcile() plans, and gathers what to write in a round.
#pragma once

#include "actors/controllers/environment.hpp"
#include "actors/controllers/recorder.hpp"
#include "actors/gateway/author.hpp"

#include <chrono>
#include <deque>
#include <mutex>
#include <unordered_map>

namespace troupe::controllers {

/// One look at one object. What is written in it is committed together, unless it is sent in parts.
struct round {
  const std::string& key;
  const storage::snapshot& now;
  timestamp at;
  gateway::author write;
  recorder& events;
  std::function<void(storage::transaction)> commit;

  /// What was written so far need not wait for the rest, nor hold with it.
  void send() {
    if (!write.empty()) commit(write.take());
  }

  /// Something was refused. What was written still holds; the object's turn comes again, later each
  /// time in a row.
  void fail(error why) {
    if (!failure) failure = std::move(why);
  }
  /// The object's turn comes again after this time, whatever happens until then.
  void again_after(std::chrono::milliseconds delay) {
    if (!again || delay < *again) again = delay;
  }
  /// The same, of a moment.
  void again_at(timestamp when);

  std::optional<error> failure = {};
  std::optional<std::chrono::milliseconds> again = {};
};

/// The kind of that name among the built-in ones.
const schema::kind& built_in(std::string_view group, std::string_view version,
                             std::string_view plural);

class reconciler {
public:
  /// `name` is that of the account it writes as, and of the source of its events unless people know
  /// that by another.
  reconciler(controller_actor::pointer self, environment given, std::string name,
             std::string event_source = {});
  virtual ~reconciler() = default;
  reconciler(const reconciler&) = delete;

  /// Something has happened: hears it and looks at all objects that it may concern.
  void wake();
  /// The time has come that somebody asked for.
  void alarm();

protected:
  struct change {
    storage::entry_ptr entry; ///< as it is now, or as it was when it was erased
    bool gone = false;
    storage::entry_ptr before = {}; ///< null if it is new, or told for the first time
  };
  using heard = std::function<void(const change&)>;

  /// From the first wake() on, tells of every object of `kind` once, and of each change of one.
  /// Those of a kind that was named earlier are told first.
  void listen(const schema::kind& kind, heard tell);
  /// The same for who does not ask what was before.
  void listen(const schema::kind& kind,
              std::function<void(const storage::entry_ptr& entry, bool gone)> tell) {
    listen(kind, [tell = std::move(tell)](const change& c) { tell(c.entry, c.gone); });
  }

  /// The object at `key` is to be looked at: now, or after a time.
  void mark(std::string_view key);
  void mark_after(std::string_view key, std::chrono::milliseconds delay);

  /// Everything that was heard is void: all of it will be told again.
  virtual void forget() = 0;
  /// Looks at the object at `key`, which may be gone.
  virtual void reconcile(round& r) = 0;

  controller_actor::pointer self;
  environment given;

private:
  struct subject {
    bool queued = false;
    int under_way = 0; ///< transactions
    int failures = 0;  ///< in a row
    std::optional<caf::actor_clock::time_point> due;

    bool idle() const { return !queued && under_way == 0 && failures == 0 && !due; }
  };
  struct source {
    const schema::kind* kind;
    heard tell;
    std::optional<storage::watch> watch;
  };
  /// What came of transactions, handed over by the store's thread.
  struct inbox {
    std::mutex mutex;
    std::vector<std::pair<std::string, result<storage::outcome>>> done;
  };

  void hear();
  void begin_again();
  void settle(const std::string& key, const result<storage::outcome>& done);
  void look(const std::string& key, const storage::snapshot& now);
  void commit(const std::string& key, storage::transaction tx);
  void back_off(const std::string& key, const error* why);
  void arm();
  void tidy(const std::string& key);

  std::string name_;
  recorder events_;
  std::vector<source> sources_;
  std::unordered_map<std::string, subject> subjects_;
  std::deque<std::string> queue_;
  std::shared_ptr<inbox> inbox_ = std::make_shared<inbox>();
  std::multimap<caf::actor_clock::time_point, std::string> alarms_;
  std::optional<caf::actor_clock::time_point> armed_;
};

/// The body of an actor around a reconciler.
template<class Reconciler>
controller_actor::behavior_type run(controller_actor::pointer self, environment given) {
  auto state = std::make_shared<Reconciler>(self, std::move(given));
  self->send(self, resync_atom_v);
  return {[state](resync_atom) { state->wake(); }, [state](resync_atom, bool) { state->alarm(); }};
}

} // namespace troupe::controllers
