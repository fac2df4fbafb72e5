#pragma once

#include <memory>

namespace troupe {

/// Something large that a thread fills again and again, made when the thread first asks. Declared
/// `thread_local thread_buffer<T> name;` it costs other threads a pointer: a plain thread_local
/// array is cleared at the start of every thread, and held by each, whether it is used or not.
template<class T> class thread_buffer {
public:
  T& operator*() {
    if (!held_) held_ = std::make_unique_for_overwrite<T>();
    return *held_;
  }

private:
  std::unique_ptr<T> held_;
};

} // namespace troupe
