#include "core/stream/damaged_spans.h"

namespace layoutfs {

void DamagedSpans::add(std::uint64_t first, std::uint64_t last, const Error& error) {
  auto damages = damages_.lock();
  damages->push_back({first, last, error, Clock::now() + remembered_});
  if (damages->size() > kMost) damages->pop_front();
}

std::optional<Error> DamagedSpans::find(std::uint64_t span) const {
  auto damages = damages_.lock();
  if (damages->empty()) return std::nullopt;
  while (!damages->empty() && damages->front().until <= Clock::now()) damages->pop_front();
  for (const Damage& damage : *damages)
    if (damage.first <= span && span <= damage.last) return damage.error;
  return std::nullopt;
}

}  // namespace layoutfs
