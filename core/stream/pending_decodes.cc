// Flights of one stream, and who waits for them.
#include "core/stream/pending_decodes.h"

#include <algorithm>

#include "core/base/wait.h"

namespace layoutfs {

PendingDecodes::PendingDecodes(std::shared_ptr<SpanCache> cache, std::uint64_t stream,
                               std::function<void(AheadWish)> repost)
    : cache_(std::move(cache)), stream_(stream), repost_(std::move(repost)) {}

// Nothing where another flight stands between the nearest decoder and `first`: its decoder is the one to use.
std::optional<PendingDecodes::Flight> PendingDecodes::start(Table& table, std::uint64_t run,
                                                            std::uint64_t first, std::uint64_t last,
                                                            std::optional<AheadWish>& wish) {
  std::uint64_t lowest = run;
  for (const Range& flight : table.flights)
    if (flight.last < first) lowest = std::max(lowest, flight.last + 1);
  auto place = cache_->parked().take(stream_, lowest, first);
  if (!place && lowest > run) return std::nullopt;
  const auto range = table.flights.insert(table.flights.end(), {place ? place->span : run, last});
  return Flight(*this, range, std::move(place), std::exchange(wish, std::nullopt));
}

bool PendingDecodes::answer(Table& table, Range range, const SpanBytes& bytes,
                            const std::shared_ptr<const Error>& error) noexcept {
  return std::erase_if(table.waiters, [&](Waiter* waiter) {
           if (!range.has(waiter->span)) return false;
           waiter->bytes = bytes;
           waiter->error = error;
           waiter->is_over = true;
           return true;
         }) > 0;
}

// The result of the flight that has the span; nothing if that ended early.
std::optional<Result<SpanBytes>> PendingDecodes::wait_for(Guarded<Table>::Locked& table, std::uint64_t wanted,
                                                          const Context& context) {
  Waiter waiter{.span = wanted, .bytes = nullptr, .error = nullptr};
  table->waiters.push_back(&waiter);
  struct Leaving {
    ~Leaving() {
      if (!waiter.is_over) std::erase(table->waiters, &waiter);
    }
    Guarded<Table>::Locked& table;
    Waiter& waiter;
  } const leaving{table, waiter};
  auto waited = wait_until_met(changed_, table.lock(), context, [&] { return waiter.is_over; });
  if (!waited) return fail(std::move(waited).error());
  if (waiter.error) return layoutfs::fail(Error(*waiter.error));
  if (waiter.bytes) return std::move(waiter.bytes);
  return std::nullopt;
}

std::variant<Result<SpanBytes>, PendingDecodes::Flight> PendingDecodes::join_or_start(
    std::uint64_t wanted, std::uint64_t run, const Context& context) {
  std::optional<AheadWish> no_wish;
  auto table = table_.lock();
  while (true) {
    // A flight may have ended since the caller looked.
    if (auto span = cache_->find_again({stream_, wanted})) return Result<SpanBytes>(std::move(span));
    const auto has_wanted = [wanted](const Range& flight) { return flight.has(wanted); };
    if (std::ranges::any_of(table->flights, has_wanted)) {
      if (auto result = wait_for(table, wanted, context)) return *std::move(result);
      continue;
    }
    if (auto flight = start(*table, run, wanted, wanted, no_wish)) return *std::move(flight);
    const std::uint64_t ended = table->ended;
    auto waited = wait_until_met(changed_, table.lock(), context, [&] { return table->ended != ended; });
    if (!waited) return Result<SpanBytes>(fail(std::move(waited).error()));
  }
}

bool PendingDecodes::is_near(std::uint64_t first, std::uint64_t last) const {
  auto table = table_.lock();
  return cache_->parked().has(stream_, first, last) ||
         std::ranges::any_of(table->flights, [&](const Range& flight) {
           return first <= flight.last + 1 && flight.next <= last;
         });
}

std::optional<PendingDecodes::Flight> PendingDecodes::start_ahead(AheadWish wish) {
  auto table = table_.lock();
  const auto is_in_flight = [&](std::uint64_t span) {
    return std::ranges::any_of(table->flights, [span](const Range& flight) { return flight.has(span); });
  };
  const auto is_done = [&](std::uint64_t span) {
    return is_in_flight(span) || cache_->holds({stream_, span});
  };
  while (wish.first <= wish.last && is_done(wish.first)) ++wish.first;
  while (wish.first < wish.last && is_done(wish.last)) --wish.last;
  for (std::uint64_t span = wish.first; span <= wish.last; ++span)
    if (is_in_flight(span)) wish.last = span - 1;
  if (wish.first > wish.last) return std::nullopt;
  std::optional<AheadWish> open(std::move(wish));
  auto flight = start(*table, open->run, open->first, open->last, open);
  if (!flight) table->kept.push_back(*std::move(open));
  return flight;
}

PendingDecodes::Flight::Flight(Flight&& other) noexcept
    : flights_(std::exchange(other.flights_, nullptr)),
      range_(other.range_),
      place_(std::move(other.place_)),
      wish_(std::move(other.wish_)) {}

PendingDecodes::Flight::~Flight() {
  if (flights_ == nullptr) return;
  std::vector<AheadWish> again;
  {
    auto table = flights_->table_.lock();
    answer(*table, *range_, nullptr, nullptr);
    table->flights.erase(range_);
    ++table->ended;
    again.swap(table->kept);
  }
  flights_->changed_.notify_all();
  for (AheadWish& wish : again) flights_->repost_(std::move(wish));
}

void PendingDecodes::Flight::land(SpanBytes span) {
  auto table = flights_->table_.lock();
  const std::uint64_t number = range_->next;
  const bool is_awaited = answer(*table, {number, number}, span, nullptr);
  const SpanKey key{flights_->stream_, number};
  if (!wish_ || is_awaited || number < wish_->first)
    flights_->cache_->add(key, std::move(span));
  else
    flights_->cache_->add_ahead(key, std::move(span), wish_->room);
  ++range_->next;
  if (is_awaited) flights_->changed_.notify_all();
}

void PendingDecodes::Flight::fail(const Error& error) {
  const auto shared = std::make_shared<const Error>(error);
  auto table = flights_->table_.lock();
  if (answer(*table, *range_, nullptr, shared)) flights_->changed_.notify_all();
}

}  // namespace layoutfs
