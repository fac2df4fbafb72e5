// A session of several byte streams over one connection, as a machine without sockets: bytes go in,
// events come out; commands go in, bytes come out. SPDY and the WebSocket channels are two of them.
#pragma once

#include "net/http/response.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::streams {

/// One stream of a session, by the number its protocol gives it.
using lane = uint32_t;

/// What the other side does.
struct engine_events {
  virtual ~engine_events() = default;
  virtual void on_open(lane which, const http::header_list& headers) = 0;
  virtual void on_data(lane which, std::string_view data) = 0;
  /// The other side will send nothing more on this lane.
  virtual void on_end(lane which) = 0;
  /// Neither side may use the lane any more.
  virtual void on_reset(lane which) = 0;
  /// The session is over; `why` is empty when it ended as it should.
  virtual void on_finish(std::string_view why) = 0;
};

class engine {
public:
  virtual ~engine() = default;
  virtual void feed(std::string_view bytes, engine_events& to) = 0;
  virtual void write(lane which, std::string_view data) = 0;
  /// Nothing more will be written to this lane.
  virtual void finish(lane which) = 0;
  virtual void reset(lane which) = 0;
  /// Says goodbye; nothing may be written afterwards.
  virtual void close() = 0;
  /// Bytes held back because the other side has not made room for them.
  virtual size_t held_bytes() const { return 0; }
  /// What is to be sent now.
  std::string take_output() { return std::exchange(output_, {}); }

protected:
  std::string output_;
};

} // namespace troupe::streams
