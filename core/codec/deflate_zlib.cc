// Raw deflate by zlib, which reports the ends of blocks.
#include <zlib.h>

#include <new>
#include <string>

#include "core/base/check.h"
#include "core/codec/deflate_decoders.h"

namespace layoutfs {
namespace {

static_assert(kDeflateWindow == std::size_t{1} << MAX_WBITS);

// data_type after inflate in zlib.h, at Z_BLOCK.
constexpr int kUnusedBits = 0x3f, kInLastBlock = 64, kAtBlockEnd = 128;

class ZlibDecoder final : public DeflateDecoder {
 public:
  ZlibDecoder() {
    if (inflateInit2(&zlib_, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  ZlibDecoder(const ZlibDecoder&) = delete;
  ZlibDecoder& operator=(const ZlibDecoder&) = delete;
  ~ZlibDecoder() override { inflateEnd(&zlib_); }

  void start() override { inflateReset(&zlib_); }

  void start_at(const BlockStart& block, ByteView window) override {
    check(block.unused_bits < 8 && window.size() <= kDeflateWindow, "a block starts within a byte");
    inflateReset(&zlib_);
    if (block.unused_bits > 0)
      inflatePrime(&zlib_, static_cast<int>(block.unused_bits), block.byte_before >> (8 - block.unused_bits));
    inflateSetDictionary(&zlib_, reinterpret_cast<const Bytef*>(window.data()), clamped(window.size()));
  }

  Result<Progress> decode(ByteView in, std::span<std::byte> out, bool stop_at_blocks) override {
    zlib_.next_in = reinterpret_cast<const Bytef*>(in.data());
    zlib_.avail_in = clamped(in.size());
    zlib_.next_out = reinterpret_cast<Bytef*>(out.data());
    zlib_.avail_out = clamped(out.size());
    const uInt offered_in = zlib_.avail_in;
    const uInt offered_out = zlib_.avail_out;
    const int flush = stop_at_blocks ? Z_BLOCK : Z_NO_FLUSH;
    int result = ::inflate(&zlib_, flush);
    // Z_BUF_ERROR is also the result if a block ended within bits that were read before.
    if (result == Z_BUF_ERROR && zlib_.avail_in > 0 && (zlib_.data_type & kInLastBlock) != 0)
      result = ::inflate(&zlib_, flush);
    const bool is_at_block_end = (zlib_.data_type & kAtBlockEnd) != 0;
    Progress progress{offered_in - zlib_.avail_in, offered_out - zlib_.avail_out, Stop::none};
    if (result == Z_STREAM_END) {
      progress.stop = Stop::end;
      return progress;
    }
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    if (result != Z_OK && result != Z_BUF_ERROR)
      return fail(Errc::corrupt, zlib_.msg != nullptr ? zlib_.msg : "broken");
    if (stop_at_blocks && is_at_block_end && (zlib_.data_type & kInLastBlock) == 0)
      progress.stop = Stop::block;
    return progress;
  }

  // zlib does not consume whole bytes after the last block.
  std::size_t unread_bits() const override { return static_cast<std::size_t>(zlib_.data_type & kUnusedBits); }

 private:
  z_stream zlib_{};
};

}  // namespace

std::unique_ptr<DeflateDecoder> make_zlib_decoder() { return std::make_unique<ZlibDecoder>(); }

}  // namespace layoutfs
