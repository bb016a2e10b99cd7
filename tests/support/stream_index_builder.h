// For tests: blobs in memory, and the tables of a stream as an indexer builds them.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/codec/codec.h"
#include "core/codec/span_digest.h"
#include "core/codec/stream_index.h"
#include "layoutfs/blob.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs::testing {

class MemoryBlob final : public Blob {
 public:
  explicit MemoryBlob(Bytes content) : content_(std::move(content)) {}
  std::uint64_t size() const noexcept override { return content_.size(); }
  Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset,
                              const Context& = {}) const override {
    if (offset >= content_.size()) return std::size_t{0};
    const auto size = std::min<std::size_t>(out.size(), content_.size() - static_cast<std::size_t>(offset));
    std::copy_n(content_.begin() + static_cast<std::ptrdiff_t>(offset), size, out.begin());
    return size;
  }

 private:
  Bytes content_;
};

// Delivers memory in pieces of at most `piece` bytes; `bytes` must outlive it.
class PiecewiseSource final : public ByteSource {
 public:
  explicit PiecewiseSource(ByteView bytes, std::size_t piece = 1 << 16) : rest_(bytes), piece_(piece) {}
  Result<std::size_t> read(std::span<std::byte> out) override {
    const auto size = std::min({out.size(), rest_.size(), piece_});
    std::copy_n(rest_.begin(), size, out.begin());
    rest_ = rest_.subspan(size);
    return size;
  }
  ByteView rest() const noexcept { return rest_; }

 private:
  ByteView rest_;
  std::size_t piece_;
};

struct IndexTables {
  std::vector<PointRecord> points;
  std::vector<SpanRecord> spans;
  Bytes states;
};

// The result of one pass over a blob: the plain bytes and the tables.
struct IndexedStream {
  Bytes plain;
  std::shared_ptr<const IndexTables> tables;
  Compression compression = Compression::none;

  StreamIndex index() const {
    return {.compression = compression,
            .size = plain.size(),
            .points = tables->points,
            .spans = tables->spans,
            .states = tables->states,
            .owner = tables};
  }
};

// Drives `decoder` and cuts spans as an indexer does: at offset 0, at every point and boundary, and after
// `max_span` bytes. Each step decodes at most `step` bytes.
inline Result<IndexedStream> index_stream(Compression compression, std::unique_ptr<IndexingDecoder> decoder,
                                          std::uint64_t max_span = kMaxSpanSize, std::size_t step = 1 << 16) {
  auto tables = std::make_shared<IndexTables>();
  tables->points.push_back({});
  IndexedStream result{.compression = compression};
  std::uint64_t span_begin = 0;
  const auto end_span = [&](std::uint64_t end) {
    if (end == span_begin) return;
    const auto digest = span_digest(ByteView(result.plain).subspan(span_begin, end - span_begin));
    tables->spans.push_back({.offset = span_begin, .point = 0, .digest = {digest[0], digest[1]}});
    span_begin = end;
  };
  const auto add_point = [&](std::uint64_t offset, std::uint64_t position, ByteView state) {
    tables->points.push_back({.offset = offset,
                              .position = position,
                              .state_offset = tables->states.size(),
                              .state_size = state.size()});
    tables->states.insert(tables->states.end(), state.begin(), state.end());
  };
  Bytes out(step);
  while (true) {
    const auto room = std::min<std::uint64_t>(out.size(), span_begin + max_span - result.plain.size());
    auto done = decoder->step(std::span(out).first(static_cast<std::size_t>(room)));
    if (!done) return std::unexpected(std::move(done.error()));
    result.plain.insert(result.plain.end(), out.begin(),
                        out.begin() + static_cast<std::ptrdiff_t>(done->size));
    for (const std::uint64_t boundary : done->boundaries) end_span(boundary);
    if (done->point || done->end || result.plain.size() - span_begin == max_span)
      end_span(result.plain.size());
    if (done->search)
      for (const LatePoint& point : done->search()) add_point(point.offset, point.position, point.state);
    if (done->point) {
      const auto state = done->point->make_state({});
      if (!state) return fail(Errc::corrupt, "an access point failed its test");
      add_point(result.plain.size(), done->point->position, *state);
    }
    if (done->end) break;
  }
  std::uint64_t point = 0;
  for (SpanRecord& span : tables->spans) {
    while (point + 1 < tables->points.size() && tables->points[point + 1].offset <= span.offset) ++point;
    span.point = point;
  }
  result.tables = std::move(tables);
  return result;
}

inline Result<IndexedStream> index_stream(Compression compression, ByteView blob, std::uint64_t spacing,
                                          std::uint64_t max_span = kMaxSpanSize, std::size_t step = 1 << 16) {
  PiecewiseSource source(blob);
  return index_stream(compression, start_indexing(compression, source, spacing), max_span, step);
}

}  // namespace layoutfs::testing
