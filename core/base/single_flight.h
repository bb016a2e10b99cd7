// One computation for however many threads ask for the same thing at once.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "core/base/context.h"
#include "core/base/error.h"

namespace layoutfs {

// While a thread computes the value of a key, others that ask for that key wait and get the same result, also
// where it is an error. Nothing is remembered afterwards: that is the caller's cache's work.
template <class Key, class Value>
class SingleFlight {
 public:
  // Who waits does so while its `context` lasts: Errc::cancelled then, and the others go on.
  template <class Compute>
  Result<Value> run(const Key& key, Compute&& compute, const Context& context = {}) {
    std::unique_lock lock(mutex_);
    if (const auto found = flights_.find(key); found != flights_.end()) {
      const auto flight = found->second;
      const auto is_there = [&] { return flight->result.has_value(); };
      if (!context.can_end()) landed_.wait(lock, is_there);
      while (!landed_.wait_for(lock, kPause, is_there))
        if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
      return *flight->result;
    }
    const auto flight = std::make_shared<Flight>();
    flights_.emplace(key, flight);
    lock.unlock();
    Result<Value> result = std::forward<Compute>(compute)();
    lock.lock();
    flight->result = result;
    flights_.erase(key);
    landed_.notify_all();
    return result;
  }

 private:
  static constexpr std::chrono::milliseconds kPause{20};
  struct Flight {
    std::optional<Result<Value>> result;
  };
  std::mutex mutex_;  // guards flights_ and every Flight in it
  std::condition_variable landed_;
  std::map<Key, std::shared_ptr<Flight>> flights_;
};

}  // namespace layoutfs
