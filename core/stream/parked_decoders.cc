// Decoders kept at the end of a read. Lists are short, so they are searched linearly.
#include "core/stream/parked_decoders.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace layoutfs {

std::optional<ParkedDecoder> ParkedDecoders::take(std::uint64_t stream, std::uint64_t first_span,
                                                  std::uint64_t last_span) {
  auto entries = entries_.lock();
  auto best = entries->end();
  for (auto entry = entries->begin(); entry != entries->end(); ++entry) {
    const std::uint64_t span = entry->place.span;
    if (entry->stream != stream || span < first_span || span > last_span) continue;
    if (best == entries->end() || span > best->place.span) best = entry;
  }
  if (best == entries->end()) return std::nullopt;
  ParkedDecoder place = std::move(best->place);
  entries->erase(best);
  return place;
}

bool ParkedDecoders::has(std::uint64_t stream, std::uint64_t first_span, std::uint64_t last_span) const {
  auto entries = entries_.lock();
  return std::ranges::any_of(*entries, [&](const Entry& entry) {
    return entry.stream == stream && entry.place.span >= first_span && entry.place.span <= last_span;
  });
}

// Moves the entries to `leaving` for which there is no room beside another one of `stream` and `memory`
// bytes.
void ParkedDecoders::make_room(Entries& entries, std::uint64_t stream, std::size_t memory, Entries& leaving) {
  const auto is_of_stream = [&](const Entry& entry) { return entry.stream == stream; };
  if (std::ranges::count_if(entries, is_of_stream) >= static_cast<std::ptrdiff_t>(kMostPerStream)) {
    const auto oldest = std::find_if(entries.rbegin(), entries.rend(), is_of_stream);
    leaving.splice(leaving.end(), entries, std::prev(oldest.base()));
  }
  for (const Entry& entry : entries) memory += entry.memory;
  while (!entries.empty() && (entries.size() >= kMost || memory > kMostMemory)) {
    memory -= entries.back().memory;
    leaving.splice(leaving.end(), entries, std::prev(entries.end()));
  }
}

std::list<ParkedDecoder> ParkedDecoders::make_room(std::uint64_t stream, std::size_t memory) {
  Entries entries_leaving;
  make_room(*entries_.lock(), stream, memory, entries_leaving);
  std::list<ParkedDecoder> leaving;
  for (Entry& entry : entries_leaving) leaving.push_back(std::move(entry.place));
  return leaving;
}

void ParkedDecoders::park(std::uint64_t stream, ParkedDecoder place) {
  Entries leaving, parked;  // destroyed after the lock is released
  const std::size_t size = place.decoder->memory();
  parked.push_front({stream, std::move(place), size});
  auto entries = entries_.lock();
  make_room(*entries, stream, size, leaving);
  entries->splice(entries->begin(), parked);
}

void ParkedDecoders::drop(std::uint64_t stream) noexcept {
  Entries leaving;
  auto entries = entries_.lock();
  for (auto entry = entries->begin(); entry != entries->end();) {
    const auto next = std::next(entry);
    if (entry->stream == stream) leaving.splice(leaving.end(), *entries, entry);
    entry = next;
  }
}

std::size_t ParkedDecoders::size() const { return entries_.lock()->size(); }

}  // namespace layoutfs
