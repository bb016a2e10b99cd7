// The uncompressed stream of one layer: spans are taken from the cache, or decoded from the nearest preceding
// position.
//
// Movement. A read processes its spans in order. Each comes from the cache; or from the decoded copy of the
// layer, in long stretches without access points; or from another reader that is decoding it; or this reader
// decodes all spans from the nearest parked decoder, or from the access point, up to it. At the end it parks
// the decoder for a read that continues there.
//
// Read-ahead. ReadPatterns recognizes reads that continue others. For these, the next spans are requested
// from the worker pool: at most as many bytes as the reader has read, one request per access point. A request
// reserves its room in the cache first. Its errors are dropped: the reader decodes the span itself, and gets
// the error then.
//
// Invariants. No span is decoded by two threads at a time. Every span is checked before it is cached or
// returned. A permit is held only while decoding, never while waiting for another thread or opening a blob.
#include "core/stream/layer_stream.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <stop_token>
#include <string>
#include <utility>

#include "core/base/check.h"
#include "core/base/guarded.h"
#include "core/base/lock_order.h"
#include "core/base/single_flight.h"
#include "core/base/worker_pool.h"
#include "core/codec/codec.h"
#include "core/stream/parked_decoders.h"
#include "core/stream/pending_decodes.h"
#include "core/stream/read_patterns.h"
#include "layoutfs/log.h"

namespace layoutfs {
namespace {

constexpr std::uint64_t kMostSpansAhead = 64;  // of one plan; tables may have spans of one byte

// Bytes of the blob that are announced before a decoder starts; the kernel recognizes the following
// sequential reads.
constexpr std::uint64_t kMostAnnounced = std::uint64_t{1} << 20;

}  // namespace

struct LayerStream::State {
  State(BlobOpener open_blob_, StreamIndex index_, std::shared_ptr<SpanCache> cache_, bool verify_,
        std::optional<CopyPlace> copy_)
      : open_blob(std::move(open_blob_)),
        index(std::move(index_)),
        cache(std::move(cache_)),
        verify(verify_),
        decodes(cache, stream, [this](AheadRequest request) { post(std::move(request)); }) {
    if (copy_) copy.emplace(*std::move(copy_), open_blob, index, cache);
  }

  const BlobOpener open_blob;
  const StreamIndex index;
  const std::shared_ptr<SpanCache> cache;
  const bool verify;
  const std::uint64_t stream = cache->new_stream();  // the number of this stream in the cache
  std::stop_source ending;                           // of all read-ahead
  Guarded<std::weak_ptr<const Blob>> opened;         // alive while a decoder reads it
  OrderedGuarded<ReadPatterns, LockLevel::readers> patterns;
  PendingDecodes decodes;
  std::optional<LayerCopy> copy;
  SingleFlight<std::uint64_t, SpanBytes> copied_spans{LockLevel::copied_span};

  template <class Use>
  Result<std::size_t> for_each_part(std::size_t size, std::uint64_t offset, const Context& context,
                                    Use&& use);
  // Returns whether decoding can start at any byte, so that bytes between an access point and a span are not
  // needed.
  bool starts_anywhere() const noexcept { return find_codec(index.compression)->starts_anywhere; }
  std::uint64_t span_at(std::uint64_t offset) const;
  std::uint64_t run_of(std::uint64_t span) const;
  Result<SpanBytes> span(std::uint64_t wanted, const Context& context);
  Result<SpanBytes> decode(PendingDecodes::Decode& pending, const Context& context);
  void park(ParkedDecoder place) noexcept;
  Result<SpanBytes> copied(std::uint64_t wanted, const Context& context);
  Result<ParkedDecoder> place_at(std::uint64_t run, std::uint64_t last, BlobPtr opened_blob);
  std::uint64_t part_of_blob(std::uint64_t run, std::uint64_t last) const;
  Result<SpanBytes> decode_next(ParkedDecoder& place, SpanCache::DecodedFor whom);
  Result<BlobPtr> blob();
  void plan_ahead(std::uint64_t offset, std::uint64_t size);
  std::uint64_t request_ahead(std::uint64_t first, std::uint64_t horizon);
  bool post(AheadRequest request) noexcept;
  void decode_ahead(AheadRequest request);
};

// Reads, and calls `use` for one span after the other with the requested part of it.
template <class Use>
Result<std::size_t> LayerStream::State::for_each_part(std::size_t size, std::uint64_t offset,
                                                      const Context& context, Use&& use) {
  if (offset >= index.size || size == 0) return std::size_t{0};
  size = static_cast<std::size_t>(std::min<std::uint64_t>(size, index.size - offset));
  try {
    plan_ahead(offset, size);
  } catch (const std::bad_alloc&) {
    // Read-ahead is optional.
  }
  std::size_t done = 0;
  for (std::uint64_t number = span_at(offset); done < size; ++number) {
    if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
    const auto found = span(number, context);
    if (!found) return std::unexpected(found.error());
    const auto from = static_cast<std::size_t>(offset + done - index.spans[number].offset);
    const ByteView part = ByteView(**found).subspan(from);
    const std::size_t used = std::min(part.size(), size - done);
    use(*found, part.first(used));
    done += used;
  }
  return done;
}

// Returns the number of the span that contains `offset`, which lies inside the stream.
std::uint64_t LayerStream::State::span_at(std::uint64_t offset) const {
  const auto after = std::ranges::upper_bound(index.spans, offset, {}, &SpanRecord::offset);
  return static_cast<std::uint64_t>(after - index.spans.begin()) - 1;
}

// Returns the span at which decoding for `span` starts if no decoder is nearer: the first one of its access
// point.
std::uint64_t LayerStream::State::run_of(std::uint64_t span) const {
  if (starts_anywhere()) return span;
  return span_at(index.points[index.spans[span].point].offset);
}

// If two threads open it at the same time, the later one is shared afterwards.
Result<BlobPtr> LayerStream::State::blob() {
  HeldLevels::check_may_take(LockLevel::layout);
  if (auto shared = opened.lock()->lock()) return shared;
  auto blob = open_blob();
  if (blob) *opened.lock() = *blob;
  return blob;
}

// Returns a decoder at the start of a run, for the spans up to `last`.
Result<ParkedDecoder> LayerStream::State::place_at(std::uint64_t run, std::uint64_t last,
                                                   BlobPtr opened_blob) {
  const std::uint64_t offset = index.spans[run].offset;
  const PointRecord point =
      starts_anywhere() ? PointRecord{offset, offset * 8, 0, 0} : index.points[index.spans[run].point];
  opened_blob->will_read(point.position / 8, std::min(part_of_blob(run, last), kMostAnnounced));
  auto decoder = resume_at(point, index, std::move(opened_blob));
  if (!decoder) return std::unexpected(std::move(decoder.error()));
  return ParkedDecoder{*std::move(decoder), run};
}

// Estimates the bytes of the blob from the start of a run to the end of span `last`: assumes equal
// compression between two points, and rounds up.
std::uint64_t LayerStream::State::part_of_blob(std::uint64_t run, std::uint64_t last) const {
  constexpr std::uint64_t kMore = std::uint64_t{64} << 10;
  if (starts_anywhere()) return index.span_end(last) - index.spans[run].offset;
  const std::uint64_t number = index.spans[run].point;
  if (number + 1 == index.points.size()) return kMostAnnounced;
  const PointRecord &point = index.points[number], &next = index.points[number + 1];
  const double part = static_cast<double>(index.span_end(last) - point.offset) /
                      static_cast<double>(next.offset - point.offset);
  return kMore + static_cast<std::uint64_t>(part * static_cast<double>(next.position - point.position) / 8);
}

// Decodes the span at the decoder's position.
Result<SpanBytes> LayerStream::State::decode_next(ParkedDecoder& place, SpanCache::DecodedFor whom) {
  const SpanRecord& record = index.spans[place.span];
  auto span = cache->make_buffer(index.span_end(place.span) - record.offset);
  const auto size = place.decoder->read(*span);
  if (!size) return std::unexpected(size.error());
  cache->count_decoded(*size, whom);
  if (*size != span->size()) return fail(Errc::corrupt, "the stream ends before its index does");
  if (verify && !is_right_span(index, place.span, *span)) {
    if (whom == SpanCache::DecodedFor::reader) cache->count_verify_failure();
    return fail(Errc::corrupt, "decoded bytes differ from the index");
  }
  ++place.span;
  return span;
}

// Returns the span from the decoded copy; nullptr if there is none and a decoder is near or can be started
// there.
Result<SpanBytes> LayerStream::State::copied(std::uint64_t wanted, const Context& context) {
  if (auto span = copy->find(wanted)) return span;
  const std::uint64_t near = copy->first_near(wanted);
  if (index.spans[near].offset <= index.points[index.spans[wanted].point].offset) return nullptr;
  if (decodes.is_near(near, wanted)) return nullptr;
  return copy->make(wanted, context);
}

// Parks it for a later read that continues there. At the next access point a new decoder is as good, and few
// can be parked.
void LayerStream::State::park(ParkedDecoder place) noexcept {
  if (place.span == 0 || place.span == index.spans.size()) return;
  if (index.spans[place.span].point != index.spans[place.span - 1].point) return;
  try {
    cache->parked().park(stream, std::move(place));
  } catch (const std::bad_alloc&) {
    // The later read makes a new one.
  }
}

// Returns the last span of the decode.
Result<SpanBytes> LayerStream::State::decode(PendingDecodes::Decode& pending, const Context& context) {
  const auto whom = pending.is_ahead() ? SpanCache::DecodedFor::ahead : SpanCache::DecodedFor::reader;
  const HoldingLevel holding(LockLevel::decode);
  auto place = pending.take_place();
  // Without a permit: opening may wait for a thread that needs one.
  BlobPtr opened_blob;
  if (!place) {
    auto result = blob();
    if (!result) return fail(std::move(result).error());
    opened_blob = *std::move(result);
  }
  const auto permit = SpanCache::Permit::acquire(*cache, context);
  if (!permit) {
    if (place) park(*std::move(place));
    return fail(Error(permit.error()));
  }
  if (!place) {
    auto at_run = place_at(pending.next(), pending.last(), std::move(opened_blob));
    if (!at_run) return std::unexpected(std::move(at_run.error()));
    place = *std::move(at_run);
  }
  while (true) {
    const std::uint64_t number = place->span;
    check(number == pending.next(), "a decode delivers the spans that its decoder stands at");
    if (auto go_on = context.check(); !go_on) {
      park(*std::move(place));
      return fail(std::move(go_on).error());
    }
    auto span = decode_next(*place, whom);
    if (!span) {
      const std::string where = "stream bytes " + std::to_string(index.spans[number].offset) + " to " +
                                std::to_string(index.span_end(number));
      return fail(std::move(span.error()), where);
    }
    pending.deliver(*span);
    if (number < pending.last()) continue;
    park(*std::move(place));
    return span;
  }
}

Result<SpanBytes> LayerStream::State::span(std::uint64_t wanted, const Context& context) {
  if (auto span = cache->find({stream, wanted})) return span;
  if (copy && copy->covers(wanted)) {
    const auto from_copy = [&]() -> Result<SpanBytes> {
      if (auto found = cache->find_again({stream, wanted})) return found;
      auto read = copied(wanted, context);
      if (read && *read) cache->add({stream, wanted}, *read);
      return read;
    };
    auto span = copied_spans.run(wanted, from_copy, context);
    if (!span || *span) return span;
  }
  auto joined = decodes.join_or_start(wanted, run_of(wanted), context);
  if (auto* others = std::get_if<Result<SpanBytes>>(&joined)) return std::move(*others);
  auto& pending = std::get<PendingDecodes::Decode>(joined);
  auto span = decode(pending, context);
  // Cancellation affects only this reader: the decode ends, and readers that wait for it start another one.
  if (!span && span.error().code() == Errc::cancelled) return span;
  if (!span) {
    log(LogLevel::error, "cannot read a layer: " + span.error().message());
    pending.fail(span.error());
  }
  return span;
}

// Requests the spans that a sequential reader will want next: at most as many bytes as it has read, to limit
// the waste if it stops.
void LayerStream::State::plan_ahead(std::uint64_t offset, std::uint64_t size) {
  auto locked = patterns.lock();
  ReadPatterns::Reader* const reader = locked->note(offset, size);
  if (reader == nullptr) return;
  const std::uint64_t horizon = reader->end + std::min(cache->most_ahead(), reader->size);
  if (reader->planned >= index.spans.size() || index.span_end(reader->planned) > horizon) return;
  reader->planned = request_ahead(std::max(reader->planned, span_at(reader->end - 1) + 1), horizon);
}

// Requests the spans from `first` that end before `horizon`, one request per access point. Returns the first
// span that was not requested.
std::uint64_t LayerStream::State::request_ahead(std::uint64_t first, std::uint64_t horizon) {
  const std::uint64_t most = std::min<std::uint64_t>(index.spans.size(), first + kMostSpansAhead);
  const auto is_in_reach = [&](std::uint64_t span) { return span < most && index.span_end(span) <= horizon; };
  while (is_in_reach(first)) {
    // A copy is read as fast, and the reader's decoder might be displaced.
    if (copy && copy->covers(first)) break;
    if (index.spans[first].offset - index.points[index.spans[first].point].offset > kLongStretch) break;
    if (cache->holds({stream, first})) {
      ++first;
      continue;
    }
    // A decoder that stops before the next access point would displace another one: start later instead.
    const auto is_of_run = [&](std::uint64_t span) {
      return span < index.spans.size() && index.spans[span].point == index.spans[first].point;
    };
    std::uint64_t last = first;
    const auto needs_none = [&](std::uint64_t span) {
      return starts_anywhere() && cache->holds({stream, span});
    };
    while (is_in_reach(last + 1) && is_of_run(last + 1) && !needs_none(last + 1)) ++last;
    const bool is_begun = run_of(first) < first;
    const bool is_long = index.span_end(last) - index.spans[first].offset >= cache->most_ahead() / 2;
    if (is_of_run(last + 1) && !is_begun && !is_long && !starts_anywhere()) break;
    auto room = cache->room_ahead(index.span_end(last) - index.spans[first].offset);
    if (!room || !post({run_of(first), first, last, *std::move(room)})) break;
    first = last + 1;
  }
  return first;
}

// Returns false, without decoding ahead, if it is not possible now.
bool LayerStream::State::post(AheadRequest request) noexcept {
  try {
    return cache->workers().post(
        this, [this, request = std::move(request)]() mutable { decode_ahead(std::move(request)); });
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void LayerStream::State::decode_ahead(AheadRequest request) {
  // A reader may have been faster, and its spans may have left the cache again.
  while (patterns.lock()->has_come_over(index.spans[request.first].offset))
    if (request.first++ == request.last) return;
  if (auto pending = decodes.start_ahead(std::move(request)))
    ignore(decode(*pending, {.stop = ending.get_token(), .deadline = {}}),
           "it fails again for a reader of the span, which gets the error");
}

LayerStream::LayerStream(BlobOpener open_blob, StreamIndex index, std::shared_ptr<SpanCache> cache,
                         bool verify, std::optional<CopyPlace> copy)
    : state_(std::make_unique<State>(std::move(open_blob), std::move(index), std::move(cache), verify,
                                     std::move(copy))) {}

// Waits for read-ahead threads, so it must not run on a thread for which they may wait (lock_order.h).
LayerStream::~LayerStream() {
  state_->ending.request_stop();
  state_->cache->workers().drop(state_.get());
  state_->cache->parked().drop(state_->stream);
}

std::uint64_t LayerStream::size() const noexcept { return state_->index.size; }

Result<std::size_t> LayerStream::read(std::span<std::byte> out, std::uint64_t offset,
                                      const Context& context) const {
  return state_->for_each_part(out.size(), offset, context, [&out](const SpanBytes&, ByteView part) {
    std::memcpy(out.data(), part.data(), part.size());
    out = out.subspan(part.size());
  });
}

Result<std::size_t> LayerStream::read(IoBuffers& out, std::size_t size, std::uint64_t offset,
                                      const Context& context) const {
  return state_->for_each_part(size, offset, context,
                               [&out](const SpanBytes& span, ByteView part) { out.append(part, span); });
}

}  // namespace layoutfs
