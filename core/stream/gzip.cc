// Finding and using access points in gzip streams.
#include "core/stream/gzip.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/stream/gzip_inflater.h"
#include "core/stream/gzip_state.h"

namespace layoutfs {
namespace {

class GzipIndexing final : public IndexingDecoder {
 public:
  GzipIndexing(ByteSource& source, std::uint64_t spacing)
      : inflater_(source, 0, GzipInflater::Check::trailers), spacing_(std::max<std::uint64_t>(spacing, 1)) {}

  Result<Step> step(std::span<std::byte> out) override;

 private:
  Result<FoundPoint> point(GzipInflater::Stop stop);

  GzipInflater inflater_;
  GzipStateWriter states_;
  std::array<std::byte, kGzipWindow> window_;
  const std::uint64_t spacing_;
  std::uint64_t since_point_ = 0;
};

// Up to where the next point is due, zlib runs without stops; from there on it stops at the next block.
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
    auto found = point(progress->stop);
    if (!found) return std::unexpected(std::move(found.error()));
    step.point = *std::move(found);
    since_point_ = 0;
    break;
  }
  return step;
}

Result<FoundPoint> GzipIndexing::point(GzipInflater::Stop stop) {
  if (stop == GzipInflater::Stop::member)
    return FoundPoint{.position = inflater_.position(), .state = states_.at_header()};
  auto& input = inflater_.input();
  if (auto status = input.look_ahead(WindowThinner::kLookAhead); !status)
    return std::unexpected(std::move(status.error()));
  const std::size_t size = inflater_.window(window_);
  const BlockStart start{inflater_.unused_bits(), input.last_byte(), input.available()};
  return FoundPoint{.position = inflater_.position(),
                    .state = states_.at_block(std::span(window_).first(size), start)};
}

class GzipDecoder final : public Decoder {
 public:
  // At a header, where `byte_before` does not matter, or in a member.
  GzipDecoder(BlobPtr blob, std::uint64_t offset)
      : source_(std::move(blob), offset), inflater_(source_, offset, GzipInflater::Check::none) {}

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
  BlobSource source_;
  GzipInflater inflater_;
  bool is_at_end_ = false;
};

}  // namespace

std::unique_ptr<IndexingDecoder> start_indexing_gzip(ByteSource& source, std::uint64_t spacing) {
  return std::make_unique<GzipIndexing>(source, spacing);
}

Result<std::unique_ptr<Decoder>> resume_gzip(BlobPtr blob, std::uint64_t position, ByteView state) {
  auto known = parse_gzip_state(state);
  if (!known) return std::unexpected(std::move(known.error()));
  const std::uint64_t offset = position / 8;
  const auto used_bits = static_cast<unsigned>(position % 8);
  if (offset > blob->size() || (known->is_at_header && used_bits > 0) || (state.empty() && position > 0))
    return fail(Errc::corrupt, "access point is not one of this gzip stream");
  if (known->is_at_header) return std::make_unique<GzipDecoder>(std::move(blob), offset);
  if (used_bits == 0) {
    auto decoder = std::make_unique<GzipDecoder>(std::move(blob), offset);
    decoder->start_in_member(0, 0, known->window);
    return decoder;
  }
  std::byte split{};
  const auto size = blob->read_at({&split, 1}, offset);
  if (!size) return std::unexpected(size.error());
  if (*size != 1) return fail(Errc::corrupt, "gzip stream breaks off");
  auto decoder = std::make_unique<GzipDecoder>(std::move(blob), offset + 1);
  decoder->start_in_member(8 - used_bits, std::to_integer<std::uint8_t>(split), known->window);
  return decoder;
}

}  // namespace layoutfs
