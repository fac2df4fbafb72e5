// A door that can be closed: whoever is inside is shown out, and nobody enters any more. What a
// server's listener is for connections, this is for requests within one process.
#pragma once

#include "net/link/requests.hpp"

namespace troupe::client {

class closing_door {
public:
  explicit closing_door(link::door inside);
  ~closing_door() { close(); }

  /// Where requests enter, by any thread. After close() they are answered with 503.
  link::door entrance() const;

  /// Ends every answer that is under way, as a server that stops does. When this returns, nothing
  /// inside is called from outside any more.
  void close();

private:
  struct state;
  class visit;
  std::shared_ptr<state> state_;
};

} // namespace troupe::client
