// What can be said of an actor of the directory from outside, and to it.
#pragma once

#include "actors/directory.hpp"
#include "messages/base/error.hpp"
#include "messages/base/json.hpp"

#include <functional>

namespace troupe::insight {

/// Its name, who supervises it, whether it lives.
json::object card_of(const directory::row& r);

/// The same, what is in its mailbox, and how long a message waits there now: the time of a question
/// that every actor answers. `done` is called once, on any thread.
void ask_actor(const directory::row& r, std::function<void(json::object)> done);

/// Says a word to it; fails with the words it takes.
result<void> tell_actor(const directory::row& r, std::string_view word);

} // namespace troupe::insight
