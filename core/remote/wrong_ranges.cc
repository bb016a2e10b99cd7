#include "core/remote/wrong_ranges.h"

#include <algorithm>

namespace layoutfs {

bool WrongRanges::report(std::uint64_t first, std::uint64_t count) {
  const auto now = Clock::now();
  auto reports = reports_.lock();
  while (!reports->empty() && reports->front().until <= now) reports->pop_front();
  const auto covers = [&](const Report& one) {
    return one.first <= first && first + count <= one.first + one.count;
  };
  if (std::ranges::count_if(*reports, covers) >= kMostReports) return false;
  reports->push_back({first, count, now + period_});
  if (reports->size() > kMost) reports->pop_front();
  return true;
}

}  // namespace layoutfs
