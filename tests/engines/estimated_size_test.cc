#include "core/engines/estimated_size.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include "core/codec/gzip_writer.h"
#include "tests/support/stream_index_builder.h"

namespace layoutfs {
namespace {

std::uint64_t estimated(Bytes blob) { return estimated_size(testing::MemoryBlob(std::move(blob))).diff_size; }

Bytes content() { return Bytes(100'000, std::byte{'x'}); }

Bytes joined(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Bytes zstd(bool has_size) {
  const Bytes plain = content();
  Bytes packed(ZSTD_compressBound(plain.size()));
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, has_size ? 1 : 0);
  packed.resize(ZSTD_compress2(context, packed.data(), packed.size(), plain.data(), plain.size()));
  ZSTD_freeCCtx(context);
  return packed;
}

TEST(EstimatedSize, IsRightForUsualLayers) {
  EXPECT_EQ(estimated(content()), content().size());
  EXPECT_EQ(estimated(gzip_of(content())), content().size());
  EXPECT_EQ(estimated(zstd(true)), content().size());
  EXPECT_EQ(estimated({}), 0u);
}

TEST(EstimatedSize, OtherLayersAreAtLeastAsLargeAsTheirBlobs) {
  const Bytes last = gzip_of(as_bytes("x"));
  EXPECT_GE(estimated(joined(gzip_of(content()), last)), gzip_of(content()).size() + last.size());
  EXPECT_GE(estimated(zstd(false)), zstd(false).size());
  EXPECT_GE(estimated(Bytes{std::byte{0x1f}, std::byte{0x8b}}), 2u) << "ends within its header";
}

}  // namespace
}  // namespace layoutfs
