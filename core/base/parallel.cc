#include "core/base/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/base/guarded.h"
#include "core/base/lock_order.h"

namespace layoutfs {

std::size_t physical_cores() {
  cpu_set_t usable;
  CPU_ZERO(&usable);
  std::set<std::string> cores;  // by the list of their threads
  if (::sched_getaffinity(0, sizeof usable, &usable) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (!CPU_ISSET(cpu, &usable)) continue;
      const std::string topology = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
      std::string threads;
      if (!std::getline(std::ifstream(topology + "thread_siblings_list") >> std::ws, threads)) {
        cores.clear();
        break;
      }
      cores.insert(threads);
    }
  }
  return cores.empty() ? std::max(1U, std::thread::hardware_concurrency()) : cores.size();
}

void for_each_in_parallel(std::size_t count, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next = 0;
  Guarded<std::exception_ptr> thrown;
  const std::uint64_t held = HeldLevels::all();  // levels of the caller, which waits for the other threads
  const auto work_on = [&]() noexcept {
    const HoldingLevels holding(held);
    try {
      for (std::size_t i = next++; i < count; i = next++) work(i);
    } catch (...) {
      next = count;
      if (auto first = thrown.lock(); !*first) *first = std::current_exception();
    }
  };
  const std::size_t threads = std::min<std::size_t>(std::max(1U, std::thread::hardware_concurrency()), count);
  {
    std::vector<std::jthread> others;
    try {
      for (std::size_t i = 1; i < threads; ++i) others.emplace_back(work_on);
    } catch (const std::exception&) {
      // Continue with the threads that could be started, even if memory is exhausted.
    }
    work_on();
  }
  if (auto first = thrown.lock(); *first) std::rethrow_exception(*first);
}

}  // namespace layoutfs
