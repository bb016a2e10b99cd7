// Ranges of spans that are being decoded, and readers that wait for them.
#include "core/stream/pending_decodes.h"

#include <algorithm>

#include "core/base/wait.h"

namespace layoutfs {

PendingDecodes::PendingDecodes(std::shared_ptr<SpanCache> cache, std::uint64_t stream,
                               std::function<void(AheadRequest)> repost)
    : cache_(std::move(cache)), stream_(stream), repost_(std::move(repost)) {}

// Returns nullopt if another decode runs between the nearest decoder and `first`: its decoder is the one to
// use.
std::optional<PendingDecodes::Decode> PendingDecodes::start(Table& table, std::uint64_t run,
                                                            std::uint64_t first, std::uint64_t last,
                                                            std::optional<AheadRequest>& request) {
  std::uint64_t lowest = run;
  for (const Range& range : table.ranges)
    if (range.last < first) lowest = std::max(lowest, range.last + 1);
  auto place = cache_->parked().take(stream_, lowest, first);
  if (!place && lowest > run) return std::nullopt;
  const auto range = table.ranges.insert(table.ranges.end(), {place ? place->span : run, last});
  return Decode(*this, range, std::move(place), std::exchange(request, std::nullopt));
}

void PendingDecodes::give(Table& table, Answer& answer) noexcept {
  std::erase_if(table.waiters, [&](Waiter* waiter) {
    if (answer.range.has(waiter->wanted.first)) {
      answer.is_awaited = true;
      waiter->bytes = answer.bytes;
      waiter->error = answer.error;
      waiter->is_over = waiter->bytes == nullptr;
    }
    waiter->is_over = waiter->is_over || answer.range.has(waiter->wanted.last);
    answer.is_over = answer.is_over || waiter->is_over;
    return waiter->is_over;
  });
}

// Returns the result of the decode of the first span; nullopt if that ends early.
std::optional<Result<SpanBytes>> PendingDecodes::wait_for(GuardedTable::Locked& table, Wanted wanted,
                                                          const Context& context) {
  Waiter waiter{.wanted = wanted, .bytes = nullptr, .error = nullptr};
  table->waiters.push_back(&waiter);
  struct Leaving {
    ~Leaving() {
      if (!waiter.is_over) std::erase(table->waiters, &waiter);
    }
    GuardedTable::Locked& table;
    Waiter& waiter;
  } const leaving{table, waiter};
  auto waited = wait_until_met(changed_, table.lock(), context, [&] { return waiter.is_over; });
  if (!waited) return fail(std::move(waited).error());
  if (waiter.error) return std::unexpected(*waiter.error);
  if (waiter.bytes) return std::move(waiter.bytes);
  return std::nullopt;
}

std::variant<Result<SpanBytes>, PendingDecodes::Decode> PendingDecodes::join_or_start(
    Wanted wanted, std::uint64_t run, const Context& context) {
  HeldLevels::check_may_take(LockLevel::decode);
  std::optional<AheadRequest> no_request;
  auto table = table_.lock();
  while (true) {
    // A decode may have ended since the caller looked.
    if (auto span = cache_->find_again({stream_, wanted.first})) return Result<SpanBytes>(std::move(span));
    const auto has_wanted = [wanted](const Range& range) { return range.has(wanted.first); };
    if (const auto range = std::ranges::find_if(table->ranges, has_wanted); range != table->ranges.end()) {
      const Wanted of_range{wanted.first, std::min(wanted.last, range->last)};
      if (auto result = wait_for(table, of_range, context)) return *std::move(result);
      continue;
    }
    if (auto decode = start(*table, run, wanted.first, wanted.first, no_request)) return *std::move(decode);
    const std::uint64_t ended = table->ended;
    ++table->waiting_for_an_end;
    auto waited = wait_until_met(changed_, table.lock(), context, [&] { return table->ended != ended; });
    --table->waiting_for_an_end;
    if (!waited) return Result<SpanBytes>(fail(std::move(waited).error()));
  }
}

std::size_t PendingDecodes::waiting() const {
  auto table = table_.lock();
  return table->waiters.size() + table->waiting_for_an_end;
}

bool PendingDecodes::is_near(std::uint64_t first, std::uint64_t last) const {
  auto table = table_.lock();
  return cache_->parked().has(stream_, first, last) ||
         std::ranges::any_of(table->ranges, [&](const Range& range) {
           return first <= range.last + 1 && range.next <= last;
         });
}

std::optional<PendingDecodes::Decode> PendingDecodes::start_ahead(AheadRequest request) {
  auto table = table_.lock();
  const auto is_pending = [&](std::uint64_t span) {
    return std::ranges::any_of(table->ranges, [span](const Range& range) { return range.has(span); });
  };
  const auto is_done = [&](std::uint64_t span) { return is_pending(span) || cache_->holds({stream_, span}); };
  while (request.first <= request.last && is_done(request.first)) ++request.first;
  while (request.first < request.last && is_done(request.last)) --request.last;
  for (std::uint64_t span = request.first; span <= request.last; ++span)
    if (is_pending(span)) request.last = span - 1;
  if (request.first > request.last) return std::nullopt;
  std::optional<AheadRequest> open(std::move(request));
  auto decode = start(*table, open->run, open->first, open->last, open);
  if (!decode) table->postponed.push_back(*std::move(open));
  return decode;
}

PendingDecodes::Decode::Decode(Decode&& other) noexcept
    : decodes_(std::exchange(other.decodes_, nullptr)),
      range_(other.range_),
      place_(std::move(other.place_)),
      request_(std::move(other.request_)) {}

PendingDecodes::Decode::~Decode() {
  if (decodes_ == nullptr) return;
  std::vector<AheadRequest> again;
  {
    auto table = decodes_->table_.lock();
    Answer nothing{.range = *range_};
    give(*table, nothing);
    table->ranges.erase(range_);
    ++table->ended;
    again.swap(table->postponed);
  }
  decodes_->changed_.notify_all();
  for (AheadRequest& request : again) decodes_->repost_(std::move(request));
}

// Readers are woken after the lock was released, because they take it.
void PendingDecodes::Decode::deliver(SpanBytes span) noexcept {
  Answer answer{.range = {range_->next, range_->next}, .bytes = span};
  {
    auto table = decodes_->table_.lock();
    give(*table, answer);
    const SpanKey key{decodes_->stream_, range_->next};
    if (!request_ || answer.is_awaited || range_->next < request_->first)
      decodes_->cache_->add(key, std::move(span));
    else
      decodes_->cache_->add_ahead(key, std::move(span), request_->room);
    ++range_->next;
  }
  if (answer.is_over) decodes_->changed_.notify_all();
}

void PendingDecodes::Decode::skip(const Error* error) {
  Answer answer{.range = {range_->next, range_->next}};
  if (error != nullptr) answer.error = std::make_shared<const Error>(*error);
  {
    auto table = decodes_->table_.lock();
    give(*table, answer);
    ++range_->next;
  }
  if (answer.is_over) decodes_->changed_.notify_all();
}

void PendingDecodes::Decode::fail(const Error& error) {
  Answer answer{.range = *range_, .error = std::make_shared<const Error>(error)};
  give(*decodes_->table_.lock(), answer);
  if (answer.is_over) decodes_->changed_.notify_all();
}

}  // namespace layoutfs
