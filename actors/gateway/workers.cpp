#include "actors/gateway/workers.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

namespace troupe::gateway {

struct workers::pool {
  explicit pool(unsigned threads) : threads{threads} {}
  boost::asio::thread_pool threads;
};

workers::workers(unsigned threads) : pool_{std::make_unique<pool>(threads)} {}

workers::~workers() {
  pool_->threads.stop();
  pool_->threads.join();
}

void workers::post(std::function<void()> work) {
  boost::asio::post(pool_->threads, std::move(work));
}

workers::timer workers::after(std::chrono::milliseconds delay, std::function<void()> work) {
  // Destroying an Asio timer cancels it; the wait holds no reference of its own.
  auto made = std::make_shared<boost::asio::steady_timer>(pool_->threads, delay);
  made->async_wait([work = std::move(work)](boost::system::error_code cancelled) {
    if (!cancelled) work();
  });
  return made;
}

} // namespace troupe::gateway
