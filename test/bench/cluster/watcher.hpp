// A client that watches a resource and writes down when each event arrived; what was in them is
// looked at afterwards, so that looking takes no time from what is measured.
#pragma once

#include "messages/base/haste.hpp"
#include "test/net/support/raw_client.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <atomic>
#include <sys/socket.h>
#include <thread>
#include <vector>

namespace troupe::bench {

class watcher {
public:
  using clock = std::chrono::steady_clock;

  /// `head` is the whole request, of a watch.
  watcher(uint16_t port, std::shared_ptr<const tls::context> tls, const std::string& head)
      : client_{port, std::move(tls)} {
    client_.send(head);
    client_.until("\r\n\r\n");
    reader_ = std::jthread([this](std::stop_token stop) { read(stop); });
  }

  /// Ends the watch when what is on its way has come; `visit(when, event)` sees every event, in
  /// order.
  template<class Visit> void end(Visit visit) {
    std::this_thread::sleep_for(on_the_way);
    reader_.request_stop();
    ::shutdown(client_.descriptor(), SHUT_RD); // whoever waits for more waits no longer
    reader_.join();
    std::string lines;
    for (size_t at = 0; at < text_.size();) { // out of their chunks
      auto line = text_.find("\r\n", at);
      if (line == text_.npos) break;
      auto size = std::stoul(text_.substr(at, line - at), nullptr, 16);
      if (size == 0 || line + 2 + size > text_.size()) break;
      auto arrived = std::lower_bound(pieces_.begin(), pieces_.end(), line + 2 + size,
                                      [](auto& p, size_t end) { return p.first < end; });
      lines.append(text_, line + 2, size);
      for (size_t end; (end = lines.find('\n')) != lines.npos; lines.erase(0, end + 1))
        visit(arrived->second, boost::json::parse(lines.substr(0, end)));
      at = line + 2 + size + 2;
    }
  }

private:
  static constexpr std::chrono::milliseconds on_the_way{200};

  /// Goes before all others on the machine: a real client would have one of its own.
  void read(const std::stop_token& stop) {
    go_first();
    while (!stop.stop_requested()) {
      try {
        auto piece = client_.some();
        if (piece.empty()) return;
        text_ += piece;
        pieces_.emplace_back(text_.size(), clock::now());
      } catch (const std::runtime_error&) {
        // nothing came for a while
      }
    }
  }

  test::raw_client client_;
  std::string text_;
  std::vector<std::pair<size_t, clock::time_point>> pieces_; ///< where they end, and when
  std::jthread reader_;
};

} // namespace troupe::bench
