#include "actors/insight/trace.hpp"

#include <map>
#include <mutex>

namespace troupe::trace {

namespace detail {
std::atomic<size_t> listeners{0};
}

namespace {

struct audience {
  std::mutex mutex;
  std::map<uint64_t, std::function<void(const passage&)>> all;
};

audience& those_who_listen() {
  static auto& here = *new audience; // actors may still speak while the process ends
  return here;
}

} // namespace

void pass(const passage& what) {
  auto& to = those_who_listen();
  std::lock_guard lock{to.mutex};
  for (auto& [_, hear] : to.all) hear(what);
}

void heard(const std::string& who, std::span<const storage::event_ptr> events) {
  for (auto& e : events)
    pass({.from = "store",
          .to = who,
          .verb = e->created()                             ? "tells, as new,"
                  : e->what == storage::event::kind::erase ? "tells, as gone,"
                                                           : "tells",
          .key = e->now->key(),
          .detail = "r" + std::to_string(e->revision()),
          .object = e->now.get()});
}

void commits(const std::string& who, const storage::transaction& change,
             const std::function<const storage::entry*(std::string_view key)>& now) {
  for (auto& m : change.mutations) {
    auto before = now(m.key());
    bool erases = m.what == storage::mutation::kind::erase;
    pass({.from = who,
          .to = "store",
          .verb = erases   ? "removes"
                  : before ? "changes"
                           : "creates",
          .key = m.key(),
          .detail = erases ? std::string{} : difference(before, *m.object),
          .object = erases && before ? before : m.object.get()});
  }
}

std::string difference(const storage::entry* before, const storage::entry& after) {
  std::string out;
  for (auto& [name, value] : after.index().unpack().fields) {
    // An object's own name says nothing new, and what an event is about stands in its key.
    if (name.starts_with("metadata.") || name.starts_with("involvedObject.")) continue;
    auto old = before ? before->field(name) : std::nullopt;
    if (value.empty() || (old && *old == value)) continue;
    out.append(out.empty() ? "" : " ").append(name).append("=").append(value);
  }
  return out;
}

listener::listener(uint64_t id, std::function<void(const passage&)> hear) : id_{id} {
  auto& to = those_who_listen();
  std::lock_guard lock{to.mutex};
  to.all.insert_or_assign(id, std::move(hear));
  detail::listeners = to.all.size();
}

listener::~listener() {
  auto& to = those_who_listen();
  std::lock_guard lock{to.mutex};
  to.all.erase(id_);
  detail::listeners = to.all.size();
}

bool listens(uint64_t id) {
  auto& to = those_who_listen();
  std::lock_guard lock{to.mutex};
  return to.all.contains(id);
}

} // namespace troupe::trace
