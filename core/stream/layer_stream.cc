// The uncompressed stream of one layer: spans from the cache, or decoded from the nearest place before them.
#include "core/stream/layer_stream.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "core/base/guarded.h"
#include "core/base/log.h"
#include "core/stream/codec.h"
#include "core/stream/parked_decoders.h"
#include "core/stream/span_digest.h"

namespace layoutfs {

struct LayerStream::State {
  BlobOpener open_blob;
  StreamIndex index;
  std::shared_ptr<SpanCache> cache;
  bool verify;
  std::uint64_t stream;                       // the number of this stream in the cache
  Guarded<std::weak_ptr<const Blob>> opened;  // alive as long as a decoder reads it
  std::optional<LayerCopy> copy;

  std::uint64_t span_at(std::uint64_t offset) const;
  SpanBytes copied(std::uint64_t wanted);
  Result<SpanBytes> decode(std::uint64_t wanted);
  Result<ParkedDecoders::Place> place_before(std::uint64_t wanted);
  Result<SpanBytes> decode_next(ParkedDecoders::Place& place);
  Result<BlobPtr> blob();
};

// The number of the span that holds `offset`, which lies inside the stream.
std::uint64_t LayerStream::State::span_at(std::uint64_t offset) const {
  const auto after = std::ranges::upper_bound(index.spans, offset, {}, &SpanRecord::offset);
  return static_cast<std::uint64_t>(after - index.spans.begin()) - 1;
}

Result<BlobPtr> LayerStream::State::blob() {
  auto locked = opened.lock();
  if (auto blob = locked->lock()) return blob;
  auto blob = open_blob();
  if (blob) *locked = *blob;
  return blob;
}

// A decoder that stands at `wanted` or as short before it as can be had.
Result<ParkedDecoders::Place> LayerStream::State::place_before(std::uint64_t wanted) {
  const PointRecord& point = index.points[index.spans[wanted].point];
  const std::uint64_t first = span_at(point.offset);
  if (auto parked = cache->parked().take(stream, first, wanted)) return *std::move(parked);
  auto opened_blob = blob();
  if (!opened_blob) return std::unexpected(std::move(opened_blob.error()));
  const auto state = index.states.subspan(point.state_offset, point.state_size);
  auto decoder = resume(index.compression, *std::move(opened_blob), point.position, state);
  if (!decoder) return std::unexpected(std::move(decoder.error()));
  return ParkedDecoders::Place{*std::move(decoder), first};
}

// Decodes the span at which the decoder stands.
Result<SpanBytes> LayerStream::State::decode_next(ParkedDecoders::Place& place) {
  const SpanRecord& record = index.spans[place.span];
  auto span = std::make_shared<Bytes>(index.span_end(place.span) - record.offset);
  const auto size = place.decoder->read(*span);
  if (!size) return std::unexpected(size.error());
  cache->count_decoded(*size);
  if (*size != span->size()) return fail(Errc::corrupt, "the stream ends before its index does");
  if (verify && !std::ranges::equal(span_digest(*span), record.digest)) {
    cache->count_verify_failure();
    return fail(Errc::corrupt, "decoded bytes differ from the index");
  }
  ++place.span;
  return span;
}

// The span from the decoded copy; nullptr where there is none and a decoder is near, or can be made there.
SpanBytes LayerStream::State::copied(std::uint64_t wanted) {
  if (!copy) return nullptr;
  if (auto span = copy->find(wanted)) return span;
  const std::uint64_t near = copy->first_near(wanted);
  if (index.spans[near].offset <= index.points[index.spans[wanted].point].offset) return nullptr;
  if (cache->parked().has(stream, near, wanted)) return nullptr;
  return copy->make(wanted);
}

Result<SpanBytes> LayerStream::State::decode(std::uint64_t wanted) {
  if (auto span = copied(wanted)) return span;
  auto place = place_before(wanted);
  if (!place) return std::unexpected(std::move(place.error()));
  while (true) {
    const std::uint64_t number = place->span;
    auto span = decode_next(*place);
    if (!span) {
      const std::string where = "stream bytes " + std::to_string(index.spans[number].offset) + " to " +
                                std::to_string(index.span_end(number));
      return fail(std::move(span.error()), where);
    }
    if (number == wanted) {
      if (place->span < index.spans.size()) cache->parked().park(stream, *std::move(place));
      return span;
    }
    cache->add({stream, number}, *std::move(span));
  }
}

LayerStream::LayerStream(BlobOpener open_blob, StreamIndex index, std::shared_ptr<SpanCache> cache,
                         bool verify, std::optional<CopyPlace> copy)
    : state_(std::make_unique<State>()) {
  state_->open_blob = std::move(open_blob);
  state_->index = std::move(index);
  state_->cache = std::move(cache);
  state_->verify = verify;
  state_->stream = state_->cache->new_stream();
  if (copy) state_->copy.emplace(*std::move(copy), state_->open_blob, state_->index, state_->cache);
}

LayerStream::~LayerStream() { state_->cache->parked().drop(state_->stream); }

std::uint64_t LayerStream::size() const noexcept { return state_->index.size; }

Result<std::size_t> LayerStream::read(std::span<std::byte> out, std::uint64_t offset) const {
  State& state = *state_;
  if (offset >= state.index.size) return std::size_t{0};
  out = out.first(static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), state.index.size - offset)));
  std::size_t done = 0;
  while (done < out.size()) {
    const std::uint64_t at = offset + done;
    const std::uint64_t number = state.span_at(at);
    auto span = state.cache->get({state.stream, number}, [&]() -> Result<SpanBytes> {
      auto decoded = state.decode(number);
      if (!decoded) log(LogLevel::error, "cannot read a layer: " + decoded.error().message());
      return decoded;
    });
    if (!span) return std::unexpected(std::move(span.error()));
    const auto from = static_cast<std::size_t>(at - state.index.spans[number].offset);
    const std::size_t size = std::min((*span)->size() - from, out.size() - done);
    std::memcpy(out.data() + done, (*span)->data() + from, size);
    done += size;
  }
  return done;
}

}  // namespace layoutfs
