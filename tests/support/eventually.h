// For tests: conditions that other threads fulfil.
#pragma once

#include <chrono>
#include <thread>

namespace layoutfs::testing {

// Returns true as soon as `condition` holds, and false after half a minute without that.
template <class Condition>
bool eventually(Condition&& condition) {
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > patience) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace layoutfs::testing
