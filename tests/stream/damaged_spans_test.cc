#include "core/stream/damaged_spans.h"

#include <gtest/gtest.h>

#include <string>

namespace layoutfs {
namespace {

Error damage(const std::string& message) { return {Errc::corrupt, message}; }

TEST(DamagedSpans, AnErrorIsRememberedForItsSpans) {
  DamagedSpans damaged;
  damaged.add(3, 5, damage("first"));
  damaged.add(9, 9, damage("second"));
  EXPECT_FALSE(damaged.find(2));
  EXPECT_EQ(damaged.find(3)->message(), "first");
  EXPECT_EQ(damaged.find(5)->message(), "first");
  EXPECT_FALSE(damaged.find(6));
  EXPECT_EQ(damaged.find(9)->message(), "second");
}

TEST(DamagedSpans, AnErrorIsForgottenAfterItsTime) {
  DamagedSpans damaged(DamagedSpans::Clock::duration::zero());
  damaged.add(3, 5, damage("over"));
  EXPECT_FALSE(damaged.find(3));
}

TEST(DamagedSpans, TheOldestLeaveIfThereAreTooMany) {
  DamagedSpans damaged;
  for (std::uint64_t span = 0; span <= DamagedSpans::kMost; ++span) damaged.add(span, span, damage("one"));
  EXPECT_FALSE(damaged.find(0));
  EXPECT_TRUE(damaged.find(1));
  EXPECT_TRUE(damaged.find(DamagedSpans::kMost));
}

}  // namespace
}  // namespace layoutfs
