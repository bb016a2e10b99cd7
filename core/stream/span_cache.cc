// Decoded spans within one budget: a list in the order of use, and a map into it.
#include "core/stream/span_cache.h"

#include <atomic>
#include <list>
#include <map>
#include <utility>

#include "core/base/guarded.h"
#include "core/base/single_flight.h"
#include "core/stream/parked_decoders.h"

namespace layoutfs {
namespace {

class RecentSpans {
 public:
  explicit RecentSpans(std::uint64_t budget) : budget_(budget) {}

  SpanBytes find(SpanKey key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return nullptr;
    order_.splice(order_.begin(), order_, found->second);
    return found->second->span;
  }

  // What had to leave for it goes to `leaving`, to be freed when no lock is held.
  void add(SpanKey key, SpanBytes span, std::list<SpanBytes>& leaving) {
    const std::uint64_t size = span->capacity();
    if (size > budget_ || places_.contains(key)) return;
    order_.push_front({key, std::move(span)});
    places_.emplace(key, order_.begin());
    bytes_ += size;
    while (bytes_ > budget_) {
      Entry& last = order_.back();
      bytes_ -= last.span->capacity();
      places_.erase(last.key);
      leaving.push_back(std::move(last.span));
      order_.pop_back();
    }
  }

  std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  struct Entry {
    SpanKey key;
    SpanBytes span;
  };
  std::uint64_t budget_;
  std::uint64_t bytes_ = 0;
  std::list<Entry> order_;  // used last in front
  std::map<SpanKey, std::list<Entry>::iterator> places_;
};

}  // namespace

struct SpanCache::State {
  explicit State(std::uint64_t budget) : recent(RecentSpans(budget)) {}

  Guarded<RecentSpans> recent;
  SingleFlight<SpanKey, SpanBytes> flights;
  ParkedDecoders parked;
  std::atomic<std::uint64_t> streams = 0, hits = 0, misses = 0, decoded_bytes = 0, verify_failures = 0;
};

SpanCache::SpanCache(std::uint64_t budget_bytes) : state_(std::make_unique<State>(budget_bytes)) {}
SpanCache::~SpanCache() = default;

std::uint64_t SpanCache::new_stream() noexcept { return state_->streams.fetch_add(1); }

Result<SpanBytes> SpanCache::get(SpanKey key, const std::function<Result<SpanBytes>()>& decode) {
  if (auto span = state_->recent.lock()->find(key)) {
    ++state_->hits;
    return span;
  }
  ++state_->misses;
  return state_->flights.run(key, [&]() -> Result<SpanBytes> {
    // Another flight may have landed between the look and the start of this one.
    if (auto span = state_->recent.lock()->find(key)) return span;
    auto span = decode();
    if (span) add(key, *span);
    return span;
  });
}

void SpanCache::add(SpanKey key, SpanBytes span) {
  std::list<SpanBytes> leaving;
  state_->recent.lock()->add(key, std::move(span), leaving);
}

void SpanCache::count_decoded(std::uint64_t bytes) noexcept { state_->decoded_bytes += bytes; }
void SpanCache::count_verify_failure() noexcept { ++state_->verify_failures; }

SpanCacheStats SpanCache::stats() const {
  return {.hits = state_->hits,
          .misses = state_->misses,
          .bytes = state_->recent.lock()->bytes(),
          .decoded_bytes = state_->decoded_bytes,
          .verify_failures = state_->verify_failures};
}

ParkedDecoders& SpanCache::parked() const noexcept { return state_->parked; }

}  // namespace layoutfs
