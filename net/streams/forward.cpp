#include "net/streams/forward.hpp"

#include <charconv>

namespace troupe::streams {

namespace {

std::optional<uint16_t> read_port(std::string_view text) {
  uint16_t out = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (bad != std::errc{} || end != text.data() + text.size() || out == 0) return {};
  return out;
}

/// Brings the streams of a session together in pairs.
class forward_session : public std::enable_shared_from_this<forward_session> {
public:
  explicit forward_session(on_forward open) : open_{std::move(open)} {}

  void begin(http::duplex over, const protocol& chosen, const std::vector<uint16_t>& ports);

private:
  /// A pair of which only one half has come yet.
  struct half {
    std::optional<lane> data, error;
    uint16_t port = 0;
  };

  void opened(lane which, const http::header_list& headers);
  void pair(uint16_t port, lane data, lane error);
  void open_channels(const std::vector<uint16_t>& ports);
  void closed(lane which);

  on_forward open_;
  std::shared_ptr<session> session_;
  std::map<std::string, half> halves_;
  std::map<lane, forward_connection::callbacks> connections_; ///< by data lane
};

void forward_session::begin(http::duplex over, const protocol& chosen,
                            const std::vector<uint16_t>& ports) {
  const auto self = shared_from_this();
  session::callbacks calls;
  calls.on_open = [self](lane which, const http::header_list& headers) {
    self->opened(which, headers);
  };
  calls.on_data = [self](lane which, std::string_view data) {
    const auto at = self->connections_.find(which);
    if (at == self->connections_.end() || !at->second.on_data) return;
    const auto call = at->second.on_data; // the call may end the connection
    call(data);
  };
  calls.on_end = [self](lane which) {
    const auto at = self->connections_.find(which);
    if (at == self->connections_.end()) return;
    if (const auto call = std::exchange(at->second.on_end, nullptr)) call();
  };
  calls.on_reset = [self](lane which) { self->closed(which); };
  calls.on_closed = [self](std::string_view) {
    while (!self->connections_.empty()) self->closed(self->connections_.begin()->first);
    self->open_ = nullptr;
    self->session_.reset();
  };
  session::start(std::move(over), make_engine(chosen), [&](const std::shared_ptr<session>& made) {
    session_ = made;
    if (chosen.how == transport::channels) open_channels(ports);
    return std::move(calls);
  });
}

void forward_session::closed(lane which) {
  const auto at = connections_.find(which);
  if (at == connections_.end()) return;
  const auto call = std::move(at->second.on_closed);
  connections_.erase(at);
  if (call) call();
}

void forward_session::opened(lane which, const http::header_list& headers) {
  std::string type, id;
  std::optional<uint16_t> port;
  for (const auto& [name, value] : headers) {
    if (http::same_name(name, "streamtype"))
      type = value;
    else if (http::same_name(name, "requestid"))
      id = value;
    else if (http::same_name(name, "port"))
      port = read_port(value);
  }
  if (!port || (type != "data" && type != "error") ||
      connections_.size() + halves_.size() >= forward_connections_max)
    return session_->reset(which);
  auto& known = halves_[id];
  auto& slot = type == "data" ? known.data : known.error;
  if (slot || (known.port != 0 && known.port != *port)) return session_->reset(which);
  slot = which;
  known.port = *port;
  if (!known.data || !known.error) return;
  const auto whole = known;
  halves_.erase(id);
  pair(whole.port, *whole.data, *whole.error);
}

void forward_session::pair(uint16_t port, lane data, lane error) {
  connections_[data] = {};
  auto calls = open_(port, std::make_shared<forward_connection>(session_, data, error));
  if (const auto at = connections_.find(data); at != connections_.end())
    at->second = std::move(calls);
}

void forward_session::open_channels(const std::vector<uint16_t>& ports) {
  for (size_t i = 0; i < ports.size(); ++i) {
    const auto data = static_cast<lane>(2 * i), error = data + 1;
    // Each channel starts with its port, little end first.
    const char number[] = {static_cast<char>(ports[i]), static_cast<char>(ports[i] >> 8)};
    session_->write(data, {number, 2});
    session_->write(error, {number, 2});
    pair(ports[i], data, error);
  }
}

} // namespace

void forward_connection::finish() {
  session_->finish(error_);
  session_->finish(data_);
}

void forward_connection::fail(std::string_view why) {
  session_->write(error_, why);
  finish();
}

result<std::vector<uint16_t>> read_ports(const http::query& query) {
  constexpr size_t ports_max = 64;
  std::vector<uint16_t> out;
  for (auto list : query.all("ports"))
    while (!list.empty()) {
      const auto comma = list.find(',');
      const auto port = read_port(list.substr(0, comma));
      if (!port || out.size() == ports_max)
        return error{errc::bad_request, "a port to forward that is not a port number"};
      out.push_back(*port);
      list.remove_prefix(comma == list.npos ? list.size() : comma + 1);
    }
  return out;
}

void start_forward(http::responder reply, const protocol& chosen, std::vector<uint16_t> ports,
                   on_forward open) {
  const auto made = std::make_shared<forward_session>(std::move(open));
  made->begin(reply.upgrade(chosen.headers), chosen, ports);
}

} // namespace troupe::streams
