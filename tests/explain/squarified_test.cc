// Treemap layout: areas, bounds, and shapes.
#include "core/explain/squarified.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace layoutfs {
namespace {

TEST(Squarified, TheExampleOfThePaper) {
  const std::vector<std::uint64_t> sizes{6, 6, 4, 3, 2, 2, 1};
  const auto parts = squarify(sizes, {0, 0, 6, 4});
  ASSERT_EQ(parts.size(), 7u);
  // The two largest are on the left, above each other.
  EXPECT_DOUBLE_EQ(parts[0].width, 3);
  EXPECT_DOUBLE_EQ(parts[0].height, 2);
  EXPECT_DOUBLE_EQ(parts[1].x, 0);
  EXPECT_DOUBLE_EQ(parts[1].y, 2);
  // Then two beside each other on top of the rest.
  EXPECT_DOUBLE_EQ(parts[2].x, 3);
  EXPECT_NEAR(parts[2].height, 7.0 / 3, 1e-9);
  EXPECT_NEAR(parts[3].x, 3 + 12.0 / 7, 1e-9);
}

TEST(Squarified, NothingAndEmptyAreasGiveEmptyRectangles) {
  EXPECT_TRUE(squarify({}, {0, 0, 10, 10}).empty());
  const std::vector<std::uint64_t> sizes{5, 0};
  EXPECT_EQ(squarify(sizes, {0, 0, 0, 10})[0].area(), 0);
  const auto parts = squarify(sizes, {1, 2, 10, 10});
  EXPECT_NEAR(parts[0].area(), 100, 1e-9);
  EXPECT_EQ(parts[1].area(), 0);
  const std::vector<std::uint64_t> none{0, 0};
  EXPECT_EQ(squarify(none, {0, 0, 10, 10})[1].area(), 0);
}

TEST(Squarified, RandomSizesFillTheWholeWithoutOverlap) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::uint64_t> sizes(1 + random() % 40);
    for (auto& size : sizes) size = 1 + (random() % 4 == 0 ? random() : random() % 1000);
    std::ranges::sort(sizes, std::ranges::greater());
    const Rectangle whole{3, 5, 10.0 + static_cast<double>(random() % 1000),
                          10.0 + static_cast<double>(random() % 1000)};
    const auto parts = squarify(sizes, whole);
    double sum = 0;
    for (const auto size : sizes) sum += static_cast<double>(size);
    constexpr double kNear = 1e-6;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      EXPECT_NEAR(parts[i].area() / whole.area(), static_cast<double>(sizes[i]) / sum, kNear);
      EXPECT_GE(parts[i].x, whole.x - kNear);
      EXPECT_GE(parts[i].y, whole.y - kNear);
      EXPECT_LE(parts[i].x + parts[i].width, whole.x + whole.width + kNear);
      EXPECT_LE(parts[i].y + parts[i].height, whole.y + whole.height + kNear);
      for (std::size_t k = 0; k < i; ++k) {
        const double across = std::min(parts[i].x + parts[i].width, parts[k].x + parts[k].width) -
                              std::max(parts[i].x, parts[k].x);
        const double down = std::min(parts[i].y + parts[i].height, parts[k].y + parts[k].height) -
                            std::max(parts[i].y, parts[k].y);
        EXPECT_FALSE(across > kNear && down > kNear) << i << " overlaps " << k;
      }
    }
  }
}

}  // namespace
}  // namespace layoutfs
