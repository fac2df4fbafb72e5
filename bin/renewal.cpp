#include "bin/renewal.hpp"

#include "messages/base/log.hpp"
#include "net/tls/life.hpp"

#include <algorithm>
#include <limits>

namespace troupe {

namespace {

using std::chrono::seconds;
constexpr seconds look_at_least_every{3600};
constexpr seconds retry_after{30}, retry_after_max{3600};

} // namespace

int64_t due_seconds(const std::vector<std::string>& certificates_pem, int64_t now) {
  auto due = std::numeric_limits<int64_t>::max();
  for (auto& pem : certificates_pem) {
    auto life = tls::read_life(pem);
    due = std::min(due, life && life->begins <= now ? life->renewal() : 0);
  }
  return due;
}

seconds wait_before(int64_t due, int64_t now, unsigned failures) {
  if (failures > 0)
    return std::min(retry_after * (int64_t{1} << std::min(failures - 1, 7u)), retry_after_max);
  if (due <= now) return seconds{0};
  return std::min(seconds{due - now}, look_at_least_every);
}

renewal::renewal(work given) : work_{std::move(given)}, thread_{[this] { run(); }} {}

renewal::~renewal() {
  {
    std::lock_guard lock{mutex_};
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void renewal::now() {
  {
    std::lock_guard lock{mutex_};
    asked_ = true;
  }
  changed_.notify_all();
}

void renewal::run() {
  unsigned failures = 0;
  for (;;) {
    {
      std::unique_lock lock{mutex_};
      auto wait = wait_before(work_.due(), work_.now().seconds, failures);
      changed_.wait_for(lock, wait, [&] { return asked_ || ending_; });
      if (ending_) return;
      if (!std::exchange(asked_, false) && work_.due() > work_.now().seconds) continue;
    }
    auto done = work_.renew();
    if (done && work_.due() <= work_.now().seconds)
      done = error{errc::internal, "what was made is due again at once"};
    if (done) {
      failures = 0;
      log::info(work_.name, work_.done);
    } else {
      ++failures;
      log::warn(work_.name, "it cannot be done; trying again later",
                {{"why", done.error().message}});
    }
  }
}

} // namespace troupe
