// Shares one computation among all threads that need the same key at the same time, like Go's singleflight.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "core/base/lock_order.h"
#include "core/base/wait.h"
#include "layoutfs/context.h"
#include "layoutfs/error.h"

namespace layoutfs {

// While a thread computes the value of a key, other threads that need the key wait and get the same result,
// even if it is an error. Results are not stored; callers have caches.
//
// A computation that throws or ends with Errc::cancelled affects only its own caller: the waiting threads
// then compute the value themselves, one after the other, until one succeeds. Thread-safe.
template <class Key, class Value>
class SingleFlight {
 public:
  // Computations hold `level` (lock_order.h).
  explicit SingleFlight(LockLevel level = LockLevel::none) : level_(level) {}

  // Returns the result of `compute()`, which runs in this thread, or the result of a thread that is already
  // computing it. Errc::cancelled if `context` ends while it waits for another thread; that thread continues.
  // Exceptions of `compute` are passed on.
  template <class Compute>
  Result<Value> run(const Key& key, Compute&& compute, const Context& context = {}) {
    const HoldingLevel holding(level_);
    std::unique_lock lock(mutex_);
    for (auto found = calls_.find(key); found != calls_.end(); found = calls_.find(key)) {
      const std::shared_ptr<const Call> call = found->second;
      ++waiting_;
      auto waited = wait_until_met(ended_, lock, context, [&] { return call->is_over; });
      --waiting_;
      if (!waited) return fail(std::move(waited).error());
      if (call->result) return *call->result;
    }
    Ending ending{*this, calls_.emplace(key, std::make_shared<Call>()).first, std::nullopt};
    lock.unlock();
    Result<Value> result = std::forward<Compute>(compute)();
    if (result || result.error().code() != Errc::cancelled) ending.result = result;
    return result;
  }
  // For tests. Returns the number of threads that wait for another one.
  std::size_t waiting() {
    const std::lock_guard lock(mutex_);
    return waiting_;
  }

 private:
  struct Call {
    std::optional<Result<Value>> result;  // nullopt if it threw or was cancelled
    bool is_over = false;
  };
  using Calls = std::map<Key, std::shared_ptr<Call>>;

  // Ends a call, even after an exception.
  struct Ending {
    ~Ending() {
      const std::shared_ptr<Call> call = place->second;  // destroyed after the lock is released
      const std::lock_guard lock(flights.mutex_);
      call->result = std::move(result);
      call->is_over = true;
      flights.calls_.erase(place);
      flights.ended_.notify_all();
    }
    SingleFlight& flights;
    const typename Calls::iterator place;
    std::optional<Result<Value>> result;
  };

  const LockLevel level_;
  std::mutex mutex_;  // guards waiting_, calls_ and every Call in it
  std::condition_variable_any ended_;
  Calls calls_;
  std::size_t waiting_ = 0;
};

}  // namespace layoutfs
