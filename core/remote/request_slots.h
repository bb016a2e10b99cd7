// The number of requests that one host answers at a time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "core/base/guarded.h"
#include "layoutfs/context.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Slots for the requests of all blobs of a host that are being answered. Thread-safe.
class RequestSlots {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kUsual = 6;

  explicit RequestSlots(std::size_t count = kUsual) : state_(State{.free = count, .failure = {}}) {}

  // One slot, until it is destroyed. The RequestSlots must outlive it.
  class Slot {
   public:
    explicit Slot(RequestSlots& owner) : owner_(&owner) {}
    Slot(Slot&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
    Slot& operator=(Slot&&) = delete;
    ~Slot() {
      if (owner_ != nullptr) owner_->give_back();
    }

   private:
    RequestSlots* owner_;
  };

  // Waits for a slot. Returns the error that fail_waiting() is given meanwhile. Errc::cancelled if `context`
  // ends.
  Result<Slot> acquire(const Context& context);
  // To be called if the network has failed for all of the time since `began`. Callers that have waited for a
  // slot since before then get `error`: otherwise, the last one of many would wait for many such times.
  void fail_waiting(Clock::time_point began, const Error& error);

 private:
  struct Failure {
    Clock::time_point began;
    Error error;
  };
  struct State {
    std::size_t free;
    std::uint64_t failures = 0;
    std::optional<Failure> failure;  // the last one
  };

  void give_back() noexcept;

  Guarded<State> state_;
  std::condition_variable_any changed_;
};

}  // namespace layoutfs
