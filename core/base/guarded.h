// A value that can only be accessed while its lock is held.
#pragma once

#include <mutex>
#include <utility>

namespace layoutfs {

template <class T>
class Guarded {
 public:
  class Locked {
   public:
    explicit Locked(Guarded& guarded) : lock_(guarded.mutex_), value_(guarded.value_) {}
    T* operator->() { return &value_; }
    T& operator*() { return value_; }
    // For std::condition_variable::wait.
    std::unique_lock<std::mutex>& lock() { return lock_; }

   private:
    std::unique_lock<std::mutex> lock_;
    T& value_;
  };

  Guarded() = default;
  explicit Guarded(T value) : value_(std::move(value)) {}
  Locked lock() { return Locked(*this); }

 private:
  std::mutex mutex_;
  T value_{};
};

}  // namespace layoutfs
