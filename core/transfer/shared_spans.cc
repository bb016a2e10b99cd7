#include "core/transfer/shared_spans.h"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/guarded.h"
#include "core/codec/codec.h"
#include "core/codec/span_digest.h"
#include "core/image/cached_tables.h"
#include "core/layer/layer_index.h"

namespace layoutfs {
namespace {

// An identifiable part of a blob that is worth a separate read.
struct Piece {
  std::uint64_t offset, length;  // bytes of the blob
  SpanDigest key;                // of its content and its alignment in the blob
};

struct KeyHash {
  std::size_t operator()(const SpanDigest& key) const noexcept { return key[0]; }
};

struct PlaceInBlob {
  Digest blob;
  std::uint64_t offset;
};

std::vector<Piece> pieces_of_plain(const StreamIndex& stream) {
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < stream.spans.size(); ++i)
    pieces.push_back(
        {stream.spans[i].offset, stream.span_end(i) - stream.spans[i].offset, stream.spans[i].digest});
  return pieces;
}

// Returns the parts between access points. After the last point, a checksum covers everything before.
std::vector<Piece> pieces_of_compressed(const StreamIndex& stream) {
  constexpr std::uint64_t kByte = 8;  // bits
  std::vector<Piece> pieces;
  std::size_t span = 0;
  for (std::size_t i = 0; i + 1 < stream.points.size(); ++i) {
    const PointRecord &from = stream.points[i], &to = stream.points[i + 1];
    // The start bit of the piece, its length, and its content.
    std::vector<std::uint64_t> content{static_cast<std::uint64_t>(stream.compression), from.position % kByte,
                                       to.position - from.position, to.offset - from.offset};
    for (; span < stream.spans.size() && stream.spans[span].offset < to.offset; ++span)
      content.insert(content.end(), stream.spans[span].digest.begin(), stream.spans[span].digest.end());
    // The first and the last byte may be shared with the neighbours.
    const std::uint64_t begin = (from.position + kByte - 1) / kByte, end = to.position / kByte;
    if (end > begin) pieces.push_back({begin, end - begin, span_digest(std::as_bytes(std::span(content)))});
  }
  return pieces;
}

std::vector<Piece> pieces_of(const LayerIndex& index) {
  const StreamIndex stream = index.stream();
  return find_codec(stream.compression)->starts_anywhere ? pieces_of_plain(stream)
                                                         : pieces_of_compressed(stream);
}

class SharedSpans {
 public:
  SharedSpans(std::shared_ptr<const LayoutReader> destination, IndexCache cache)
      : destination_(std::move(destination)), cache_(std::move(cache)) {}

  std::vector<SharedSpan> find(const BlobInfo& info) {
    const auto index = index_of(info.digest);
    if (index == nullptr || index->blob_size() != info.size) return {};
    std::vector<SharedSpan> spans;
    auto places = places_.lock();
    if (!*places) *places = all_places();
    for (const Piece& piece : pieces_of(*index)) {
      const auto place = (*places)->find(piece.key);
      if (place != (*places)->end()) add(spans, piece, place->second);
    }
    return spans;
  }

 private:
  using Places = std::unordered_map<SpanDigest, PlaceInBlob, KeyHash>;

  std::shared_ptr<const LayerIndex> index_of(const Digest& blob) const {
    auto index = open_cached_index(cache_, blob);
    return index ? std::move(index->tables) : nullptr;
  }

  Places all_places() const {
    Places places;
    const auto blobs = destination_->list_all_blobs();
    if (!blobs) return places;
    for (const Digest& blob : *blobs)
      if (const auto index = index_of(blob))
        for (const Piece& piece : pieces_of(*index))
          places.try_emplace(piece.key, PlaceInBlob{blob, piece.offset});
    return places;
  }

  // Joins pieces that are adjacent in both blobs, or separated by one shared byte.
  static void add(std::vector<SharedSpan>& spans, const Piece& piece, const PlaceInBlob& place) {
    if (!spans.empty()) {
      SharedSpan& last = spans.back();
      const std::uint64_t gap = piece.offset - (last.offset + last.length);
      if (last.from == place.blob && gap <= 1 && place.offset == last.from_offset + last.length + gap) {
        last.length += gap + piece.length;
        return;
      }
    }
    spans.push_back({piece.offset, piece.length, place.blob, place.offset});
  }

  const std::shared_ptr<const LayoutReader> destination_;
  const IndexCache cache_;
  Guarded<std::optional<Places>> places_;  // computed on first use
};

}  // namespace

SpanFinder shared_spans_by_index(std::shared_ptr<const LayoutReader> destination, IndexCache cache) {
  auto spans = std::make_shared<SharedSpans>(std::move(destination), std::move(cache));
  return [spans](const BlobInfo& info) { return spans->find(info); };
}

}  // namespace layoutfs
