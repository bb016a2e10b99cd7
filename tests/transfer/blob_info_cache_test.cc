// The records about blobs, and the order of their locations.
#include "core/transfer/blob_info_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <thread>

#include "core/transfer/candidates.h"

namespace layoutfs::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Digest digest(std::string_view name) { return Digest::of(as_bytes(name)); }
const Digest kA = digest("a"), kB = digest("b"), kUncompressed = digest("u"), kOther = digest("other");

// "A a1": the digest's name and the location.
std::vector<std::string> shown(const std::vector<BlobInfoCache::Candidate>& candidates) {
  std::vector<std::string> texts;
  for (const auto& [digest, location] : candidates) {
    const std::string name = digest == kA ? "A" : digest == kB ? "B" : digest == kUncompressed ? "U" : "?";
    texts.push_back(name + " " + location);
  }
  return texts;
}

TEST(BlobInfoCache, KnowsTheUncompressedDigestsThatItWasTold) {
  const auto cache = memory_cache();
  EXPECT_TRUE(cache->uncompressed_digest(kA).empty());
  for (int again = 0; again < 2; ++again) {
    cache->record_digest_uncompressed_pair(kA, kUncompressed);
    cache->record_digest_uncompressed_pair(kB, kUncompressed);
    EXPECT_EQ(cache->uncompressed_digest(kA), kUncompressed);
    EXPECT_EQ(cache->uncompressed_digest(kB), kUncompressed);
    EXPECT_EQ(cache->uncompressed_digest(kUncompressed), kUncompressed);
  }
  EXPECT_TRUE(cache->uncompressed_digest(kOther).empty());
  cache->record_digest_uncompressed_pair(kOther, kOther);
  EXPECT_EQ(cache->uncompressed_digest(kOther), kOther);
  cache->record_digest_uncompressed_pair({}, kOther);
  cache->record_digest_uncompressed_pair(kOther, {});
  EXPECT_EQ(cache->uncompressed_digest(kOther), kOther);
  EXPECT_TRUE(cache->uncompressed_digest({}).empty());
}

TEST(BlobInfoCache, AnotherPairTakesThePlaceOfTheFirst) {
  const auto cache = memory_cache();
  cache->record_digest_uncompressed_pair(kA, kUncompressed);
  cache->record_digest_uncompressed_pair(kA, kOther);
  EXPECT_EQ(cache->uncompressed_digest(kA), kOther);
  EXPECT_TRUE(cache->uncompressed_digest(kUncompressed).empty());
  cache->record_known_location("t", "s", kA, "1");
  EXPECT_THAT(cache->candidate_locations("t", "s", kUncompressed, true), IsEmpty());
  EXPECT_THAT(shown(cache->candidate_locations("t", "s", kOther, true)), ElementsAre("A 1"));
}

TEST(BlobInfoCache, ScopesAndTransportsAreSeparate) {
  const auto cache = memory_cache();
  cache->record_known_location("t", "A", kA, "1");
  cache->record_known_location("t", "B", kA, "2");
  cache->record_known_location("other", "A", kA, "3");
  cache->record_known_location("t", "A", kA, "4");
  cache->record_known_location("t", "A", {}, "5");
  EXPECT_THAT(shown(cache->candidate_locations("t", "A", kA, false)), ElementsAre("A 4", "A 1"));
  EXPECT_THAT(shown(cache->candidate_locations("t", "B", kA, true)), ElementsAre("A 2"));
  EXPECT_THAT(shown(cache->candidate_locations("other", "A", kA, true)), ElementsAre("A 3"));
  EXPECT_THAT(cache->candidate_locations("t", "C", kA, true), IsEmpty());
  EXPECT_THAT(cache->candidate_locations("t", "A", {}, true), IsEmpty());
}

TEST(BlobInfoCache, WhatWasSeenAgainIsNewAgain) {
  const auto cache = memory_cache();
  for (const std::string_view location : {"1", "2", "3", "1"})
    cache->record_known_location("t", "s", kA, location);
  EXPECT_THAT(shown(cache->candidate_locations("t", "s", kA, false)), ElementsAre("A 1", "A 3", "A 2"));
}

TEST(BlobInfoCache, SubstitutesComeAfterTheBlobAndTheUncompressedOneLast) {
  const auto cache = memory_cache();
  cache->record_digest_uncompressed_pair(kA, kUncompressed);
  cache->record_digest_uncompressed_pair(kB, kUncompressed);
  cache->record_known_location("t", "s", kUncompressed, "2");
  cache->record_known_location("t", "s", kUncompressed, "1");
  cache->record_known_location("t", "s", kB, "2");
  cache->record_known_location("t", "s", kA, "2");
  cache->record_known_location("t", "s", kA, "1");
  cache->record_known_location("t", "s", kB, "1");
  cache->record_known_location("t", "s", kOther, "1");
  EXPECT_THAT(shown(cache->candidate_locations("t", "s", kA, true)),
              ElementsAre("A 1", "A 2", "B 1", "B 2", "U 1"));
  EXPECT_THAT(shown(cache->candidate_locations("t", "s", kB, true)),
              ElementsAre("B 1", "B 2", "A 1", "A 2", "U 1"));
  EXPECT_THAT(shown(cache->candidate_locations("t", "s", kUncompressed, true)),
              ElementsAre("U 1", "U 2", "B 1", "A 1", "A 2"));
  EXPECT_THAT(shown(cache->candidate_locations("t", "s", kA, false)), ElementsAre("A 1", "A 2"));
  EXPECT_THAT(shown(cache->candidate_locations("t", "s", kUncompressed, false)), ElementsAre("U 1", "U 2"));
  EXPECT_THAT(shown(cache->candidate_locations("t", "s", kOther, true)), ElementsAre("? 1"));
  EXPECT_THAT(cache->candidate_locations("t", "s", digest("unknown"), true), IsEmpty());
}

TEST(BlobInfoCache, BeyondItsLimitItForgetsWhatWasRecordedLongestAgo) {
  const auto cache = memory_cache(2);
  cache->record_digest_uncompressed_pair(kA, kUncompressed);
  cache->record_digest_uncompressed_pair(kB, kOther);
  cache->record_digest_uncompressed_pair(kA, kUncompressed);
  cache->record_digest_uncompressed_pair(digest("c"), kUncompressed);
  EXPECT_EQ(cache->uncompressed_digest(kA), kUncompressed);
  EXPECT_TRUE(cache->uncompressed_digest(kB).empty());
  EXPECT_TRUE(cache->uncompressed_digest(kOther).empty());
  for (const std::string_view location : {"1", "2", "3", "2"})
    cache->record_known_location("t", "s", kA, location);
  EXPECT_THAT(shown(cache->candidate_locations("t", "s", kA, false)), ElementsAre("A 2", "A 3"));
  const auto smallest = memory_cache(0);
  smallest->record_known_location("t", "s", kA, "1");
  EXPECT_THAT(smallest->candidate_locations("t", "s", kA, false), SizeIs(1));
}

TEST(BlobInfoCache, AnyNumberOfThreadsMayUseIt) {
  const auto cache = memory_cache(50);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&cache, thread] {
      for (int i = 0; i < 500; ++i) {
        const Digest any = digest(std::to_string(thread) + std::to_string(i % 60));
        cache->record_digest_uncompressed_pair(any, kUncompressed);
        cache->record_known_location("t", "s", any, std::to_string(i % 3));
        EXPECT_LE(cache->candidate_locations("t", "s", kUncompressed, true).size(),
                  BlobInfoCache::kMaxCandidates);
        const Digest found = cache->uncompressed_digest(any);
        EXPECT_TRUE(found.empty() || found == kUncompressed);
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(cache->uncompressed_digest(kUncompressed), kUncompressed);
}

TEST(BlobInfoCache, NoneKnowsNothing) {
  const auto cache = no_cache();
  cache->record_digest_uncompressed_pair(kA, kUncompressed);
  cache->record_known_location("t", "s", kA, "1");
  EXPECT_TRUE(cache->uncompressed_digest(kA).empty());
  EXPECT_THAT(cache->candidate_locations("t", "s", kA, true), IsEmpty());
}

TEST(BestCandidates, TheBlobThenOthersThenTheUncompressedWhateverTheTimes) {
  const Digest& first = std::min(kB, kOther);
  const Digest& second = std::max(kB, kOther);
  std::vector<KnownLocation> locations = {
      {{kUncompressed, "new"}, 90},
      {{kUncompressed, "old"}, 10},
      {{second, "x"}, 50},
      {{first, "x"}, 50},
      {{first, "newest"}, 60},
      {{kA, "old"}, 1},
      {{kA, "new"}, 2},
      {{first, "a"}, 50},
  };
  const std::vector<BlobInfoCache::Candidate> wanted = {
      {kA, "new"},  {kA, "old"},   {first, "newest"},      {first, "a"},
      {first, "x"}, {second, "x"}, {kUncompressed, "new"}, {kUncompressed, "old"},
  };
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    std::ranges::shuffle(locations, random);
    EXPECT_EQ(best_candidates(locations, kA, kUncompressed, 100), wanted);
    EXPECT_THAT(best_candidates(locations, kA, kUncompressed, 3),
                ElementsAre(wanted[0], wanted[1], wanted[2]));
  }
  EXPECT_THAT(best_candidates({}, kA, kUncompressed, 5), IsEmpty());
}

TEST(BestCandidates, TheUncompressedDigestMayBeUnknownOrTheBlobItself) {
  const std::vector<KnownLocation> locations = {{{kUncompressed, "u"}, 5}, {{kB, "b"}, 9}, {{kA, "a"}, 1}};
  EXPECT_THAT(shown(best_candidates(locations, kA, {}, 5)), ElementsAre("A a", "B b", "U u"));
  EXPECT_THAT(shown(best_candidates(locations, kA, kA, 5)), ElementsAre("A a", "B b", "U u"));
  EXPECT_THAT(shown(best_candidates(locations, kUncompressed, kUncompressed, 5)),
              ElementsAre("U u", "B b", "A a"));
}

}  // namespace
}  // namespace layoutfs::testing
