// The right to decode: for as many threads as can decode at full speed, and as much memory as is allowed.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <utility>

#include "core/base/guarded.h"
#include "core/base/lock_order.h"
#include "layoutfs/context.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Threads that decode for a waiting reader get permits before those that decode ahead. Thread-safe.
class DecodePermits {
 public:
  enum class For : std::uint8_t { reader, ahead };

  // The memory of all decoders in use together, in bytes. A decoder that needs more decodes alone.
  static constexpr std::uint64_t kMostMemory = std::uint64_t{48} << 20;

  // `most` is the number of permits, at least 1.
  explicit DecodePermits(unsigned most) : state_(State{.free = most}), most_(most) {}
  unsigned most() const noexcept { return most_; }

  // A thread with a permit must not wait for a second one (LockLevel::permit). The permits must outlive it.
  class Permit {
   public:
    Permit(Permit&& other) noexcept
        : permits_(std::exchange(other.permits_, nullptr)), use_(other.use_), memory_(other.memory_) {}
    Permit& operator=(Permit&&) = delete;
    ~Permit();
    // Corrects the memory that was stated to acquire(). Does not wait.
    void set_memory(std::uint64_t memory) noexcept;
    // Lets waiting readers go first if this decodes ahead. Errc::cancelled if `context` ends while it waits;
    // the permit is given back then.
    Status yield(const Context& context);

   private:
    friend class DecodePermits;
    Permit(DecodePermits& permits, For use, std::uint64_t memory) noexcept
        : permits_(&permits), use_(use), memory_(memory) {}
    void give_back() noexcept;

    DecodePermits* permits_;
    For use_;
    std::uint64_t memory_;
  };
  // Waits for a free permit. `memory`: of the decoder, in bytes, as far as it is known. Errc::cancelled if
  // `context` ends.
  Result<Permit> acquire(For use, std::uint64_t memory, const Context& context);
  // For tests. Returns the number of threads that wait for a permit.
  unsigned waiting() { return state_.lock()->waiting; }

 private:
  struct State {
    unsigned free;
    unsigned waiting = 0, readers_waiting = 0;
    std::uint64_t memory = 0;  // of the permits in use
  };
  Status wait(For use, std::uint64_t memory, const Context& context);

  Guarded<State> state_;
  std::condition_variable_any changed_;
  const unsigned most_;
};

}  // namespace layoutfs
