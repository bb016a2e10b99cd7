#include "core/explain/equal_contents.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "tests/image/merged.h"

namespace layoutfs {
namespace {

using testing::image_of;
using testing::TarWriter;

TEST(EqualContents, FilesAreEqualIfTheirBytesAre) {
  const std::string large(3'000'000, 'x');
  std::string other = large;
  other.back() = 'y';
  const Image before = image_of({TarWriter().file("a", "one").file("b", large).file("c", large)});
  const Image after = image_of({TarWriter().file("c", other), TarWriter().file("b", large).file("a", "two")});
  const auto pair_of = [&](std::string_view path) {
    return std::pair(before.resolve(path).value(), after.resolve(path).value());
  };
  EqualContents contents(before, after);
  EXPECT_TRUE(contents.empty());
  for (const auto* const path : {"a", "b", "c", "a"}) {
    const auto [left, right] = pair_of(path);
    contents.note(left, right);
  }
  std::atomic<std::uint64_t> done = 0, total = 0;
  ASSERT_TRUE(contents.read([&](std::uint64_t now, std::uint64_t all) {
    done = std::max<std::uint64_t>(done, now);
    total = all;
  }));
  EXPECT_EQ(total, 2 * (3 + 2 * large.size()));
  const auto are_equal = [&](std::string_view path) {
    const auto [left, right] = pair_of(path);
    return contents.are_equal(left, right);
  };
  EXPECT_FALSE(are_equal("a"));
  EXPECT_TRUE(are_equal("b"));
  EXPECT_FALSE(are_equal("c"));
}

TEST(EqualContents, AReadEndsWithItsContext) {
  const Image image = image_of({TarWriter().file("a", "one")});
  EqualContents contents(image, image);
  const Inode file = image.resolve("a").value();
  contents.note(file, file);
  std::stop_source stop;
  stop.request_stop();
  const Status read = contents.read({}, {.stop = stop.get_token(), .deadline = {}});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), Errc::cancelled);
}

}  // namespace
}  // namespace layoutfs
