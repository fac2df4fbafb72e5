#include "storage/store.hpp"

#include <future>

namespace troupe::storage {

result<outcome> commit_and_wait(store& to, transaction change) {
  std::promise<result<outcome>> promise;
  auto answer = promise.get_future();
  to.commit(std::move(change), [&](result<outcome> x) { promise.set_value(std::move(x)); });
  return answer.get();
}

} // namespace troupe::storage
