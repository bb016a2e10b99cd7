// The spans of a stream that are being decoded, so that no span is decoded twice at the same time.
//
// Parts. A decode is a thread that decodes a range of consecutive spans, which ends with the span for which
// it was started. The table holds the ranges of all decodes of the stream, the readers that wait for one of
// their spans, and the read-ahead that waits for the end of a decode.
//
// Movement. A reader that misses a span in the cache calls join_or_start(). If the span lies in a range, it
// waits, and gets the span when the decode has delivered it and those after it that the reader wants as well:
// waking a thread costs as much as decoding some KiB. Otherwise it starts a decode itself: from the
// nearest parked decoder before the span, or from the access point. If another decode runs between those two,
// its decoder will be the nearest, so the reader waits for its end. The decode delivers its spans one by one
// to the cache and to the waiting readers, and parks its decoder at the end.
//
// Invariants. Ranges of one access point never overlap. A range starts at the span that is delivered next.
// Each waiting reader waits for a span in some range; at the end of a decode, all of its readers have a
// result or are told to try again. Ending a decode allocates nothing and cannot fail.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/lock_order.h"
#include "core/stream/parked_decoders.h"
#include "core/stream/span_cache.h"
#include "layoutfs/context.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Spans of one access point to decode ahead. If no decoder is nearer, decoding starts at span `run`: the
// first one of the access point, or any span of a stream that needs no access points.
struct AheadRequest {
  std::uint64_t run, first, last;  // span numbers, inclusive
  SpanCache::AheadRoom room;
};

// For one stream. Thread-safe.
class PendingDecodes {
  // The undelivered spans of a decode, inclusive.
  struct Range {
    std::uint64_t next, last;
    bool has(std::uint64_t span) const noexcept { return next <= span && span <= last; }
  };
  using Ranges = std::list<Range>;

 public:
  // One decode, owned by its thread. The destructor wakes readers that still wait; they try again.
  class Decode {
   public:
    Decode(Decode&& other) noexcept;
    Decode& operator=(Decode&&) = delete;
    ~Decode();

    // The span to deliver next, and the last one.
    std::uint64_t next() const noexcept { return range_->next; }
    std::uint64_t last() const noexcept { return range_->last; }
    bool is_ahead() const noexcept { return request_.has_value(); }
    // Returns a decoder at next(), nullopt if decoding starts at the run.
    std::optional<ParkedDecoder> take_place() { return std::move(place_); }
    // Adds the next span to the cache and gives it to the waiting readers.
    void deliver(SpanBytes span) noexcept;
    // Leaves the next span out. Gives `error` to the readers that wait for it; they try again if it is null.
    // If it throws std::bad_alloc, nothing has changed.
    void skip(const Error* error);
    // Gives the error to the readers that wait for the remaining spans. If it throws std::bad_alloc, nothing
    // has changed.
    void fail(const Error& error);

   private:
    friend class PendingDecodes;
    Decode(PendingDecodes& decodes, Ranges::iterator range, std::optional<ParkedDecoder> place,
           std::optional<AheadRequest> request) noexcept
        : decodes_(&decodes), range_(range), place_(std::move(place)), request_(std::move(request)) {}

    PendingDecodes* decodes_;
    Ranges::iterator range_;
    std::optional<ParkedDecoder> place_;
    std::optional<AheadRequest> request_;
  };

  // `repost` gets the requests that can be tried again. It must not throw.
  PendingDecodes(std::shared_ptr<SpanCache> cache, std::uint64_t stream,
                 std::function<void(AheadRequest)> repost);

  // Returns the span `wanted.first` after another thread has decoded it, or a decode for the caller that ends
  // with it. Waits for the next spans up to `wanted.last`, too, if the same decode delivers them. `run` as in
  // AheadRequest. Errc::cancelled if `context` ends while it waits; the other decode continues.
  struct Wanted {
    std::uint64_t first, last;  // span numbers, inclusive
  };
  std::variant<Result<SpanBytes>, Decode> join_or_start(Wanted wanted, std::uint64_t run,
                                                        const Context& context = {});
  // For tests. Returns the number of threads that wait in join_or_start().
  std::size_t waiting() const;
  // Returns whether a decoder is, or will be, at the start of one of these spans.
  bool is_near(std::uint64_t first, std::uint64_t last) const;
  // Returns a decode for the spans of the request that are neither cached nor being decoded. Returns nullopt
  // if there are none, or if another decode runs before them: the request is posted again when that ends.
  std::optional<Decode> start_ahead(AheadRequest request);

 private:
  // A reader that waits for spans of one decode. When it is woken it has the bytes of the first one or an
  // error, or tries again.
  struct Waiter {
    Wanted wanted;
    SpanBytes bytes;
    std::shared_ptr<const Error> error;
    bool is_over = false;
  };
  struct Table {
    Ranges ranges;
    std::vector<Waiter*> waiters;
    std::vector<AheadRequest> postponed;
    std::uint64_t ended = 0;             // number of decodes so far
    std::size_t waiting_for_an_end = 0;  // threads
  };
  using GuardedTable = OrderedGuarded<Table, LockLevel::decodes>;

  std::optional<Decode> start(Table& table, std::uint64_t run, std::uint64_t first, std::uint64_t last,
                              std::optional<AheadRequest>& request);
  // What happened to the spans of a range. Without bytes and error, the readers try again.
  struct Answer {
    Range range;
    SpanBytes bytes = nullptr;
    std::shared_ptr<const Error> error = nullptr;
    bool is_awaited = false, is_over = false;  // results: readers wait for these spans; some have to wake
  };
  static void give(Table& table, Answer& answer) noexcept;
  std::optional<Result<SpanBytes>> wait_for(GuardedTable::Locked& table, Wanted wanted,
                                            const Context& context);

  const std::shared_ptr<SpanCache> cache_;
  const std::uint64_t stream_;
  const std::function<void(AheadRequest)> repost_;
  mutable GuardedTable table_;
  std::condition_variable_any changed_;
};

}  // namespace layoutfs
