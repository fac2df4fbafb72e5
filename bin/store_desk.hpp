// The files of this server's store, as an administrator sees them: how large they are, what a look
// at all of them found, and what can be done about either. The desk is the side of the server, with
// the look that is taken from time to time; `troupe store` is the rest.
#pragma once

#include "actors/gateway/gateway.hpp"
#include "bin/renewal.hpp"
#include "storage/caretaker.hpp"
#include "storage/store.hpp"
#include "storage/worker.hpp"

#include <atomic>
#include <filesystem>
#include <optional>

namespace troupe {

/// Lets long reading have so many bytes a second, and ends it when the server does.
class gentle_pace {
public:
  explicit gentle_pace(size_t bytes_per_second) : bytes_per_second_{bytes_per_second} {}
  /// Waits; false: stop. Any thread.
  bool spend(size_t bytes);
  void stop();

private:
  const size_t bytes_per_second_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool ending_ = false;
};

struct store_desk_settings {
  std::filesystem::path data;                  ///< the server's, where it notes when it looked
  std::chrono::seconds check_every{24 * 3600}; ///< how often everything is read again
  size_t check_bytes_per_second = 64u << 20;
  std::function<result<std::string>()> save_backup; ///< returns where
};

/// GET /troupe/v1/store, POST /troupe/v1/store/{defragment,check,backup}, for administrators.
class store_desk {
public:
  store_desk(const gateway::gateway& api, storage::store& store, storage::caretaker& care,
             store_desk_settings settings);
  ~store_desk();

  /// Takes the request if it is one of these; false otherwise.
  bool handle(http::request& request, http::responder& responder);

private:
  using task = std::function<result<json::object>()>;

  task task_for(http::method verb, std::string_view what);
  void carry_out(task what, http::responder to);
  result<json::object> show() const;
  result<json::object> check();
  int64_t check_due() const;

  const gateway::gateway& api_;
  storage::store& store_;
  storage::caretaker& care_;
  const store_desk_settings settings_;
  gentle_pace pace_;
  std::atomic<int> waiting_ = 0;
  std::optional<storage::worker> work_; ///< one task after the other
  std::optional<renewal> checks_;
};

/// `troupe store`.
int store_command(const std::vector<std::string>& arguments);

} // namespace troupe
