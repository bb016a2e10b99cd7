#include "core/stream/decode_permits.h"

#include "core/base/wait.h"

namespace layoutfs {

Status DecodePermits::wait(For use, std::uint64_t memory, const Context& context) {
  HeldLevels::check_may_take(LockLevel::permit);
  auto state = state_.lock();
  const bool is_reader = use == For::reader;
  const auto may_start = [&] {
    if (state->free == 0 || (!is_reader && state->readers_waiting > 0)) return false;
    return state->free == most_ || state->memory + memory <= kMostMemory;
  };
  if (is_reader) ++state->readers_waiting;
  ++state->waiting;
  auto waited = wait_until_met(changed_, state.lock(), context, may_start);
  --state->waiting;
  if (is_reader && --state->readers_waiting == 0 && state->free > 0) changed_.notify_all();
  if (!waited) return waited;
  --state->free;
  state->memory += memory;
  HeldLevels::take(LockLevel::permit);
  return {};
}

Result<DecodePermits::Permit> DecodePermits::acquire(For use, std::uint64_t memory, const Context& context) {
  if (auto waited = wait(use, memory, context); !waited) return fail(std::move(waited).error());
  return Permit(*this, use, memory);
}

void DecodePermits::Permit::give_back() noexcept {
  HeldLevels::give_back(LockLevel::permit);
  {
    auto state = permits_->state_.lock();
    ++state->free;
    state->memory -= memory_;
  }
  permits_->changed_.notify_all();
}

DecodePermits::Permit::~Permit() {
  if (permits_ != nullptr) give_back();
}

void DecodePermits::Permit::set_memory(std::uint64_t memory) noexcept {
  permits_->state_.lock()->memory += memory - memory_;
  if (std::exchange(memory_, memory) > memory) permits_->changed_.notify_all();
}

Status DecodePermits::Permit::yield(const Context& context) {
  if (use_ == For::reader || permits_->state_.lock()->readers_waiting == 0) return {};
  give_back();
  DecodePermits* const permits = std::exchange(permits_, nullptr);
  if (auto waited = permits->wait(use_, memory_, context); !waited) return waited;
  permits_ = permits;
  return {};
}

}  // namespace layoutfs
