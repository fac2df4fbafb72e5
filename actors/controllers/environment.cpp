#include "actors/controllers/environment.hpp"

namespace troupe::controllers {

ear::ear(storage::store& store, const std::string& resource, const controller_actor& self)
    : store_{store} {
  options_.resource = resource;
  options_.wake = [self] { caf::anon_send(self, resync_atom_v); };
}

void ear::drain() {
  std::vector<storage::event_ptr> heard;
  if (watch_ && watch_->read(heard)) return;
  // The first time, or too far behind: listen from here; the caller looks at the present anyway.
  watch_.reset();
  options_.after_revision = store_.current().revision();
  auto made = store_.subscribe(options_);
  if (!made) return;
  watch_.emplace(std::move(*made));
  (void)watch_->read(heard); // arms it
}

} // namespace troupe::controllers
