// SPDY/3.1, the server's side, as Kubernetes' streaming clients speak it: streams opened by the
// client, both directions closed one by one, flow-control windows, PING, RST_STREAM and GOAWAY.
#pragma once

#include "net/streams/engine.hpp"
#include "net/streams/spdy_headers.hpp"

#include <map>

namespace troupe::streams {

inline constexpr size_t spdy_lanes_max = 512;
inline constexpr size_t spdy_control_bytes_max = 64 * 1024;
inline constexpr int64_t spdy_window_bytes = 64 * 1024;

class spdy_engine : public engine {
public:
  void feed(std::string_view bytes, engine_events& to) override;
  void write(lane which, std::string_view data) override;
  void finish(lane which) override;
  void reset(lane which) override;
  void close() override;
  size_t held_bytes() const override { return held_bytes_; }

private:
  struct lane_state {
    bool they_finished = false;
    bool we_finished = false;
    bool finish_when_sent = false;
    int64_t window = 0; ///< bytes we may send
    int64_t taken = 0;  ///< bytes received since the last window update
    std::string held;   ///< waiting for the window
  };
  using lanes = std::map<lane, lane_state>;

  bool read_head();
  void control_frame(engine_events& to);
  void open_lane(engine_events& to);
  void apply_settings();
  void widen(lane which, uint32_t delta);
  void take_data(std::string_view data, engine_events& to);
  void end_lane(lane which, engine_events& to);
  void fail(std::string_view why, engine_events& to);
  void send_held(lane which, lane_state& state);
  void send_data(lane which, std::string_view data, bool last);
  void send_reset(lane which, uint32_t status);
  void send_control(uint16_t type, uint8_t flags, std::string_view payload);
  uint32_t number(size_t at) const;
  void forget_if_done(lanes::iterator at);

  spdy_inflater inflater_;
  spdy_deflater deflater_;
  lanes lanes_;
  lane last_opened_ = 0;
  bool windows_count_ = false; ///< the peer has shown that it does flow control
  int64_t initial_window_ = spdy_window_bytes;
  size_t held_bytes_ = 0;
  bool over_ = false;

  std::string head_;    ///< the eight bytes of a frame's head
  std::string payload_; ///< of a control frame
  uint32_t left_ = 0;
  bool in_frame_ = false;
  bool is_data_ = false;
  uint16_t type_ = 0;
  uint8_t flags_ = 0;
  lane data_lane_ = 0;
};

} // namespace troupe::streams
