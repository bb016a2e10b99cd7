#include "core/codec/plain.h"

#include <gtest/gtest.h>

#include <memory>

#include "core/codec/stream_index.h"
#include "tests/support/gzip_blobs.h"
#include "tests/support/same_bytes.h"
#include "tests/support/stream_index_builder.h"

namespace layoutfs {
namespace {

using testing::index_stream;
using testing::MemoryBlob;
using testing::same_bytes;
using testing::sample_bytes;

TEST(Plain, APointStandsAfterEverySpacingBytes) {
  const Bytes plain = sample_bytes(10'500, 1);
  for (const std::size_t step : {1u, 999u, 1000u, 1u << 20}) {
    const auto indexed = index_stream(Compression::none, plain, 1'000, kMaxSpanSize, step);
    ASSERT_TRUE(indexed);
    EXPECT_TRUE(indexed->plain == plain);
    ASSERT_EQ(indexed->tables->points.size(), 11u);
    for (std::size_t i = 0; i <= 10; ++i) {
      EXPECT_EQ(indexed->tables->points[i].offset, i * 1'000);
      EXPECT_EQ(indexed->tables->points[i].position, i * 8'000);
    }
    EXPECT_TRUE(is_consistent(indexed->index(), plain.size()));
  }
}

TEST(Plain, APointResumesWithTheRightBytesUpToTheEnd) {
  const Bytes plain = sample_bytes(10'500, 2);
  auto decoder = resume_plain(std::make_shared<MemoryBlob>(plain), 3'000 * 8, {});
  ASSERT_TRUE(decoder);
  Bytes out(8'000);
  EXPECT_EQ((*decoder)->read(out).value(), 7'500u);
  EXPECT_TRUE(same_bytes(std::span(out).first(7'500), std::span(plain).subspan(3'000)));
  EXPECT_EQ((*decoder)->read(out).value(), 0u);
}

TEST(Plain, PointsThatCannotBeOfAPlainStreamAreRefused) {
  const auto blob = std::make_shared<MemoryBlob>(Bytes(100));
  const Bytes state(1);
  EXPECT_EQ(resume_plain(blob, 8, state).error().code(), Errc::corrupt);
  EXPECT_EQ(resume_plain(blob, 7, {}).error().code(), Errc::corrupt);
  EXPECT_EQ(resume_plain(blob, 808, {}).error().code(), Errc::corrupt);
  EXPECT_TRUE(resume_plain(blob, 800, {}));
}

}  // namespace
}  // namespace layoutfs
