// Resumes decoding at an access point of a zstd blob.
#include "core/codec/zstd.h"

#include <optional>
#include <utility>

#include "core/codec/zstd_context.h"
#include "core/codec/zstd_frame.h"
#include "core/codec/zstd_point.h"

namespace layoutfs {
namespace {

// Decodes from the start of a frame, or from a boundary between blocks, to the end of the blob.
class ZstdDecoder final : public Decoder {
 public:
  ZstdDecoder(BlobPtr blob, std::uint64_t offset)
      : source_(std::move(blob), offset),
        context_(zstd::make_decompression_context()),
        input_(ZSTD_DStreamInSize()) {}

  Status begin_inside(zstd::BlockPoint point) {
    point_ = std::move(point);
    // libzstd returns "no memory" for an invalid dictionary, too.
    if (ZSTD_isError(zstd::begin_at(context_.get(), *point_)))
      return fail(Errc::corrupt, "invalid state of a zstd access point");
    is_in_frame_ = true;
    return {};
  }

  Result<std::size_t> read(std::span<std::byte> out) override {
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    while (to.pos < to.size) {
      auto available = refill();
      if (!available) return fail(std::move(available).error());
      if (!*available && !is_in_frame_) break;
      const auto before = std::pair(in_.pos, to.pos);
      const std::size_t code = ZSTD_decompressStream(context_.get(), &to, &in_);
      if (ZSTD_isError(code)) return fail(zstd::failure(code));
      is_in_frame_ = code != 0;
      if (is_in_frame_ && !*available && before == std::pair(in_.pos, to.pos)) return fail(zstd::truncated());
      if (is_in_frame_ || !point_) continue;
      if (auto left = leave_made_frame(); !left) return fail(std::move(left).error());
    }
    return to.pos;
  }

  std::size_t memory() const noexcept override {
    return kBuffersOfDecoder + ZSTD_sizeof_DCtx(context_.get());
  }

 private:
  // Returns false at the end of the blob, when libzstd has consumed all of it.
  Result<bool> refill() {
    if (in_.pos < in_.size) return true;
    auto size = source_.read(input_);
    if (!size) return fail(std::move(size).error());
    in_ = {input_.data(), *size, 0};
    return *size > 0;
  }

  // The synthetic frame has no checksum. The blob's frame may have one, which covers bytes that were not
  // decoded here.
  Status leave_made_frame() {
    const bool has_checksum = point_->has_checksum;
    const std::size_t code = ZSTD_DCtx_loadDictionary(context_.get(), nullptr, 0);
    if (ZSTD_isError(code)) return fail(zstd::failure(code));
    point_.reset();
    for (std::size_t left = has_checksum ? zstd::kChecksumSize : 0; left > 0; --left) {
      auto available = refill();
      if (!available) return fail(std::move(available).error());
      if (!*available) return fail(zstd::truncated());
      ++in_.pos;
    }
    return {};
  }

  BlobSource source_;
  std::optional<zstd::BlockPoint> point_;  // in the synthetic frame; the context refers to it
  zstd::DecompressionContext context_;
  Bytes input_;
  ZSTD_inBuffer in_{nullptr, 0, 0};
  bool is_in_frame_ = false;
};

}  // namespace

Result<std::unique_ptr<Decoder>> resume_zstd(BlobPtr blob, std::uint64_t position, ByteView state) {
  if (position % 8 != 0 || position / 8 > blob->size())
    return fail(Errc::corrupt, "zstd access point outside of the blob");
  auto point = zstd::parse_point(state);
  if (!point) return fail(std::move(point).error());
  auto decoder = std::make_unique<ZstdDecoder>(std::move(blob), position / 8);
  if (*point)
    if (auto begun = decoder->begin_inside(*std::move(*point)); !begun) return fail(std::move(begun).error());
  return decoder;
}

}  // namespace layoutfs
