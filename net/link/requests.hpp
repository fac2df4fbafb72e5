// REQUESTS over a LINK: either side asks the other what a client asks an HTTP server. An answer is
// whole, a stream, or a channel both ways; each has a window of its own, so that a slow reader of
// one holds up no other.
#pragma once

#include "net/http/request.hpp"
#include "net/http/responder.hpp"
#include "net/link/link.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <memory>

namespace troupe::cluster {
class RequestWord;
}

namespace troupe::link {

/// Takes a request and answers it, now or later.
using door = std::function<void(http::request, http::responder)>;

inline constexpr size_t request_window_bytes = 128 * 1024; ///< of one answer, each way
inline constexpr size_t requests_max = 512;                ///< under way on one link, each way
/// For mux_settings::queue_bytes_max: what all windows of a link come to, and some words.
inline constexpr size_t request_queue_bytes = requests_max * request_window_bytes + (8u << 20);

class requests : public std::enable_shared_from_this<requests> {
public:
  /// `serve` answers what the peer asks; none: it may ask nothing. The request's sender is the
  /// peer, by the certificate it showed.
  requests(std::shared_ptr<connection> over, door serve);
  ~requests();

  /// Asks the peer. Any thread. If the link goes down meanwhile, the answer is a 503.
  void ask(const http::request& what, http::responder to);

  // On the link's thread.
  /// A message of the bulk stream; false if no peer of ours would say it.
  bool heard(std::string_view message);
  /// The link is gone.
  void down();

private:
  class line;
  struct key {
    uint64_t number;
    bool asked_here;
    auto operator<=>(const key&) const = default;
  };

  bool say(const cluster::RequestWord& word);
  void serve(uint64_t number, const cluster::RequestWord& word);

  std::shared_ptr<connection> over_;
  door serve_;
  std::shared_ptr<const http::peer> peer_;
  std::atomic<uint64_t> last_number_{0};
  std::atomic<size_t> asked_{0};
  std::atomic<bool> down_{false};
  size_t served_ = 0;
  std::map<key, std::shared_ptr<line>> lines_; ///< on the link's thread
};

/// A network's mux settings with room for requests.
mux_settings with_requests(mux_settings settings = {});

} // namespace troupe::link
