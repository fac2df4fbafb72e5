// The place of a POD: asked for, with volumes and tokens; and taken away when the pod ends.
#include "actors/node/place.hpp"
#include "actors/node/pod.hpp"
#include "messages/api/config.pb.h"

namespace troupe::node {

void pod_state::carry_out(const prepare_place&) {
  do_blocking(
      [with = with_, pod = pod_]() -> result<pod_place> {
        if (auto ready = with->given.network->ready(); !ready && !pod->spec().host_network())
          return ready.error();
        return make_place(*with, *pod);
      },
      [](pod_state& s, result<pod_place> made) { s.place_made(made); });
}

void pod_state::place_made(const result<pod_place>& made) {
  if (!made) {
    record_.place = progress::failed;
    record_.place_retry = now() + retry_after(++record_.place_failures);
    if (record_.place_error != made.error().message)
      tell({}, true, "FailedCreatePodSandBox",
           "Failed to create pod sandbox: " + made.error().message);
    record_.place_error = made.error().message;
    return;
  }
  record_.place = progress::done;
  record_.place_failures = 0;
  record_.place_error.clear();
  record_.ips = made->ips;
  place_ = made->view;
  if (!watch_) watch_shim();
}

bool pod_state::ask_for_tokens() {
  bool missing = false;
  for (auto& want : tokens_of(*pod_)) {
    auto held = tokens_.find(want);
    if (held != tokens_.end() && held->second.refresh_at > wall().seconds) continue;
    missing = missing || held == tokens_.end();
    if (!tokens_asked_.insert(want).second) continue;
    cluster::TokenWanted ask;
    ask.set_namespace_(pod_->metadata().namespace_());
    ask.set_service_account(pod_->spec().service_account_name());
    ask.set_pod(pod_->metadata().name());
    ask.set_pod_uid(uid());
    if (!want.audience.empty()) ask.add_audiences(want.audience);
    ask.set_expiration_seconds(want.seconds);
    with_->tokens.ask(std::move(ask), [inbox = inbox_, want](const cluster::Token& token) {
      inbox->put([want, token](pod_state& s) { s.token_came(want, token); });
    });
  }
  return missing;
}

void pod_state::token_came(const token_request& what, const cluster::Token& token) {
  tokens_asked_.erase(what);
  bool waited = record_.volumes == progress::under_way && !tokens_.contains(what);
  if (!token.refused().empty()) {
    if (waited) {
      record_.volumes = progress::failed;
      record_.volumes_retry = now() + retry_after(++record_.volumes_failures + 3);
      tell({}, true, "FailedMount",
           "MountVolume.SetUp failed: failed to fetch token: " + token.refused());
    } else {
      tokens_[what].refresh_at = wall().seconds + 30; // the old one is good for a while
    }
    return;
  }
  tokens_[what] = {token.token(), refresh_time(wall().seconds, token.expires_at()),
                   token.expires_at()};
  if (waited)
    record_.volumes = progress::none; // now they can be made
  else
    refresh_volumes();
}

void pod_state::carry_out(const prepare_volumes&) {
  if (ask_for_tokens()) return; // goes on when they have come
  do_blocking(
      [with = with_, pod = pod_, tokens = tokens_, ips = record_.ips] {
        return prepare_pod_volumes(with->where, *pod, with->told, with->view(ips), tokens);
      },
      [](pod_state& s, result<volume_places> made) { s.volumes_made(made); });
}

void pod_state::volumes_made(const result<volume_places>& made) {
  if (!made) {
    record_.volumes = progress::failed;
    record_.volumes_retry = now() + retry_after(++record_.volumes_failures + 1);
    if (record_.volumes_error != made.error().message)
      tell({}, true, "FailedMount", made.error().message);
    record_.volumes_error = made.error().message;
    return;
  }
  record_.volumes = progress::done;
  record_.volumes_failures = 0;
  record_.volumes_error.clear();
  volumes_ = *made;
}

void pod_state::refresh_volumes() {
  if (std::exchange(refreshing_, true)) {
    refresh_again_ = true;
    return;
  }
  do_blocking(
      [with = with_, pod = pod_, tokens = tokens_, ips = record_.ips] {
        return refresh_pod_volumes(with->where, *pod, with->told, with->view(ips), tokens);
      },
      [](pod_state& s, result<void> done) {
        s.refreshing_ = false;
        // What a running pod has stays as it was.
        if (!done) s.tell({}, true, "FailedMount", done.error().message);
        if (std::exchange(s.refresh_again_, false)) s.refresh_volumes();
      });
}

void pod_state::take_away(bool everything) {
  auto& m = pod_->metadata();
  auto cgroup = place_.cgroup.empty() ? pod_cgroup(with_->given.cgroup_root, *pod_) : place_.cgroup;
  do_blocking(
      [with = with_, uid = uid(), cgroup, everything,
       logs = with_->where.pod_logs(m.namespace_(), m.name(), m.uid())] {
        return take_place_away(*with, uid, cgroup, everything, logs);
      },
      [everything](pod_state& s, result<void> done) {
        if (!everything) {
          s.record_.release = progress::done;
          return;
        }
        s.record_.removal = done ? progress::done : progress::failed;
        if (!done) {
          s.record_.removal_retry = s.now() + retry_after(3);
          s.tell({}, true, "FailedKillPod", done.error().message);
        }
      });
}

void pod_state::carry_out(const release_place&) { take_away(false); }
void pod_state::carry_out(const remove_pod&) { take_away(true); }

void pod_state::carry_out(const tell_stopped&) {
  with_->forget(uid());
  with_->probes.forget(uid());
  record_.removal_told_last = true;
  if (!record_.gone_from_servers) {
    cluster::Report out;
    out.mutable_stopped()->set_namespace_(pod_->metadata().namespace_());
    out.mutable_stopped()->set_name(pod_->metadata().name());
    out.mutable_stopped()->set_uid(uid());
    with_->reports.put(std::move(out));
  }
  self_->quit();
}

} // namespace troupe::node
