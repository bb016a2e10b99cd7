#include "core/remote/request_slots.h"

#include "core/base/wait.h"

namespace layoutfs {

Result<RequestSlots::Slot> RequestSlots::acquire(const Context& context) {
  const auto began = Clock::now();
  auto state = state_.lock();
  const std::uint64_t failures = state->failures;
  const auto has_failed = [&] { return state->failures != failures && state->failure->began >= began; };
  auto waited =
      wait_until_met(changed_, state.lock(), context, [&] { return state->free > 0 || has_failed(); });
  if (!waited) return fail(std::move(waited).error());
  if (state->free == 0) return fail(Error(state->failure->error));
  --state->free;
  return Slot(*this);
}

void RequestSlots::fail_waiting(Clock::time_point began, const Error& error) {
  {
    auto state = state_.lock();
    ++state->failures;
    state->failure = Failure{began, error};
  }
  changed_.notify_all();
}

void RequestSlots::give_back() noexcept {
  ++state_.lock()->free;
  changed_.notify_one();
}

}  // namespace layoutfs
