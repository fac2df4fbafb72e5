// How work reaches a connection's strand. Internal to net/http.
#pragma once

#include "net/http/connection.hpp"

#include <boost/asio/post.hpp>

namespace troupe::http {

template<class Call> void connection::run(Call call) {
  // Never nested inside another connection's strand, as dispatch() would be: buffers are per
  // thread.
  const auto& here = socket_.get_executor();
  if (here.running_in_this_thread())
    call();
  else if (!home_->stopped)
    asio::post(here, std::move(call));
}

} // namespace troupe::http
