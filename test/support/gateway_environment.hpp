// What a gateway needs at least, for tests that make one: a clock that stands, and ids in turn.
#pragma once

#include "actors/gateway/gateway.hpp"

namespace troupe::test {

inline gateway::environment environment_of(storage::store& store, gateway::worker_threads& work) {
  gateway::environment given;
  given.store = &store;
  given.work = &work;
  given.now = [] { return timestamp{1000, 0}; };
  given.random = [n = uint64_t{0}]() mutable { return ++n; };
  return given;
}

} // namespace troupe::test
