#include "net/link/network.hpp"

#include "messages/base/log.hpp"
#include "net/link/network_core.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/post.hpp>

namespace troupe::link {

namespace {

constexpr std::chrono::milliseconds accept_pause_after_failure{100};
/// For goodbyes; a connection that hangs does not hold up the end.
constexpr std::chrono::milliseconds stop_grace{1'000};

} // namespace

void network::core::accept() {
  acceptor.async_accept(asio::make_strand(io), [this, self = shared_from_this()](
                                                   boost::system::error_code failure, socket peer) {
    if (stopping || failure == asio::error::operation_aborted) return;
    if (failure) {
      log::warn("link", "cannot accept a connection", {{"reason", failure.message()}});
      accept_pause.expires_after(accept_pause_after_failure);
      return accept_pause.async_wait([this, self](boost::system::error_code) {
        if (!stopping) accept();
      });
    }
    adopt(std::move(peer), {}, nullptr);
    accept();
  });
}

void network::core::adopt(socket peer, const std::string& name, std::function<void()> over) {
  std::shared_ptr<tcp_connection> made;
  {
    const std::lock_guard lock{mutex};
    if (all.size() >= settings.connections_max || stopping) {
      ++counters.refused;
      return;
    }
    ++(name.empty() ? counters.accepted : counters.dialed);
    made = std::make_shared<tcp_connection>(shared_from_this(), std::move(peer),
                                            name.empty() ? *server_tls : *client_tls, name,
                                            settings.mux.generation + ++generation);
    made->on_over = std::move(over);
    all.insert(made);
  }
  made->start();
}

bool network::core::admit(const std::shared_ptr<tcp_connection>& who) {
  std::shared_ptr<tcp_connection> older;
  {
    const std::lock_guard lock{mutex};
    if (who->dialed) {
      for (const auto& each : destinations) each->delay = settings.redial_after;
      return true;
    }
    if (settings.several && settings.several(who->peer())) return true;
    auto& slot = accepted_by_name[who->peer().name];
    if (slot && slot->generation() >= who->generation()) return false;
    older = std::exchange(slot, who);
  }
  // The peer has come back before its old connection was noticed to be dead.
  if (older) older->close_because("superseded by a newer connection");
  return true;
}

void network::core::forget(const std::shared_ptr<tcp_connection>& who) {
  const std::lock_guard lock{mutex};
  all.erase(who);
  if (all.empty()) emptied.notify_all();
  const auto slot = accepted_by_name.find(who->peer().name);
  if (slot != accepted_by_name.end() && slot->second == who) accepted_by_name.erase(slot);
}

void network::core::dial(const std::shared_ptr<destination>& to) {
  if (stopping || to->unwanted) return;
  boost::system::error_code failure;
  const auto ip = asio::ip::make_address(to->host, failure);
  if (!failure)
    return connect(to, asio::ip::tcp::resolver::results_type::create(
                           asio::ip::tcp::endpoint{ip, to->port}, to->host, ""));
  to->names->async_resolve(
      to->host, std::to_string(to->port),
      [this, self = shared_from_this(), to](boost::system::error_code unknown,
                                            asio::ip::tcp::resolver::results_type places) {
        if (unknown) return failed(to, unknown.message());
        connect(to, places);
      });
}

void network::core::connect(const std::shared_ptr<destination>& to,
                            const asio::ip::tcp::resolver::results_type& places) {
  if (stopping || to->unwanted) return;
  const auto made = std::make_shared<socket>(asio::make_strand(io));
  {
    const std::lock_guard lock{mutex};
    std::erase_if(attempts, [](const auto& each) { return each.expired(); });
    attempts.push_back(made);
  }
  asio::async_connect(
      *made, places,
      [this, self = shared_from_this(), made, to](boost::system::error_code failure, const auto&) {
        if (failure) return failed(to, failure.message());
        adopt(std::move(*made), to->name, [this, self, to] { redial(to); });
      });
}

void network::core::failed(const std::shared_ptr<destination>& to, std::string_view why) {
  if (stopping) return;
  {
    const std::lock_guard lock{mutex};
    ++counters.failed;
  }
  if (settings.dial_failed) settings.dial_failed(to->text(), why);
  redial(to);
}

void network::core::redial(const std::shared_ptr<destination>& to) {
  if (stopping || to->unwanted) return;
  const std::lock_guard lock{mutex};
  // Between half and the whole of the delay, so that a crowd does not come back as one.
  const auto whole = to->delay.count();
  const auto wait =
      whole / 2 + static_cast<int64_t>(chance() % static_cast<uint64_t>(whole / 2 + 1));
  to->delay = std::min(to->delay * 2, settings.redial_after_max);
  to->pause->expires_after(std::chrono::milliseconds{wait});
  to->pause->async_wait([this, self = shared_from_this(), to](boost::system::error_code failure) {
    if (!failure) dial(to);
  });
}

network::network(network_settings settings, on_link up)
    : core_{std::make_shared<core>(std::move(settings), std::move(up))} {}

network::~network() { stop(); }

result<void> network::reload(const tls::credentials& who) {
  auto server = tls::context::make(tls::style::mutual_server, who);
  if (!server) return server.error();
  auto client = tls::context::make(tls::style::mutual_client, who);
  if (!client) return client.error();
  const std::lock_guard lock{core_->mutex};
  core_->server_tls = *server;
  core_->client_tls = *client;
  if (core_->threads.empty())
    for (unsigned i = 0; i < std::max(1u, core_->settings.threads); ++i)
      core_->threads.emplace_back([core = core_.get()] { core->io.run(); });
  return {};
}

result<uint16_t> network::listen(const std::string& address, uint16_t port) {
  if (!core_->server_tls)
    if (const auto ready = reload(core_->settings.who); !ready) return ready.error();
  boost::system::error_code failure;
  const auto ip = asio::ip::make_address(address, failure);
  if (failure) return error{errc::invalid, "not an address: " + address};
  auto& acceptor = core_->acceptor;
  const asio::ip::tcp::endpoint at{ip, port};
  acceptor.open(at.protocol(), failure);
  if (!failure) acceptor.set_option(asio::socket_base::reuse_address{true}, failure);
  if (!failure) acceptor.bind(at, failure);
  if (!failure) acceptor.listen(asio::socket_base::max_listen_connections, failure);
  if (failure)
    return error{errc::unavailable, "cannot listen on " + address + " port " +
                                        std::to_string(port) + ": " + failure.message()};
  core_->accept();
  return acceptor.local_endpoint(failure).port();
}

result<void> network::dial(const std::string& address, uint16_t port, const std::string& name) {
  if (name.empty()) return error{errc::invalid, "a link needs the name of its peer"};
  if (!core_->client_tls)
    if (const auto ready = reload(core_->settings.who); !ready) return ready.error();
  if (address.empty()) return error{errc::invalid, "a link needs an address or a host's name"};
  const auto to = std::make_shared<destination>();
  to->host = address;
  to->port = port;
  to->name = name;
  to->delay = core_->settings.redial_after;
  to->pause = std::make_unique<asio::steady_timer>(core_->io);
  to->names = std::make_unique<asio::ip::tcp::resolver>(core_->io);
  {
    const std::lock_guard lock{core_->mutex};
    core_->destinations.push_back(to);
  }
  core_->dial(to);
  return {};
}

void network::undial(const std::string& name) {
  const std::lock_guard lock{core_->mutex};
  std::erase_if(core_->destinations, [&](const auto& each) {
    if (each->name != name) return false;
    each->unwanted = true; // a pause or an attempt under way ends with that
    return true;
  });
}

void network::stop() {
  auto& core = *core_;
  if (core.stopping.exchange(true)) return;
  std::vector<std::shared_ptr<tcp_connection>> all;
  {
    const std::lock_guard lock{core.mutex};
    all.assign(core.all.begin(), core.all.end());
  }
  for (const auto& each : all) each->close();
  asio::post(core.io, [&core] {
    boost::system::error_code ignored;
    core.acceptor.close(ignored);
    core.accept_pause.cancel();
    const std::lock_guard lock{core.mutex};
    for (const auto& each : core.destinations) {
      each->pause->cancel();
      each->names->cancel();
    }
  });
  {
    std::unique_lock lock{core.mutex};
    core.emptied.wait_for(lock, stop_grace, [&core] { return core.all.empty(); });
  }
  core.io.stop();
  for (auto& thread : core.threads) thread.join();
  core.stopped = true;
  // What is under way holds the core, which holds it: it ends here.
  for (const auto& each : core.attempts) {
    boost::system::error_code ignored;
    if (const auto made = each.lock()) made->close(ignored);
  }
  core.io.restart();
  core.io.poll();
}

network_counters network::counters() const {
  const std::lock_guard lock{core_->mutex};
  return core_->counters;
}

} // namespace troupe::link
