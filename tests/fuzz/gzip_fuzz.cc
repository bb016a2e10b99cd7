// Fuzzes gzip layers and compares with zlib. An input is a blob, or describes a stream that zlib compresses,
// and the damage.
#include "tests/fuzz/compressed_fuzz.h"
#include "tests/support/gzip_blobs.h"

namespace layoutfs::fuzzing {
namespace {

// Member after member.
Bytes decode(ByteView blob, std::size_t limit) {
  Bytes plain;
  z_stream zlib{};
  check(inflateInit2(&zlib, MAX_WBITS + 16) == Z_OK, "inflateInit2");
  zlib.next_in = reinterpret_cast<const Bytef*>(blob.data());
  zlib.avail_in = static_cast<uInt>(blob.size());
  Bytes buffer(std::size_t{64} << 10);
  while (plain.size() < limit) {
    zlib.next_out = reinterpret_cast<Bytef*>(buffer.data());
    zlib.avail_out = static_cast<uInt>(buffer.size());
    const int status = inflate(&zlib, Z_NO_FLUSH);
    plain.insert(plain.end(), buffer.begin(), buffer.end() - zlib.avail_out);
    if (status == Z_STREAM_END && zlib.avail_in != 0)
      inflateReset(&zlib);
    else if (status != Z_OK)
      break;
  }
  inflateEnd(&zlib);
  return plain;
}

Bytes compressed(ByteView plain, Input& input) {
  static constexpr std::array kFlushes{Z_NO_FLUSH, Z_PARTIAL_FLUSH, Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_BLOCK};
  const std::size_t how = input.byte(), more = input.byte();
  const testing::GzipOptions options{.level = static_cast<int>(how % 10),
                                     .strategy = static_cast<int>(more % 5),  // Z_DEFAULT_STRATEGY to Z_FIXED
                                     .memory_level = static_cast<int>(1 + more / 5 % 9),
                                     .flush = kFlushes[how / 10 % kFlushes.size()],
                                     .piece = 500 + input.below(1 << 16),
                                     .with_header_fields = how >= 128};
  const std::size_t member = 1000 + input.below(1 << 16) * 4;
  return testing::gzip_members_of(plain, member, options);
}

}  // namespace
}  // namespace layoutfs::fuzzing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace layoutfs;
  fuzzing::run_compressed({data, size}, Compression::gzip, fuzzing::decode, fuzzing::compressed);
  return 0;
}
