#include "actors/gateway/workers.hpp"

#include "messages/base/haste.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <mutex>
#include <thread>
#include <vector>

namespace troupe::gateway {

namespace {

constexpr std::chrono::milliseconds between_pulses{1};
constexpr size_t works_per_post = 16;

} // namespace

struct worker_threads::pool {
  explicit pool(unsigned threads) : threads{threads} {
    for (unsigned i = 0; i < threads; ++i)
      hasty.emplace_back([this] {
        go_first();
        tellers.attach();
      });
  }

  void end() {
    for (auto x : {&threads, &tellers}) x->stop();
    threads.join();
    tellers.join();
    hasty.clear();
  }

  void add(std::function<void()> work) {
    std::lock_guard hold{mutex};
    waiting.push_back(std::move(work));
    if (std::exchange(pulse_is_due, true)) return;
    auto now = std::chrono::steady_clock::now();
    auto at = last_pulse + between_pulses;
    if (at <= now) return boost::asio::post(tellers, [this] { pulse(); });
    next_pulse.expires_at(at);
    next_pulse.async_wait([this](boost::system::error_code cancelled) {
      if (!cancelled) pulse();
    });
  }

  void pulse() {
    std::vector<std::function<void()>> all;
    {
      std::lock_guard hold{mutex};
      all.swap(waiting);
      pulse_is_due = false;
      last_pulse = std::chrono::steady_clock::now();
    }
    for (size_t i = 0; i < all.size(); i += works_per_post) {
      auto first = std::make_move_iterator(all.begin() + static_cast<std::ptrdiff_t>(i));
      auto count = static_cast<std::ptrdiff_t>(std::min(works_per_post, all.size() - i));
      std::vector<std::function<void()>> some(first, first + count);
      boost::asio::post(tellers, [some = std::move(some)] {
        for (auto& work : some) work();
      });
    }
  }

  boost::asio::thread_pool threads;
  boost::asio::thread_pool tellers{0}; ///< of changes: whoever waits for one acts on it
  std::vector<std::jthread> hasty;     ///< they tell

  std::mutex mutex;
  std::vector<std::function<void()>> waiting;
  bool pulse_is_due = false;
  std::chrono::steady_clock::time_point last_pulse;
  boost::asio::steady_timer next_pulse{tellers};
};

worker_threads::worker_threads(unsigned threads) : pool_{std::make_unique<pool>(threads)} {}

worker_threads::~worker_threads() { end(); }

void worker_threads::end() { pool_->end(); }

void worker_threads::post(std::function<void()> work) {
  boost::asio::post(pool_->threads, std::move(work));
}

void worker_threads::post_at_pulse(std::function<void()> work) { pool_->add(std::move(work)); }

workers::timer worker_threads::after(std::chrono::milliseconds delay, std::function<void()> work) {
  // Destroying an Asio timer cancels it; the wait holds no reference of its own.
  auto made = std::make_shared<boost::asio::steady_timer>(pool_->threads, delay);
  made->async_wait([work = std::move(work)](boost::system::error_code cancelled) {
    if (!cancelled) work();
  });
  return made;
}

} // namespace troupe::gateway
