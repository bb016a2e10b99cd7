// Decoded spans within one budget.
//
// Parts. The entry of each span is in one of three lists: `unread`, for spans that were decoded ahead and not
// read yet, by time of arrival; `passed`, for spans that a sequential reader has left behind; `used`, for all
// others, by last use. A map leads from keys into the lists.
//
// Movement. Entries are added at the front of their list, move to the front of `used` with each use, and are
// evicted from the back of `passed`, then of `used`, then of `unread`. `passed` has a small budget of its
// own, so that reading a large file neither displaces the spans of others nor fills the memory with spans
// that the kernel has in its page cache. A span that is used after it was passed never passes again. Room for
// spans ahead is reserved before they are decoded, at most half of the budget; unread spans that were not
// read in time count as used when others need their room.
//
// Invariants. Each entry is in the map, and each key of the map has an entry. bytes() is the memory of all
// entries and at most the budget. Entries move by splicing, so only adding one allocates.
#include "core/stream/span_cache.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <iterator>
#include <list>
#include <new>
#include <thread>
#include <unordered_map>
#include <utility>

#include "core/base/guarded.h"
#include "core/base/lock_order.h"
#include "core/base/worker_pool.h"
#include "core/stream/ended_decoders.h"
#include "core/stream/parked_decoders.h"

namespace layoutfs {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kUsuallyAhead = std::uint64_t{16} << 20;  // bytes, per reader
// The time after which unread spans may be evicted for others, because their reader may have stopped.
constexpr std::chrono::seconds kUnreadKept{5};
constexpr std::size_t kMostTasksWaiting = 256;
// Enough for readers that follow each other closely, and for a processor's cache to help with the next spans.
constexpr std::uint64_t kMostPassed = std::uint64_t{32} << 20;

struct SpanKeyHash {
  std::size_t operator()(const SpanKey& key) const noexcept {
    return static_cast<std::size_t>((key.stream << 32 ^ key.span) * 0x9e3779b97f4a7c15U);
  }
};

class RecentSpans {
 public:
  struct Entry {
    SpanKey key;
    SpanBytes span;
    enum class Place : std::uint8_t { used, unread, passed } place;
    Clock::time_point since;  // of unread entries
    bool is_reused = false;
  };
  using Place = Entry::Place;
  using Entries = std::list<Entry>;

  explicit RecentSpans(std::uint64_t budget) : budget_(budget) {}

  SpanBytes find(SpanKey key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return nullptr;
    Entry& entry = *found->second;
    if (entry.place == Place::passed) entry.is_reused = true;
    move(found->second, Place::used);
    return entry.span;
  }
  // Evicted spans are moved to `leaving`, and freed after the lock is released.
  void pass(SpanKey key, Entries& leaving) noexcept {
    const auto found = places_.find(key);
    if (found == places_.end() || found->second->is_reused) return;
    move(found->second, Place::passed);
    while (bytes_of(Place::passed) > std::min(budget_ / 4, kMostPassed)) evict(Place::passed, leaving);
  }
  bool holds(SpanKey key) const { return places_.contains(key); }

  // Adds `entry`, a list of one, unless the span exists. `leaving` as in pass(). If it throws std::bad_alloc,
  // nothing has changed.
  void add(Entries entry, Entries& leaving) {
    const std::uint64_t size = entry.front().span->capacity();
    if (size > budget_) return leaving.splice(leaving.end(), entry);
    const auto [place, is_new] = places_.try_emplace(entry.front().key, entry.begin());
    if (!is_new) return leaving.splice(leaving.end(), entry);
    const Place to = entry.front().place;
    list(to).splice(list(to).begin(), entry);
    bytes_of(to) += size;
    while (bytes() > budget_) {
      constexpr std::array kOrder = {Place::passed, Place::used, Place::unread};
      evict(*std::ranges::find_if(kOrder, [this](Place from) { return !list(from).empty(); }), leaving);
    }
  }

  // Reserves room for unread spans. Returns false if there is none.
  bool reserve(std::uint64_t bytes) {
    const std::uint64_t most = budget_ / 2;
    Entries& unread = list(Place::unread);
    while (unread_bytes() + reserved_ + bytes > most && !unread.empty() &&
           unread.back().since + kUnreadKept < Clock::now())
      move(std::prev(unread.end()), Place::used);
    if (unread_bytes() + reserved_ + bytes > most) return false;
    reserved_ += bytes;
    return true;
  }
  void unreserve(std::uint64_t bytes) { reserved_ -= bytes; }

  std::uint64_t bytes() const noexcept { return bytes_[0] + bytes_[1] + bytes_[2]; }
  std::uint64_t unread_bytes() const noexcept { return bytes_[static_cast<std::size_t>(Place::unread)]; }

 private:
  Entries& list(Place place) noexcept { return lists_[static_cast<std::size_t>(place)]; }
  std::uint64_t& bytes_of(Place place) noexcept { return bytes_[static_cast<std::size_t>(place)]; }

  void move(Entries::iterator entry, Place to) noexcept {
    list(to).splice(list(to).begin(), list(entry->place), entry);
    bytes_of(entry->place) -= entry->span->capacity();
    bytes_of(to) += entry->span->capacity();
    entry->place = to;
  }
  void evict(Place from, Entries& leaving) noexcept {
    const auto last = std::prev(list(from).end());
    bytes_of(from) -= last->span->capacity();
    places_.erase(last->key);
    leaving.splice(leaving.end(), list(from), last);
  }

  std::uint64_t budget_;
  std::uint64_t reserved_ = 0;
  // By Place; the latest arrival is the first of its list.
  std::array<Entries, 3> lists_;
  std::array<std::uint64_t, 3> bytes_{};
  std::unordered_map<SpanKey, Entries::iterator, SpanKeyHash> places_;
};

}  // namespace

struct SpanCache::State {
  State(std::uint64_t budget_bytes, unsigned cores)
      : budget(budget_bytes), recent(RecentSpans(budget_bytes)), permits(cores) {}

  // `locked_as_well` is called with the lock held.
  template <class Also>
  void add(SpanKey key, SpanBytes span, bool is_unread, Also&& locked_as_well) noexcept {
    RecentSpans::Entries leaving, entry;
    try {
      if (is_unread)
        entry.push_front({key, std::move(span), RecentSpans::Place::unread, Clock::now()});
      else
        entry.push_front({key, std::move(span), RecentSpans::Place::used, {}});
    } catch (const std::bad_alloc&) {
    }
    auto spans = recent.lock();
    try {
      if (!entry.empty()) spans->add(std::move(entry), leaving);
    } catch (const std::bad_alloc&) {
    }
    locked_as_well(*spans);
  }

  const std::uint64_t budget;
  const std::shared_ptr<SpanBufferPool> buffers = SpanBufferPool::create();
  OrderedGuarded<RecentSpans, LockLevel::spans> recent;
  ParkedDecoders parked;
  EndedDecoders ended;
  std::atomic<std::uint64_t> streams = 0, hits = 0, misses = 0, decoded_bytes = 0, ahead_bytes = 0,
                             verify_failures = 0;
  DecodePermits permits;
  WorkerPool workers{permits.most(), kMostTasksWaiting};
};

SpanCache::SpanCache(std::uint64_t budget_bytes, unsigned cores)
    : state_(std::make_unique<State>(
          budget_bytes, cores > 0 ? cores : std::max(1U, std::thread::hardware_concurrency()))) {}
SpanCache::~SpanCache() = default;

std::uint64_t SpanCache::new_stream() noexcept { return state_->streams.fetch_add(1); }

SpanBytes SpanCache::find(SpanKey key) {
  auto span = find_again(key);
  ++(span ? state_->hits : state_->misses);
  return span;
}

SpanBytes SpanCache::find_again(SpanKey key) { return state_->recent.lock()->find(key); }
void SpanCache::pass(SpanKey key) noexcept {
  RecentSpans::Entries leaving;
  state_->recent.lock()->pass(key, leaving);
}
bool SpanCache::holds(SpanKey key) const { return state_->recent.lock()->holds(key); }
void SpanCache::add(SpanKey key, SpanBytes span) noexcept {
  state_->add(key, std::move(span), false, [](RecentSpans&) {});
}

std::shared_ptr<SpanBuffer> SpanCache::make_buffer(std::size_t size) const {
  return state_->buffers->make(size);
}

std::uint64_t SpanCache::most_ahead(std::uint64_t longest_run) const noexcept {
  // One run is being decoded by each core, and one was decoded for the reader.
  const std::uint64_t of_all_cores = (state_->permits.most() + 1) * longest_run;
  return std::min(std::max(kUsuallyAhead, of_all_cores), state_->budget / 4);
}

SpanCache::AheadRoom::AheadRoom(AheadRoom&& other) noexcept
    : state_(other.state_), bytes_(std::exchange(other.bytes_, 0)) {}
SpanCache::AheadRoom::~AheadRoom() {
  if (bytes_ > 0) state_->recent.lock()->unreserve(bytes_);
}

std::optional<SpanCache::AheadRoom> SpanCache::room_ahead(std::uint64_t bytes) {
  if (!state_->recent.lock()->reserve(bytes)) return std::nullopt;
  return AheadRoom(*state_, bytes);
}

void SpanCache::add_ahead(SpanKey key, SpanBytes span, AheadRoom& room) noexcept {
  const std::uint64_t size = std::min<std::uint64_t>(span->capacity(), room.bytes_);
  room.bytes_ -= size;
  state_->add(key, std::move(span), true, [size](RecentSpans& spans) { spans.unreserve(size); });
}

void SpanCache::count_decoded(std::uint64_t bytes, DecodePermits::For whom) noexcept {
  state_->decoded_bytes += bytes;
  if (whom == DecodePermits::For::ahead) state_->ahead_bytes += bytes;
}
void SpanCache::count_verify_failure() noexcept { ++state_->verify_failures; }

SpanCacheStats SpanCache::stats() const {
  SpanCacheStats stats{.hits = state_->hits,
                       .misses = state_->misses,
                       .decoded_bytes = state_->decoded_bytes,
                       .verify_failures = state_->verify_failures,
                       .ahead_bytes = state_->ahead_bytes};
  auto recent = state_->recent.lock();
  stats.bytes = recent->bytes();
  stats.unread_bytes = recent->unread_bytes();
  return stats;
}

DecodePermits& SpanCache::permits() const noexcept { return state_->permits; }
ParkedDecoders& SpanCache::parked() const noexcept { return state_->parked; }
EndedDecoders& SpanCache::ended() const noexcept { return state_->ended; }
WorkerPool& SpanCache::workers() const noexcept { return state_->workers; }

}  // namespace layoutfs
