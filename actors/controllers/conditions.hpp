// Conditions of any kind's status: set, dropped, found by type. Pure.
#pragma once

#include "messages/base/time.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace troupe::controllers {

/// Sets a condition; the time of its last change moves only when its status does. Returns whether
/// anything differs.
template<class Conditions>
bool set_condition(Conditions& all, std::string_view type, bool holds, std::string_view reason,
                   std::string_view message, timestamp now) {
  auto hit = std::find_if(all.begin(), all.end(), [&](auto& c) { return c.type() == type; });
  const char* status = holds ? "True" : "False";
  if (hit != all.end() && hit->status() == status && hit->reason() == reason &&
      hit->message() == message)
    return false;
  auto& c = hit == all.end() ? *all.Add() : *hit;
  if (c.status() != status) {
    c.mutable_last_transition_time()->set_seconds(now.seconds);
    c.mutable_last_transition_time()->clear_nanos();
  }
  c.set_type(std::string(type));
  c.set_status(status);
  c.set_reason(std::string(reason));
  c.set_message(std::string(message));
  return true;
}

template<class Conditions> bool drop_condition(Conditions& all, std::string_view type) {
  auto hit = std::find_if(all.begin(), all.end(), [&](auto& c) { return c.type() == type; });
  if (hit == all.end()) return false;
  all.erase(hit);
  return true;
}

template<class Conditions> auto find_condition(Conditions& all, std::string_view type) {
  auto hit = std::find_if(all.begin(), all.end(), [&](auto& c) { return c.type() == type; });
  return hit == all.end() ? nullptr : &*hit;
}

/// The same in a pod's status, with the generation of the pod that it is about.
template<class Pod>
bool set_pod_condition(Pod& pod, std::string_view type, bool holds, std::string_view reason,
                       std::string_view message, timestamp now) {
  auto& all = *pod.mutable_status()->mutable_conditions();
  bool changed = set_condition(all, type, holds, reason, message, now);
  auto& c = *find_condition(all, type);
  auto generation = pod.metadata().generation();
  if (c.observed_generation() == generation) return changed;
  c.set_observed_generation(generation);
  return true;
}

} // namespace troupe::controllers
