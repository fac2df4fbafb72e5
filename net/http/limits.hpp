// Every bound that the HTTP server keeps against the outside, with its default. Reaching one is an
// answer or a closed connection, never a stall.
#pragma once

#include <chrono>
#include <cstddef>

namespace troupe::http {

struct limits {
  size_t request_line_bytes_max = 8 * 1024; ///< more is 414
  size_t header_bytes_max = 8 * 1024;       ///< all header lines together; more is 431
  size_t header_count_max = 100;            ///< more is 431
  size_t body_bytes_max = 3 * 1024 * 1024;  ///< more is 413
  size_t chunk_line_bytes_max = 256;        ///< size and extensions of one chunk; more is 400
  size_t trailer_bytes_max = 8 * 1024;      ///< read and thrown away; more is 431

  size_t connections_max = 20'000;
  size_t connections_per_ip_max = 20'000; ///< loopback and proxies share one: set with care

  /// Bytes that may wait for one slow reader of a stream before it is dropped.
  size_t stream_queue_bytes_max = 4 * 1024 * 1024;
  /// Bytes of answers that may wait before pipelined requests are left unread.
  size_t pipeline_queue_bytes_max = 256 * 1024;
  /// Bytes taken in ahead while a request is being answered.
  size_t read_ahead_bytes_max = 16 * 1024;

  // With the granularity below, a slow sender is gone after 30 seconds.
  std::chrono::milliseconds tls_hello_deadline{29'000}; ///< the whole handshake
  std::chrono::milliseconds head_deadline{29'000};      ///< from the first byte to the last header
  std::chrono::milliseconds body_deadline{29'000};      ///< the whole body
  std::chrono::milliseconds idle_time{180'000};         ///< between two requests
  std::chrono::milliseconds write_stall{30'000};        ///< without the peer taking a single byte
  std::chrono::milliseconds linger{2'000};              ///< after the last answer, for its delivery
  /// How exactly deadlines are kept; also the least time between two wake-ups to look at them.
  std::chrono::milliseconds deadline_granularity{1'000};
};

} // namespace troupe::http
