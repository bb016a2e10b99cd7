// The uncompressed stream of one layer: spans are taken from the cache, or decoded from the nearest preceding
// position.
//
// Movement. A read processes its spans in order. Each comes from the cache; or from the decoded copy of the
// layer, in long stretches without access points; or from another reader that is decoding it; or this reader
// decodes all spans from the nearest parked decoder, or from the access point, up to it. At the end it parks
// the decoder for a read that continues there.
//
// Read-ahead. ReadPatterns recognizes reads that continue others. For these, the next spans are requested
// from the worker pool: at most as many bytes as the reader has read, or all that was announced by
// will_read(), and never more than keeps all cores busy. There is one request per access point, so that they
// are decoded in parallel. A request reserves its room in the cache first. Its errors are dropped: the reader
// decodes the span itself, and gets the error then.
//
// Damage. A reader that meets a damaged span reports it to the blob. If the blob can fetch the bytes again,
// the decode ends, and the reader starts another one from the access point. Otherwise, a span whose bytes do
// not match its digest does not end a decode, because later spans may be right. What a reader could not get
// is remembered for some seconds, and not decoded again for each page.
//
// Invariants. No span is decoded by two threads at a time. Every span is checked before it is cached or
// returned. A permit is held only while decoding, never while waiting for another thread or opening a blob.
// Decoding ahead lets waiting readers go first after each span.
#include "core/stream/layer_stream.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>
#include <stop_token>
#include <string>
#include <utility>

#include "core/base/check.h"
#include "core/base/failure_log.h"
#include "core/base/guarded.h"
#include "core/base/lock_order.h"
#include "core/base/single_flight.h"
#include "core/base/worker_pool.h"
#include "core/codec/codec.h"
#include "core/stream/damaged_spans.h"
#include "core/stream/ended_decoders.h"
#include "core/stream/parked_decoders.h"
#include "core/stream/pending_decodes.h"
#include "core/stream/read_patterns.h"
#include "core/stream/stream_runs.h"

namespace layoutfs {
namespace {

constexpr std::uint64_t kMostSpansAhead = 1024;  // of one plan; tables may have spans of one byte

// The memory of a decoder before the first one of the stream was made.
constexpr std::uint64_t kUsualMemory = std::uint64_t{4} << 20;

// Bytes of the blob that are announced before a decoder starts; the kernel recognizes the following
// sequential reads.
constexpr std::uint64_t kMostAnnounced = std::uint64_t{1} << 20;

}  // namespace

struct LayerStream::State {
  State(BlobOpener open_blob_, StreamIndex index_, std::shared_ptr<SpanCache> cache_, bool verify_,
        std::optional<CopyPlace> copy_, Failures failures_)
      : failures(failures_),
        open_blob(std::move(open_blob_)),
        index(std::move(index_)),
        cache(std::move(cache_)),
        verify(verify_),
        decodes(cache, stream, [this](AheadRequest request) { post(std::move(request)); }) {
    if (copy_) copy.emplace(*std::move(copy_), open_blob, index, cache);
  }

  const Failures failures;
  const BlobOpener open_blob;
  const StreamIndex index;
  const std::shared_ptr<SpanCache> cache;
  const bool verify;
  const StreamRuns runs{index};
  const std::uint64_t stream = cache->new_stream();  // the number of this stream in the cache
  const std::uint64_t most_ahead = cache->most_ahead(runs.longest());
  std::stop_source ending;                    // of all read-ahead
  Guarded<std::weak_ptr<const Blob>> opened;  // alive while a decoder reads it
  OrderedGuarded<ReadPatterns, LockLevel::readers> patterns;
  PendingDecodes decodes;
  DamagedSpans damaged;
  FailureLog failure_log;
  std::atomic<std::uint64_t> decoder_memory = kUsualMemory;  // of the last one that was made
  std::optional<LayerCopy> copy;
  SingleFlight<std::uint64_t, SpanBytes> copied_spans{LockLevel::copied_span};

  template <class Use>
  Result<std::size_t> for_each_part(std::size_t size, std::uint64_t offset, const Context& context,
                                    Use&& use);
  Result<SpanBytes> span(PendingDecodes::Wanted wanted, const Context& context);
  Result<SpanBytes> decode(PendingDecodes::Decode& pending, std::uint64_t last_wanted, int& rereads,
                           const Context& context);
  void park(ParkedDecoder place) noexcept;
  Result<SpanBytes> copied(std::uint64_t wanted, const Context& context);
  Result<ParkedDecoder> place_at(std::uint64_t run, std::uint64_t last, BlobPtr opened_blob);
  Result<SpanBytes> decode_next(ParkedDecoder& place, DecodePermits::For whom);
  Error failure_of(std::uint64_t span, Error error, std::optional<std::uint64_t> last_damaged);
  Result<BlobPtr> blob();
  bool fetches_again(std::uint64_t span, int& rereads);
  BlobPtr opened_blob() { return opened.lock()->lock(); }
  void plan_ahead(ReadPatterns::Reader& reader, const Blob* blob);
  std::uint64_t request_ahead(std::uint64_t first, std::uint64_t horizon, std::uint64_t announced,
                              const Blob* blob);
  bool is_at_hand(const Blob& blob, std::uint64_t first, std::uint64_t last) const;
  std::uint64_t ready_before(std::uint64_t first, std::uint64_t end) const;
  bool post(AheadRequest request) noexcept;
  void decode_ahead(AheadRequest request);
};

// Reads, and calls `use` for one span after the other with the requested part of it.
template <class Use>
Result<std::size_t> LayerStream::State::for_each_part(std::size_t size, std::uint64_t offset,
                                                      const Context& context, Use&& use) {
  if (offset >= index.size || size == 0) return std::size_t{0};
  size = static_cast<std::size_t>(std::min<std::uint64_t>(size, index.size - offset));
  bool is_sequential = false;
  try {
    // Released after the lock: the last owner of a blob may wait for its requests to a registry.
    const BlobPtr shared = opened_blob();
    auto locked = patterns.lock();
    auto* const reader = locked->note(offset, size);
    is_sequential = reader != nullptr;
    if (is_sequential) plan_ahead(*reader, shared.get());
  } catch (const std::bad_alloc&) {
    // Read-ahead is optional.
  }
  std::size_t done = 0;
  const std::uint64_t last = runs.span_at(offset + size - 1);
  for (std::uint64_t number = runs.span_at(offset); done < size; ++number) {
    if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
    const auto found = span({number, last}, context);
    if (!found) return std::unexpected(found.error());
    const auto from = static_cast<std::size_t>(offset + done - index.spans[number].offset);
    const ByteView part = ByteView(**found).subspan(from);
    const std::size_t used = std::min(part.size(), size - done);
    use(*found, part.first(used));
    done += used;
    if (is_sequential && used == part.size()) cache->pass({stream, number});
  }
  return done;
}

// If two threads open it at the same time, the later one is shared afterwards.
Result<BlobPtr> LayerStream::State::blob() {
  HeldLevels::check_may_take(LockLevel::layout);
  if (auto shared = opened.lock()->lock()) return shared;
  auto blob = open_blob();
  if (blob) *opened.lock() = *blob;
  return blob;
}

// Reports a damaged span to the blob. Returns whether decoding it again may give other bytes. Parked decoders
// may have read the wrong bytes, too. Precondition: a decoder reads the blob.
bool LayerStream::State::fetches_again(std::uint64_t span, int& rereads) {
  if (rereads == 0 || damaged.find(span)) return false;
  const BlobPtr shared = opened.lock()->lock();
  if (shared == nullptr || !distrust_span(*shared, index, span)) return false;
  --rereads;
  cache->parked().drop(stream);
  return true;
}

// Returns a decoder at the start of a run, for the spans up to `last`.
Result<ParkedDecoder> LayerStream::State::place_at(std::uint64_t run, std::uint64_t last,
                                                   BlobPtr opened_blob) {
  const PointRecord point = runs.point_of(run);
  opened_blob->will_read(point.position / 8,
                         std::min(runs.part_of_blob(run, last, kMostAnnounced), kMostAnnounced));
  auto ended = cache->ended().take(index.compression);
  if (!ended) {
    // Reads at random places end none, but the oldest one would have to leave when this one is parked.
    auto leaving = cache->parked().make_room(stream, decoder_memory);
    for (ParkedDecoder& oldest : leaving) cache->ended().keep(std::move(oldest.decoder));
    ended = cache->ended().take(index.compression);
  }
  auto decoder = resume_at(point, index, std::move(opened_blob), std::move(ended));
  if (!decoder) return std::unexpected(std::move(decoder.error()));
  return ParkedDecoder{*std::move(decoder), run};
}

// Decodes the span at the decoder's position. Returns nullptr if its bytes do not match its digest; the
// decoder is behind it then, too.
Result<SpanBytes> LayerStream::State::decode_next(ParkedDecoder& place, DecodePermits::For whom) {
  const SpanRecord& record = index.spans[place.span];
  auto span = cache->make_buffer(index.span_end(place.span) - record.offset);
  const auto size = place.decoder->read(*span);
  if (!size) return std::unexpected(size.error());
  cache->count_decoded(*size, whom);
  if (*size != span->size()) return fail(Errc::corrupt, "the stream ends before its index does");
  const std::uint64_t number = place.span++;
  if (verify && !is_right_span(index, number, *span)) return nullptr;
  return span;
}

// Returns the error of a span for a reader, and reports it to the log. Remembers it if the spans up to
// `last_damaged` cannot be decoded.
Error LayerStream::State::failure_of(std::uint64_t span, Error error,
                                     std::optional<std::uint64_t> last_damaged) {
  Error located = std::move(error).with("stream bytes " + std::to_string(index.spans[span].offset) + " to " +
                                        std::to_string(index.span_end(span)));
  if (failures == Failures::logged) failure_log.report("cannot read a layer: " + located.message());
  if (last_damaged && located.code() == Errc::corrupt) damaged.add(span, *last_damaged, located);
  return located;
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

// Parks it for a later read that continues there. At the next access point another decoder is as good, and
// few can be parked.
void LayerStream::State::park(ParkedDecoder place) noexcept {
  if (place.span == 0 || !runs.is_same(place.span, place.span - 1))
    return cache->ended().keep(std::move(place.decoder));
  try {
    cache->parked().park(stream, std::move(place));
  } catch (const std::bad_alloc&) {
    // The later read makes a new one.
  }
}

// Returns the last span of the decode; nullptr if a damaged span should be decoded again, which lowers
// `rereads`. The same decoder will probably be used for the spans up to `last_wanted`.
Result<SpanBytes> LayerStream::State::decode(PendingDecodes::Decode& pending, std::uint64_t last_wanted,
                                             int& rereads, const Context& context) {
  const auto whom = pending.is_ahead() ? DecodePermits::For::ahead : DecodePermits::For::reader;
  const auto is_fetched_again = [&](std::uint64_t span, const Error* error) {
    return (error == nullptr || can_be_damage(*error)) && fetches_again(span, rereads);
  };
  const auto failed = [&](std::uint64_t span, Error error, std::optional<std::uint64_t> last_damaged) {
    return whom == DecodePermits::For::reader ? failure_of(span, std::move(error), last_damaged)
                                              : std::move(error);
  };
  const HoldingLevel holding(LockLevel::decode);
  auto place = pending.take_place();
  // Without a permit: opening may wait for a thread that needs one.
  BlobPtr opened_blob;
  if (!place) {
    auto result = blob();
    if (!result) return fail(failed(pending.next(), std::move(result).error(), {}));
    opened_blob = *std::move(result);
  }
  auto permit = cache->permits().acquire(whom, decoder_memory, context);
  if (!permit) {
    if (place) park(*std::move(place));
    return fail(std::move(permit).error());
  }
  if (!place) {
    const std::uint64_t last = std::clamp(last_wanted, pending.last(), runs.last_of(pending.last()));
    auto at_run = place_at(pending.next(), last, opened_blob);
    if (!at_run && is_fetched_again(pending.next(), &at_run.error())) return nullptr;
    // Trying again costs next to nothing, and libzstd may only have lacked memory.
    if (!at_run) return fail(failed(pending.next(), std::move(at_run).error(), {}));
    place = *std::move(at_run);
    decoder_memory = place->decoder->memory();
  }
  permit->set_memory(place->decoder->memory());
  while (true) {
    const std::uint64_t number = place->span;
    check(number == pending.next(), "a decode delivers the spans that its decoder stands at");
    auto go_on = context.check();
    if (go_on) go_on = permit->yield(context);
    if (!go_on) {
      park(*std::move(place));
      return fail(std::move(go_on).error());
    }
    auto span = decode_next(*place, whom);
    const bool is_damaged = !span || !*span;
    if (is_damaged && is_fetched_again(number, span ? nullptr : &span.error())) return nullptr;
    if (!span) return fail(failed(number, std::move(span).error(), runs.last_of(number)));
    if (*span) {
      pending.deliver(*span);
    } else {
      if (whom == DecodePermits::For::reader) cache->count_verify_failure();
      span = fail(failed(number, Error(Errc::corrupt, "decoded bytes differ from the index"), number));
      pending.skip(whom == DecodePermits::For::reader ? &span.error() : nullptr);
    }
    if (number < pending.last()) continue;
    park(*std::move(place));
    return span;
  }
}

// Returns the first of the wanted spans.
Result<SpanBytes> LayerStream::State::span(PendingDecodes::Wanted all_wanted, const Context& context) {
  const std::uint64_t wanted = all_wanted.first;
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
  for (int rereads = Blob::kMostRereads;;) {
    if (auto error = damaged.find(wanted)) return fail(*std::move(error));
    auto joined = decodes.join_or_start(all_wanted, runs.first_of(wanted), context);
    if (auto* others = std::get_if<Result<SpanBytes>>(&joined)) return std::move(*others);
    auto& pending = std::get<PendingDecodes::Decode>(joined);
    auto span = decode(pending, all_wanted.last, rereads, context);
    if (span && !*span) continue;  // readers that wait for the decode start another one, too
    // Cancellation affects only this reader: the decode ends, and readers that wait for it start another one.
    if (!span && span.error().code() != Errc::cancelled) pending.fail(span.error());
    return span;
  }
}

// Requests the spans that a sequential reader will want next: at most as many bytes as it has read, to limit
// the waste if it stops, or those that it has announced. `blob`: nullptr if no decoder has it open.
void LayerStream::State::plan_ahead(ReadPatterns::Reader& reader, const Blob* blob) {
  const std::uint64_t expected = std::min(reader.end + reader.size, index.size);
  const std::uint64_t wanted = std::max(expected, reader.announced);
  const std::uint64_t horizon = std::min(reader.end + most_ahead, wanted);
  if (reader.planned >= index.spans.size() || index.span_end(reader.planned) > horizon) return;
  const std::uint64_t first =
      reader.size == 0 ? runs.span_at(reader.begin) : runs.span_at(reader.end - 1) + 1;
  reader.planned = request_ahead(std::max(reader.planned, first), horizon, reader.announced, blob);
}

// Returns whether these spans can be decoded without waiting for a network. Bytes that the reader may never
// need are not fetched to decode them ahead: the blob itself reads ahead as the reader's decodes advance.
bool LayerStream::State::is_at_hand(const Blob& blob, std::uint64_t first, std::uint64_t last) const {
  const std::uint64_t run = runs.first_of(first);
  return blob.is_at_hand(runs.point_of(run).position / 8, runs.part_of_blob(run, last, kMostAnnounced));
}

// Returns the first span from `first` on that must be decoded, at most `end`.
std::uint64_t LayerStream::State::ready_before(std::uint64_t first, std::uint64_t end) const {
  while (first < end && (cache->holds({stream, first}) || damaged.find(first))) ++first;
  return first;
}

// Requests the spans from `first` that end before `horizon`, one request per access point. Returns the first
// span that was not requested. The reader will certainly read up to `announced`, and stop there.
std::uint64_t LayerStream::State::request_ahead(std::uint64_t first, std::uint64_t horizon,
                                                std::uint64_t announced, const Blob* blob) {
  std::uint64_t end = first;  // of the spans in reach
  while (end < index.spans.size() && end - first < kMostSpansAhead && index.span_end(end) <= horizon) ++end;
  for (first = ready_before(first, end); first < end; first = ready_before(first, end)) {
    // A copy is read as fast, and the reader's decoder might be displaced.
    if (copy && copy->covers(first)) break;
    if (index.spans[first].offset - index.points[index.spans[first].point].offset > kLongStretch) break;
    std::uint64_t last = first;
    while (last + 1 < end && runs.is_same(last + 1, first) &&
           !(runs.starts_anywhere() && cache->holds({stream, last + 1})))
      ++last;
    // A decoder that stops before the next access point would displace another one: start later instead.
    const bool is_begun = runs.first_of(first) < first;
    const bool is_long = index.span_end(last) - index.spans[first].offset >= most_ahead / 2;
    const bool is_part = runs.is_same(last + 1, first) && !runs.starts_anywhere();
    const bool is_end = horizon == announced && last + 1 == end;
    if (is_part && !is_begun && !is_long && !is_end) break;
    if (index.span_end(last) > announced && blob != nullptr && !is_at_hand(*blob, first, last)) break;
    auto room = cache->room_ahead(index.span_end(last) - index.spans[first].offset);
    if (!room || !post({runs.first_of(first), first, last, *std::move(room)})) break;
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
  int rereads = 0;  // the reader's turn
  if (auto pending = decodes.start_ahead(std::move(request)))
    ignore(decode(*pending, pending->last(), rereads, {.stop = ending.get_token(), .deadline = {}}),
           "it fails again for a reader of the span, which gets the error");
}

LayerStream::LayerStream(BlobOpener open_blob, StreamIndex index, std::shared_ptr<SpanCache> cache,
                         bool verify, std::optional<CopyPlace> copy, Failures failures)
    : state_(std::make_unique<State>(std::move(open_blob), std::move(index), std::move(cache), verify,
                                     std::move(copy), failures)) {}

// Waits for read-ahead threads, so it must not run on a thread for which they may wait (lock_order.h).
LayerStream::~LayerStream() {
  state_->ending.request_stop();
  state_->cache->workers().drop(state_.get());
  state_->cache->parked().drop(state_->stream);
}

std::uint64_t LayerStream::size() const noexcept { return state_->index.size; }

void LayerStream::will_read(std::uint64_t offset, std::uint64_t size) const noexcept {
  const StreamIndex& index = state_->index;
  if (offset >= index.size || size == 0) return;
  const std::uint64_t last = offset + std::min(size, index.size - offset) - 1;
  try {
    const BlobPtr shared = state_->opened_blob();  // released after the lock, as in for_each_part()
    auto patterns = state_->patterns.lock();
    // The last span is decoded as a whole.
    state_->plan_ahead(patterns->expect(offset, index.span_end(state_->runs.span_at(last))), shared.get());
  } catch (const std::bad_alloc&) {
    // Read-ahead is optional.
  }
}

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

Status LayerStream::read_all(const std::function<Status(ByteView)>& sink, const Context& context) const {
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  will_read(0, size());
  for (std::uint64_t at = 0; at < size();) {
    IoBuffers pieces;
    const auto got = read(pieces, kPiece, at, context);
    if (!got) return fail(Error(got.error()));
    for (const ByteView piece : pieces.views())
      if (auto taken = sink(piece); !taken) return taken;
    at += *got;
  }
  return {};
}

}  // namespace layoutfs
