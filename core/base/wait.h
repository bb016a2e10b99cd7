// Waits for a condition or for the end of a Context.
#pragma once

#include <condition_variable>

#include "layoutfs/context.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Waits until `is_met()` returns true; it is called with `lock` held. `changed` must be notified after each
// change of the condition. Errc::cancelled if `context` ends first.
template <class Lock, class Predicate>
Status wait_until_met(std::condition_variable_any& changed, Lock& lock, const Context& context,
                      Predicate is_met) {
  if (!context.can_end()) {
    changed.wait(lock, is_met);
    return {};
  }
  const bool met = context.deadline ? changed.wait_until(lock, context.stop, *context.deadline, is_met)
                                    : changed.wait(lock, context.stop, is_met);
  return met ? Status() : context.check();
}

}  // namespace layoutfs
