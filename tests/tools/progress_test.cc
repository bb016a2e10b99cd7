// The line that shows how far a task is.
#include "tools/cli/progress.h"

#include <gtest/gtest.h>

namespace layoutfs::tools {
namespace {

TEST(ProgressLine, ShowsBytesRateAndTimeLeft) {
  EXPECT_EQ(progress_line("indexing", 1'000'000, 4'000'000, 2),
            "indexing: 1.00 MB of 4.00 MB, 500 kB/s, 6 s left");
  EXPECT_EQ(progress_line("removing", 1000, 0, 2), "removing: 1.00 kB, 500 B/s");
}

TEST(ProgressLine, NeverSaysThatNoTimeIsLeftBeforeTheEnd) {
  EXPECT_EQ(progress_line("checking", 70, 100, 0.1), "checking: 70 B of 100 B, 700 B/s, 1 s left");
  EXPECT_EQ(progress_line("checking", 100, 100, 1), "checking: 100 B of 100 B, 100 B/s");
}

TEST(ProgressLine, SaysNothingOfTheTimeIfNothingIsDone) {
  EXPECT_EQ(progress_line("checking", 0, 100, 1), "checking: 0 B of 100 B, 0 B/s");
  EXPECT_EQ(progress_line("checking", 0, 100, 0), "checking: 0 B of 100 B, 0 B/s");
}

}  // namespace
}  // namespace layoutfs::tools
