// Whether a directory belongs to a mounted overlay. tests/e2e/chroot_leftovers.sh mounts some.
#include "tools/chroot/overlay_mounts.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/support/temp_dir.h"

namespace layoutfs::tools {
namespace {

TEST(OverlayMounts, ADirectoryIsNotCalledFreeIfTheTablesCannotBeRead) {
  const testing::TempDir dir;
  const UniqueFd directory = open_at(AT_FDCWD, dir / ".", O_PATH | O_DIRECTORY).value();
  const auto is_upper = is_upper_of_overlay(directory);
  ASSERT_TRUE(is_upper) << is_upper.error().message();
  EXPECT_FALSE(*is_upper);
  rlimit limit, none;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  none = limit;
  none.rlim_cur = 0;  // nothing can be opened
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto unknown = is_upper_of_overlay(directory);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_FALSE(unknown);
}

}  // namespace
}  // namespace layoutfs::tools
