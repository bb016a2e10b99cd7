#include "tools/cli/creation_time.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "tests/support/results.h"

namespace layoutfs::tools {
namespace {

using layoutfs::testing::failure_of;
using layoutfs::testing::must;

class CreationTime : public ::testing::Test {
 protected:
  void TearDown() override { ::unsetenv("SOURCE_DATE_EPOCH"); }
};

TEST_F(CreationTime, TheOptionIsATimeOrSeconds) {
  for (const char* time :
       {"2026-11-30T09:30:00Z", "2026-11-30T09:30:00.123456789+05:30", "2016-12-31T23:59:60Z"})
    EXPECT_EQ(must(creation_time(time)), time);
  EXPECT_EQ(must(creation_time("0")), "1970-01-01T00:00:00Z");
  EXPECT_EQ(must(creation_time("253402300799")), "9999-12-31T23:59:59Z");
}

TEST_F(CreationTime, OtherTextIsRefused) {
  for (const char* text : {"yesterday", "-1", "253402300800", "2026-11-30", "2026-13-01T00:00:00Z",
                           "2026-11-30T24:00:00Z", "2026-11-30 09:30:00Z", "2026-11-30T09:30:00", "1x"})
    EXPECT_EQ(failure_of(creation_time(text)), Errc::invalid_argument) << text;
}

TEST_F(CreationTime, SourceDateEpochIsTheDefault) {
  ASSERT_EQ(::setenv("SOURCE_DATE_EPOCH", "1700000000", 1), 0);
  EXPECT_EQ(must(creation_time("")), "2023-11-14T22:13:20Z");
  EXPECT_EQ(must(creation_time("1")), "1970-01-01T00:00:01Z");
  ASSERT_EQ(::setenv("SOURCE_DATE_EPOCH", "soon", 1), 0);
  EXPECT_EQ(failure_of(creation_time("")), Errc::invalid_argument);
}

}  // namespace
}  // namespace layoutfs::tools
