#include "core/codec/stream_index.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "tests/support/gzip_blobs.h"
#include "tests/support/stream_index_builder.h"

namespace layoutfs {
namespace {

constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();

// Tables as an indexer makes them, to be broken one way at a time.
struct Tables {
  std::vector<PointRecord> points{{0, 0, 0, 0}, {100, 400, 0, 10}, {200, 800, 10, 20}};
  std::vector<SpanRecord> spans{{0, 0, {}}, {60, 0, {}}, {100, 1, {}}, {200, 2, {}}, {250, 2, {}}};
  Bytes states = Bytes(30);
  std::uint64_t size = 300;
  std::uint64_t blob_size = 150;
  std::vector<SpanCheck> kinds;
  std::vector<Sha256> chunks;
  std::shared_ptr<LearnedDigests> learned;

  bool consistent() const {
    return is_consistent({.compression = Compression::gzip,
                          .size = size,
                          .points = points,
                          .spans = spans,
                          .states = states,
                          .checks = {.kinds = kinds, .chunks = chunks, .learned = learned},
                          .owner = nullptr},
                         blob_size);
  }
};

template <class Change>
bool is_consistent_after(Change change) {
  Tables tables;
  change(tables);
  return tables.consistent();
}

TEST(IsConsistent, HoldsForTablesAsAnIndexerMakesThem) {
  EXPECT_TRUE(is_consistent_after([](Tables&) {}));
  EXPECT_TRUE(is_consistent_after([](Tables& t) { t.points.push_back({300, 1000, 30, 0}); }));
}

TEST(IsConsistent, DoesNotHoldForBrokenPoints) {
  EXPECT_FALSE(is_consistent_after([](Tables& t) { t.points.clear(); }));
  EXPECT_FALSE(is_consistent_after([](Tables& t) { t.points[0].offset = 1; }));
  EXPECT_FALSE(is_consistent_after([](Tables& t) { t.points[1].offset = 200; }));
  EXPECT_FALSE(is_consistent_after([](Tables& t) { t.points[2].offset = 99; }));
  EXPECT_FALSE(is_consistent_after([](Tables& t) { t.points[2].position = 399; }));
  EXPECT_FALSE(is_consistent_after([](Tables& t) { t.points[2].position = 1201; }));
  EXPECT_FALSE(is_consistent_after([](Tables& t) { t.points[2].state_size = 21; }));
  EXPECT_FALSE(is_consistent_after([](Tables& t) { t.points[2].state_offset = 31; }));
  EXPECT_FALSE(is_consistent_after([](Tables& t) { t.points[2].state_offset = kHuge; }));
  EXPECT_FALSE(is_consistent_after([](Tables& t) { t.points[2].state_size = kHuge - 5; }));
  EXPECT_FALSE(is_consistent_after([](Tables& t) { t.points.push_back({301, 1000, 30, 0}); }));
  EXPECT_FALSE(is_consistent_after([](Tables& t) { t.blob_size = kHuge; }));
}

TEST(IsConsistent, DoesNotHoldForBrokenSpans) {
  EXPECT_FALSE(is_consistent_after([](Tables& t) { t.spans.clear(); }));
  EXPECT_FALSE(is_consistent_after([](Tables& t) { t.size = 0; }));
  EXPECT_FALSE(is_consistent_after([](Tables& t) { t.spans[0].offset = 1; }));
  EXPECT_FALSE(is_consistent_after([](Tables& t) { t.spans[0].point = 1; }));
  EXPECT_FALSE(is_consistent_after([](Tables& t) { t.spans[1].offset = 0; }));
  EXPECT_FALSE(is_consistent_after([](Tables& t) { t.spans[1].offset = 101; }));
  EXPECT_FALSE(is_consistent_after([](Tables& t) { t.spans[1].point = 3; }));
  EXPECT_FALSE(is_consistent_after([](Tables& t) { t.spans[1].point = kHuge; }));
  EXPECT_FALSE(is_consistent_after([](Tables& t) { t.spans[3].point = 1, t.spans[4].point = 2; }));
  EXPECT_FALSE(is_consistent_after([](Tables& t) { t.spans[4].point = 1; }));
  EXPECT_FALSE(is_consistent_after([](Tables& t) { t.spans[4].offset = 301; }));
  EXPECT_FALSE(is_consistent_after([](Tables& t) { t.size = 250 + kMaxSpanSize + 1; }));
  EXPECT_FALSE(is_consistent_after([](Tables& t) { t.size = kHuge; }));
}

void check_by_all_kinds(Tables& t) {
  t.kinds = {SpanCheck::xxh3, SpanCheck::sha256, SpanCheck::learned, SpanCheck::sha256, SpanCheck::learned};
  t.chunks.resize(2);
  t.spans[1].digest = {1, 0};
  t.learned = std::make_shared<LearnedDigests>(t.spans.size());
}

TEST(IsConsistent, HoldsForChecksOfAllKinds) { EXPECT_TRUE(is_consistent_after(check_by_all_kinds)); }

TEST(IsConsistent, DoesNotHoldForBrokenChecks) {
  const auto is_consistent_with = [](auto change) {
    return is_consistent_after([&](Tables& t) {
      check_by_all_kinds(t);
      change(t);
    });
  };
  EXPECT_FALSE(is_consistent_with([](Tables& t) { t.kinds.pop_back(); }));
  EXPECT_FALSE(is_consistent_with([](Tables& t) { t.kinds.push_back(SpanCheck::xxh3); }));
  EXPECT_FALSE(is_consistent_with([](Tables& t) { t.kinds[0] = static_cast<SpanCheck>(3); }));
  EXPECT_FALSE(is_consistent_with([](Tables& t) { t.chunks.pop_back(); }));
  EXPECT_FALSE(is_consistent_with([](Tables& t) { t.spans[3].digest = {kHuge, 0}; }));
  EXPECT_FALSE(is_consistent_with([](Tables& t) { t.learned = nullptr; }));
  EXPECT_FALSE(is_consistent_with([](Tables& t) { t.learned = std::make_shared<LearnedDigests>(4); }));
}

TEST(IsConsistent, HoldsForAnEmptyStreamWithOrWithoutAPoint) {
  EXPECT_TRUE(is_consistent({}, 0));
  const std::vector<PointRecord> points{{0, 0, 0, 0}};
  EXPECT_TRUE(is_consistent({.points = points}, 20));
}

TEST(IsConsistent, HoldsForWhatIndexingFinds) {
  const auto plain = testing::sample_bytes(500'000, 3);
  const auto blob = testing::gzip_of(plain);
  const auto indexed = testing::index_stream(Compression::gzip, blob, 10'000, 15'000);
  ASSERT_TRUE(indexed);
  EXPECT_GT(indexed->tables->spans.size(), indexed->tables->points.size());
  EXPECT_TRUE(is_consistent(indexed->index(), blob.size()));
}

}  // namespace
}  // namespace layoutfs
