// Access points in gzip blobs: finding them, and decoding from one.
//
// A deflate block starts at any bit, and refers to at most 32 KiB of the stream before it (RFC 1951, 2 and
// 3.2.3). So decoding can start at a block if that part of the stream, the window, is known. At the header of
// a member (RFC 1952, 2.2) no window is needed.
//
//   index pass   GzipInflater reads header, blocks and trailer of each member, and stops between two
//                blocks if a point is due. GzipIndexing keeps the last 32 KiB, and reports the bit at
//                which the block begins, with the window and some compressed bytes behind it.
//   state        GzipStateWriter, which may run in another thread, zeros the unreferenced bytes of the
//                window (WindowThinner), and compresses the others with zstd: to a fifteenth of the window
//                for a tar of usual files.
//   reading      resume_gzip restores the window, gives it and the bits left in the first byte to the
//                decoder, and continues through blocks and members.
//
// Invariants: a state is stored only if decoding with it has given the bytes of the stream. The bytes of a
// resumed decoder are checked per span; it does not compute the CRC-32 of a member that it did not read from
// the start.
#include "core/codec/gzip.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/codec/gzip_inflater.h"
#include "core/codec/gzip_point.h"
#include "core/codec/gzip_state.h"
#include "core/codec/narrow_source.h"

namespace layoutfs {
namespace {

class GzipIndexing final : public IndexingDecoder {
 public:
  GzipIndexing(ByteSource& source, std::uint64_t spacing, DeflateLibrary library)
      : inflater_(source, 0, GzipInflater::Check::trailers, library),
        states_(std::make_shared<GzipStateWriter>(library)),
        spacing_(std::max<std::uint64_t>(spacing, 1)) {}

  Result<Step> step(std::span<std::byte> out) override;

 private:
  GzipInflater inflater_;
  std::shared_ptr<GzipStateWriter> states_;  // shared with the points
  Bytes window_;                             // the end of the stream, as of the last step or point
  const std::uint64_t spacing_;
  std::uint64_t since_point_ = 0;
};

// Decodes without stops until the next point is due, then stops at the next block.
Result<IndexingDecoder::Step> GzipIndexing::step(std::span<std::byte> out) {
  using Stop = GzipInflater::Stop;
  Step step;
  while (step.size < out.size()) {
    const bool is_due = since_point_ >= spacing_;
    auto room = out.subspan(step.size);
    if (!is_due && room.size() > spacing_ - since_point_) room = room.first(spacing_ - since_point_);
    const auto progress = inflater_.inflate(room, is_due);
    if (!progress) return std::unexpected(progress.error());
    step.size += progress->size;
    since_point_ += progress->size;
    step.end = progress->stop == Stop::end;
    if (step.end) break;
    if (progress->stop == Stop::none || since_point_ < spacing_) continue;
    extend_window(window_, out.first(step.size));
    auto found = gzip_point(inflater_, progress->stop, window_, states_);
    if (!found) return std::unexpected(std::move(found.error()));
    step.point = *std::move(found);
    since_point_ = 0;
    return step;
  }
  extend_window(window_, out.first(step.size));
  return step;
}

class GzipDecoder final : public Decoder {
 public:
  // Starts at a header, or before start_in_member().
  GzipDecoder(BlobPtr blob, std::uint64_t offset, DeflateLibrary library)
      : source_(std::move(blob), offset),
        inflater_(source_, offset, GzipInflater::Check::none, library, NarrowSource::kPiece) {}

  void start_in_member(unsigned unused_bits, std::uint8_t byte_before, ByteView window) {
    inflater_.start_in_member(unused_bits, byte_before, window);
  }

  Result<std::size_t> read(std::span<std::byte> out) override {
    std::size_t size = 0;
    while (size < out.size() && !is_at_end_) {
      const auto progress = inflater_.inflate(out.subspan(size), false);
      if (!progress) return std::unexpected(progress.error());
      size += progress->size;
      is_at_end_ = progress->stop == GzipInflater::Stop::end;
    }
    return size;
  }

 private:
  NarrowSource source_;
  GzipInflater inflater_;
  bool is_at_end_ = false;
};

}  // namespace

std::unique_ptr<IndexingDecoder> start_indexing_gzip(ByteSource& source, std::uint64_t spacing) {
  return start_indexing_gzip_by(best_deflate_library(), source, spacing);
}

Result<std::unique_ptr<Decoder>> resume_gzip(BlobPtr blob, std::uint64_t position, ByteView state,
                                             std::unique_ptr<Decoder>) {
  return resume_gzip_by(best_deflate_library(), std::move(blob), position, state);
}

std::unique_ptr<IndexingDecoder> start_indexing_gzip_by(DeflateLibrary library, ByteSource& source,
                                                        std::uint64_t spacing) {
  return std::make_unique<GzipIndexing>(source, spacing, library);
}

Result<std::unique_ptr<Decoder>> resume_gzip_by(DeflateLibrary library, BlobPtr blob, std::uint64_t position,
                                                ByteView state) {
  auto known = parse_gzip_state(state);
  if (!known) return std::unexpected(std::move(known.error()));
  const std::uint64_t offset = position / 8;
  const auto used_bits = static_cast<unsigned>(position % 8);
  if (offset > blob->size() || (known->is_at_header && used_bits > 0) || (state.empty() && position > 0))
    return fail(Errc::corrupt, "access point does not belong to this gzip stream");
  if (known->is_at_header) return std::make_unique<GzipDecoder>(std::move(blob), offset, library);
  if (used_bits == 0) {
    auto decoder = std::make_unique<GzipDecoder>(std::move(blob), offset, library);
    decoder->start_in_member(0, 0, known->window);
    return decoder;
  }
  std::byte split{};
  const auto size = blob->read_at({&split, 1}, offset);
  if (!size) return std::unexpected(size.error());
  if (*size != 1) return fail(Errc::corrupt, "unexpected end of gzip stream");
  auto decoder = std::make_unique<GzipDecoder>(std::move(blob), offset + 1, library);
  decoder->start_in_member(8 - used_bits, std::to_integer<std::uint8_t>(split), known->window);
  return decoder;
}

}  // namespace layoutfs
