// Which spans of a stream are being decoded right now, so that nothing is decoded twice at the same time.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/context.h"
#include "core/base/error.h"
#include "core/base/guarded.h"
#include "core/stream/parked_decoders.h"
#include "core/stream/span_cache.h"

namespace layoutfs {

// Spans of one access point that somebody will want soon. Without a decoder that stands nearer, decoding
// begins at `run`: at the access point, or where it can as well.
struct AheadWish {
  std::uint64_t run, first, last;
  SpanCache::AheadRoom room;
};

// Of one stream. A flight is a thread that decodes spans in order; flights of one access point never overlap.
// Whoever wants a span of a flight waits for it, whoever wants one behind it goes on with its decoder.
// Thread-safe.
class PendingDecodes {
  // What a flight has still to decode, both included.
  struct Range {
    std::uint64_t next, last;
    bool has(std::uint64_t span) const noexcept { return next <= span && span <= last; }
  };
  using Ranges = std::list<Range>;

 public:
  // Ends when it is destroyed: who still waits then, tries again.
  class Flight {
   public:
    Flight(Flight&& other) noexcept;
    Flight& operator=(Flight&&) = delete;
    ~Flight();

    // What land() is for next, and what the flight ends with.
    std::uint64_t next() const noexcept { return range_->next; }
    std::uint64_t last() const noexcept { return range_->last; }
    bool is_ahead() const noexcept { return wish_.has_value(); }
    // A decoder that stands where the flight begins; nothing where it begins at its run.
    std::optional<ParkedDecoders::Place> take_place() { return std::move(place_); }
    // Puts the next span into the cache and hands it to those who wait for it.
    void land(SpanBytes span);
    // Those who wait for what is left get the error.
    void fail(const Error& error);

   private:
    friend class PendingDecodes;
    Flight(PendingDecodes& flights, Ranges::iterator range, std::optional<ParkedDecoders::Place> place,
           std::optional<AheadWish> wish)
        : flights_(&flights), range_(range), place_(std::move(place)), wish_(std::move(wish)) {}

    PendingDecodes* flights_;
    Ranges::iterator range_;
    std::optional<ParkedDecoders::Place> place_;
    std::optional<AheadWish> wish_;
  };

  // `repost` gets the wishes that can be tried again.
  PendingDecodes(std::shared_ptr<SpanCache> cache, std::uint64_t stream,
                 std::function<void(AheadWish)> repost);

  // The span, once somebody else has decoded it, or a flight to it for the caller. `run` as in
  // AheadWish.
  // Errc::cancelled as soon as `context` ends while it waits; the other decode continues.
  std::variant<Result<SpanBytes>, Flight> join_or_start(std::uint64_t wanted, std::uint64_t run,
                                                        const Context& context = {});
  // Whether a decoder stands, or will have come to stand, where one of these spans begins.
  bool is_near(std::uint64_t first, std::uint64_t last) const;
  // A flight for those spans of the wish that nobody has or decodes. Nothing where there are none, and where
  // another flight stands before them: then the wish is kept until that one has ended.
  std::optional<Flight> start_ahead(AheadWish wish);

 private:
  // A thread that waits for a span of a flight. Once it is over, it has the bytes, or the error, or neither:
  // then it tries again.
  struct Waiter {
    std::uint64_t span;
    SpanBytes bytes;
    std::shared_ptr<const Error> error;
    bool is_over = false;
  };
  struct Table {
    Ranges flights;
    std::vector<Waiter*> waiters;
    std::vector<AheadWish> kept;
    std::uint64_t ended = 0;  // flights
  };

  std::optional<Flight> start(Table& table, std::uint64_t run, std::uint64_t first, std::uint64_t last,
                              std::optional<AheadWish>& wish);
  // Ends the waiting for the spans of `range`; true if there was any.
  static bool answer(Table& table, Range range, const SpanBytes& bytes,
                     const std::shared_ptr<const Error>& error) noexcept;
  std::optional<Result<SpanBytes>> wait_for(Guarded<Table>::Locked& table, std::uint64_t wanted,
                                            const Context& context);

  const std::shared_ptr<SpanCache> cache_;
  const std::uint64_t stream_;
  const std::function<void(AheadWish)> repost_;
  mutable Guarded<Table> table_;
  std::condition_variable_any changed_;
};

}  // namespace layoutfs
