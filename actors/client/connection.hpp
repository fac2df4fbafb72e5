// A client's connection to its cluster: links to the servers, and requests over whichever is up.
// What may be asked is what the Kubernetes API takes; who asks is told by the certificate.
#pragma once

#include "actors/client/settings.hpp"
#include "messages/base/time.hpp"
#include "net/link/network.hpp"
#include "net/link/requests.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace troupe::client {

struct request {
  std::string method = "GET";
  std::string target = "/";
  http::header_list headers;
  std::string body;
};

struct answer {
  int status = 0;
  http::header_list headers;
  std::string body;

  bool good() const { return status >= 200 && status < 300; }
};

/// Who hears an answer. All on the link's thread, in this order: one head, any pieces, one end.
struct listener {
  std::function<void(int status, const http::header_list& headers)> on_head;
  std::function<void(std::string_view piece)> on_data;
  /// False: what came is not all there was.
  std::function<void(bool whole)> on_end;
  /// More is sent only as exchange::taken() gives room; else whatever on_data returns from.
  bool paced = false;
};

/// A request under way. Any thread. Letting go of it changes nothing.
class exchange {
public:
  virtual ~exchange() = default;
  /// Sends bytes on an answer that is a channel; waits while the far side takes none. False once
  /// the channel has ended.
  virtual bool write(std::string bytes) = 0;
  /// Has worked off so many bytes of a paced answer.
  virtual void taken(size_t bytes) = 0;
  /// Wants nothing more: the answer ends.
  virtual void cancel() = 0;
};

/// Where time comes from, and what is done while somebody waits for an answer; a test's own.
struct world {
  std::function<timestamp()> now;
  /// Lets something happen; false if nothing ever will. Empty: the thread sleeps meanwhile.
  std::function<bool()> step = {};
};
/// This machine's clock, and threads that sleep.
world real_world();

class connection {
public:
  /// Links up with any server of the cluster.
  static result<std::shared_ptr<connection>> open(const settings& given,
                                                  std::chrono::milliseconds patience);
  /// Asks through a door of this process instead.
  static std::shared_ptr<connection> through(link::door door, world around = real_world());
  ~connection();

  /// Any thread. Waits for no answer; asks whichever server is linked, or is 503 if none is.
  std::shared_ptr<exchange> ask(const request& what, listener hears);
  /// Waits for the whole answer.
  result<answer> ask(const request& what,
                     std::chrono::milliseconds patience = std::chrono::seconds{60});
  /// Waits until any server is linked.
  bool wait_until_up(std::chrono::milliseconds patience);
  const settings& given() const { return given_; }
  /// Whether all that waits must do so in one thread.
  bool one_thread() const { return static_cast<bool>(around_.step); }
  timestamp wall() const { return around_.now(); }

private:
  struct links;
  connection() = default;

  settings given_;
  world around_ = real_world();
  link::door door_;
  std::shared_ptr<links> links_;
  std::unique_ptr<link::network> network_;
};

} // namespace troupe::client
