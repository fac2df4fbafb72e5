// A session of exec, attach or port-forward as the client sees it: numbered channels inside
// WebSocket messages, over a request that became a channel.
#pragma once

#include "bin/verbs/session.hpp"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace troupe::verbs {

class channel_session {
public:
  /// What arrives; on the link's thread.
  using on_data = std::function<void(int channel, std::string_view data)>;

  /// `protocol` is the subprotocol: v5.channel.k8s.io.
  static result<std::shared_ptr<channel_session>> open(session& s, std::string target,
                                                       std::string_view protocol, on_data hears);

  /// False when the session is over.
  bool write(int channel, std::string_view data);
  /// Nothing more will be written to this channel (v5).
  void finish(int channel);
  void close();
  /// Waits until the session is over, or for so long.
  bool wait(std::chrono::milliseconds patience);

private:
  struct inbox;
  bool send(uint8_t opcode, std::string_view payload);

  std::shared_ptr<inbox> inbox_;
  std::shared_ptr<client::exchange> over_;
  std::mutex mutex_; ///< one frame after the other
  uint32_t mask_ = 0x5bd1e995;
};

/// What a session's last channel says: 0, the command's exit code, or why it failed.
result<int> exit_code_of(std::string_view status);

} // namespace troupe::verbs
