#include "bin/control_plane.hpp"

#include "actors/controllers/controllers.hpp"
#include "actors/gateway/bootstrap.hpp"
#include "actors/scheduler/profile_config.hpp"
#include "bin/clock.hpp"
#include "messages/base/log.hpp"
#include "net/tls/files.hpp"
#include "storage/keyring.hpp"

namespace troupe {

result<std::unique_ptr<control_plane>> control_plane::start(const control_plane_options& options) {
  std::unique_ptr<control_plane> made(new control_plane);
  if (auto done = made->open(options); !done) return done.error();
  return made;
}

control_plane::~control_plane() {
  if (removed_) end_raft(); // nobody answers it any more: those who wait hear so at once
  if (http_) http_->stop();
  store_desk_.reset();
  ending_ = true; // whatever the stage is still told has no effect
  if (stage_) {
    std::promise<void> over;
    stage_->post([&] {
      follow();
      over.set_value();
    });
    over.get_future().wait();
  }
  if (hub_) hub_->stop();
  if (reception_)
    caf::anon_send_exit(std::exchange(reception_, nullptr), caf::exit_reason::user_shutdown);
  end_raft();
  // Before the actors' system: it waits for every thread that has used its logger.
  stage_.reset();
  if (work_) work_->end();
  system_.reset(); // waits for every actor: nobody uses what is closed below
}

result<void> control_plane::open(const control_plane_options& options) {
  options_ = options;
  auto keys = load_keys();
  if (!keys) return keys.error();
  keys_ = std::move(*keys);

  config_.add_message_types<caf::id_block::troupe>();
  config_.set("scheduler.policy", caf::atom("sharing")); // sleeps when there is nothing to do
  system_ = std::make_unique<caf::actor_system>(config_);
  reception_ = system_->spawn(nodes::reception, nodes_now_);
  stage_ = std::make_unique<storage::worker>();
  if (auto done = open_store(); !done) return done;

  work_ = std::make_unique<gateway::worker_threads>(2);
  auto given = gateway_environment();
  if (!given) return given.error();
  api_ = std::make_unique<gateway::gateway>(std::move(*given));
  if (auto done = controllers::check(options.controllers); !done) return done;
  if (!options.scheduler_config.empty()) {
    auto text = tls::load_file(options.scheduler_config);
    if (!text) return text.error();
    if (auto good = scheduler::read_profiles(*text); !good) return good.error();
    scheduler_config_ = std::move(*text);
  }
  if (!options.replicated)
    if (auto done = gateway::bootstrap(*api_); !done) return done;
  if (auto done = start_hub(); !done) return done;
  if (auto done = listen(); !done) return done;
  // With others, somebody will lead as soon as enough of us are there: the API answers before.
  bool alone = true;
  if (options.replicated) {
    auto& members = member_->replica->agreement().members();
    alone = members.members.size() == 1 && members.votes(options.id);
    join_group();
  } else {
    stage_->post([this] { lead(0); });
  }
  if (alone) first_lead_.get_future().wait();
  return let_admin_in();
}

result<pki> control_plane::load_keys() const {
  auto now = std::chrono::sys_seconds{std::chrono::seconds{wall_clock().seconds}};
  return prepare_pki(options_.data_directory / "pki", own_names(),
                     own_addresses(options_.advertised), options_.id, now);
}

result<std::shared_ptr<const storage::keyring>> control_plane::read_secret_keys() const {
  auto keys =
      storage::load_key_file((options_.data_directory / "pki" / "secrets.key").string(), true);
  if (!keys) return keys.error();
  return storage::keyring::make(std::move(*keys), {"secrets"});
}

result<std::filesystem::path> control_plane::save_backup() {
  if (options_.backup.directory.empty())
    return error{errc::conflict, "this server was started without --backup-dir"};
  std::lock_guard lock{backup_mutex_};
  return save_backup_folder(options_.backup, store_->current(), options_.data_directory / "pki",
                            *keyring_, wall_clock().seconds);
}

bool control_plane::turns() const {
  constexpr std::chrono::seconds patience{5};
  if (!member_) return true;
  auto answered = std::make_shared<std::promise<void>>();
  auto heard = answered->get_future();
  member_->group->look([answered](const raft::group_view&) { answered->set_value(); });
  return heard.wait_for(patience) == std::future_status::ready;
}

std::vector<std::string> control_plane::certificates() const {
  std::lock_guard lock{keys_mutex_};
  return {keys_.server.certificate_pem, keys_.link.certificate_pem, keys_.admin.certificate_pem};
}

result<void> control_plane::renew_certificates() {
  forget_leaves(options_.data_directory / "pki", options_.id);
  auto made = load_keys();
  if (!made) return made.error();
  auto& ca = made->authority.certificate_pem;
  if (auto done = http_->reload({made->server.certificate_pem, made->server.key_pem, ca}); !done)
    return done;
  if (auto done = hub_->renew({made->link.certificate_pem, made->link.key_pem, ca}); !done)
    return done;
  std::lock_guard lock{keys_mutex_};
  keys_.server = std::move(made->server);
  keys_.link = std::move(made->link);
  keys_.admin = std::move(made->admin);
  return let_admin_in();
}

result<void> control_plane::open_store() {
  auto path = (options_.data_directory / "store").string();
  auto keys = read_secret_keys();
  if (!keys) return keys.error();
  keyring_ = std::make_shared<storage::current_keyring>(std::move(*keys));
  if (!options_.replicated) {
    auto opened = storage::engine::open({.path = path, .seal = keyring_});
    if (!opened) return opened.error();
    care_ = &(*opened)->care();
    store_ = std::move(*opened);
    return {};
  }
  raft::replica_settings settings;
  settings.self = options_.id;
  settings.bootstrap = first_members();
  settings.seal = keyring_;
  settings.seed = entropy();
  settings.wall_clock_ms = [] {
    auto t = wall_clock();
    return static_cast<uint64_t>(t.seconds) * 1000 + static_cast<uint64_t>(t.nanos) / 1'000'000;
  };
  auto opened = open_member(std::move(settings), path);
  if (!opened) return opened.error();
  member_ = *opened;
  store_ = member_->store;
  care_ = &member_->replica->care();
  return {};
}

} // namespace troupe
