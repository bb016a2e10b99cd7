#include "core/base/is_at_or_below.h"

#include <gtest/gtest.h>

namespace layoutfs::testing {
namespace {

TEST(IsAtOrBelow, OnlyWholeNamesCount) {
  EXPECT_TRUE(is_at_or_below("usr/lib", "usr/lib"));
  EXPECT_TRUE(is_at_or_below("usr/lib/a", "usr/lib"));
  EXPECT_FALSE(is_at_or_below("usr/lib64", "usr/lib"));
  EXPECT_FALSE(is_at_or_below("usr", "usr/lib"));
  EXPECT_TRUE(is_at_or_below("usr", ""));
}

}  // namespace
}  // namespace layoutfs::testing
