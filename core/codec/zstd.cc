// Resumes decoding at an access point of a zstd blob.
#include "core/codec/zstd.h"

#include <optional>
#include <utility>

#include "core/base/check.h"
#include "core/codec/narrow_source.h"
#include "core/codec/zstd_context.h"
#include "core/codec/zstd_frame.h"
#include "core/codec/zstd_point.h"

namespace layoutfs {
namespace {

// Decodes from the start of a frame, or from a boundary between blocks, to the end of the blob.
class ZstdDecoder final : public Decoder {
 public:
  ZstdDecoder() : context_(zstd::make_decompression_context()), input_(ZSTD_DStreamInSize()) {}

  // Starts anew; after end(), too.
  Status start(BlobPtr blob, std::uint64_t offset, ByteView state) {
    auto point = points_.read(state);
    if (!point) return fail(std::move(point).error());
    source_.emplace(std::move(blob), offset);
    in_ = {nullptr, 0, 0};
    point_ = *point;
    is_in_frame_ = point_ != nullptr;
    // libzstd returns "no memory" for an invalid dictionary, too.
    if (is_in_frame_ && ZSTD_isError(zstd::begin_at(context_.get(), *point_)))
      return fail(Errc::corrupt, "invalid state of a zstd access point");
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
    return kBuffersOfDecoder + ZSTD_sizeof_DCtx(context_.get()) + points_.memory();
  }

  // The window and the dictionary are worth keeping.
  std::optional<Compression> end() noexcept override {
    source_.reset();
    point_ = nullptr;
    if (ZSTD_isError(ZSTD_DCtx_reset(context_.get(), ZSTD_reset_session_only)) ||
        ZSTD_isError(ZSTD_DCtx_loadDictionary(context_.get(), nullptr, 0)))
      return std::nullopt;
    return Compression::zstd;
  }

 private:
  // Returns false at the end of the blob, when libzstd has consumed all of it.
  Result<bool> refill() {
    if (in_.pos < in_.size) return true;
    auto size = source_->read(input_);
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
    point_ = nullptr;
    for (std::size_t left = has_checksum ? zstd::kChecksumSize : 0; left > 0; --left) {
      auto available = refill();
      if (!available) return fail(std::move(available).error());
      if (!*available) return fail(zstd::truncated());
      ++in_.pos;
    }
    return {};
  }

  std::optional<NarrowSource> source_;  // not after end()
  zstd::BlockPointReader points_;
  const zstd::BlockPoint* point_ = nullptr;  // in the synthetic frame; the context refers to it
  zstd::DecompressionContext context_;
  Bytes input_;
  ZSTD_inBuffer in_{nullptr, 0, 0};
  bool is_in_frame_ = false;
};

}  // namespace

Result<std::unique_ptr<Decoder>> resume_zstd(BlobPtr blob, std::uint64_t position, ByteView state,
                                             std::unique_ptr<Decoder> ended) {
  if (position % 8 != 0 || position / 8 > blob->size())
    return fail(Errc::corrupt, "zstd access point outside of the blob");
  if (ended == nullptr) ended = std::make_unique<ZstdDecoder>();
  auto* const decoder = dynamic_cast<ZstdDecoder*>(ended.get());
  check(decoder != nullptr, "an ended decoder is used by its own codec");
  if (auto started = decoder->start(std::move(blob), position / 8, state); !started)
    return fail(std::move(started).error());
  return ended;
}

}  // namespace layoutfs
