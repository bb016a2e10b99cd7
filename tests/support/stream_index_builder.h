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

// Drives `decoder` and cuts spans as an indexer does: at offset 0, at every point, and after `max_span`
// bytes. Each step decodes at most `step` bytes.
inline Result<IndexedStream> index_stream(Compression compression, std::unique_ptr<IndexingDecoder> decoder,
                                          std::uint64_t max_span = kMaxSpanSize, std::size_t step = 1 << 16) {
  auto tables = std::make_shared<IndexTables>();
  tables->points.push_back({});
  IndexedStream result{.compression = compression};
  std::uint64_t span_begin = 0;
  std::uint64_t span_point = 0;
  const auto end_span = [&] {
    const auto span = ByteView(result.plain).subspan(span_begin);
    if (span.empty()) return;
    const auto digest = span_digest(span);
    tables->spans.push_back({.offset = span_begin, .point = span_point, .digest = {digest[0], digest[1]}});
    span_begin = result.plain.size();
  };
  Bytes out(step);
  while (true) {
    const auto room = std::min<std::uint64_t>(out.size(), span_begin + max_span - result.plain.size());
    auto done = decoder->step(std::span(out).first(static_cast<std::size_t>(room)));
    if (!done) return std::unexpected(std::move(done.error()));
    result.plain.insert(result.plain.end(), out.begin(),
                        out.begin() + static_cast<std::ptrdiff_t>(done->size));
    if (done->point || done->end || result.plain.size() - span_begin == max_span) end_span();
    if (done->point) {
      const auto state = done->point->make_state({});
      if (!state) return fail(Errc::corrupt, "an access point failed its test");
      span_point = tables->points.size();
      tables->points.push_back({.offset = result.plain.size(),
                                .position = done->point->position,
                                .state_offset = tables->states.size(),
                                .state_size = state->size()});
      tables->states.insert(tables->states.end(), state->begin(), state->end());
    }
    if (done->end) break;
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
