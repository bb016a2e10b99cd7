// Fuzzes zstd layers and compares with libzstd. An input is a blob, or describes a stream that libzstd
// compresses, and the damage.
#include "tests/fuzz/compressed_fuzz.h"
#include "tests/support/gzip_blobs.h"
#include "tests/support/zstd_blobs.h"

namespace layoutfs::fuzzing {
namespace {

// Decodes frame after frame, with windows up to the supported size.
Bytes decode(ByteView blob, std::size_t limit) {
  Bytes plain;
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(), &ZSTD_freeDCtx);
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, 27);
  ZSTD_inBuffer in{blob.data(), blob.size(), 0};
  Bytes buffer(std::size_t{64} << 10);
  while (plain.size() < limit) {
    ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
    const std::size_t before = in.pos;
    const std::size_t status = ZSTD_decompressStream(context.get(), &out, &in);
    plain.insert(plain.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(out.pos));
    if (ZSTD_isError(status) || (in.pos == before && out.pos == 0)) break;
  }
  return plain;
}

Bytes compressed(ByteView plain, Input& input) {
  const std::size_t how = input.byte(), more = input.byte();
  const std::size_t frame = 1000 + input.below(1 << 16) * 8;
  const std::size_t flush = input.below(1 << 15);
  Bytes blob;
  for (std::size_t at = 0; at < plain.size(); at += frame) {
    if (more >= 192)
      testing::append(blob, testing::zstd_skippable_frame(static_cast<std::uint32_t>(more - 192)));
    testing::append(blob,
                    testing::zstd_of(plain.subspan(at, std::min(frame, plain.size() - at)),
                                     {.level = static_cast<int>(how % 20) - 1,
                                      .window_log = more % 12 == 0 ? 0 : static_cast<int>(9 + more % 12),
                                      .has_checksum = (how & 64) != 0,
                                      .has_content_size = (how & 128) != 0,
                                      .flush_every = flush < 200 ? 0 : flush}));
  }
  return blob;
}

}  // namespace
}  // namespace layoutfs::fuzzing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace layoutfs;
  fuzzing::run_compressed({data, size}, Compression::zstd, fuzzing::decode, fuzzing::compressed);
  return 0;
}
