// Sends a container's log to a reader, at the reader's pace, and on as it grows.
#pragma once

#include "actors/node/context.hpp"
#include "actors/node/log_lines.hpp"

namespace troupe::node {

struct log_source {
  std::filesystem::path file;     ///< rotated ones lie beside it: FILE.1, FILE.2, ...
  std::filesystem::path end_file; ///< there once the container has ended
};

/// Answers on its own threads; `to` has not been answered yet.
void send_log(const context_ptr& with, const log_source& from, const log_query& asked,
              http::responder to);

} // namespace troupe::node
