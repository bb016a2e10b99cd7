// Reading the kernel's list of mounts.
#include "fs/fuse/mount_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fs/fuse/fuse_session.h"
#include "tests/support/temp_dir.h"

namespace layoutfs {
namespace {

TEST(MountTable, OctalEscapesAreUndone) {
  EXPECT_EQ(unescape_mount_point("/a\\040b\\011c\\134d"), "/a b\tc\\d");
  EXPECT_EQ(unescape_mount_point("/plain"), "/plain");
  for (const auto* unfinished : {"\\", "\\0", "\\04", "\\089"})
    EXPECT_EQ(unescape_mount_point(unfinished), unfinished);
}

TEST(MountTable, FindsWhatIsMounted) {
  const auto proc = find_mount("/proc");
  ASSERT_TRUE(proc);
  EXPECT_EQ(proc->type, "proc");
  EXPECT_NE(proc->device.find(':'), std::string::npos);
  EXPECT_FALSE(find_mount("/proc/no such place"));
}

TEST(MountTable, OtherMountsHaveNoView) {
  const auto proc = find_mount("/proc");
  ASSERT_TRUE(proc);
  EXPECT_FALSE(proc->view);
  for (const auto& [point, mount] : layoutfs_mounts()) EXPECT_TRUE(mount.view) << point;
}

TEST(MountTable, OnlyMountsOfThisProgramAreTakenDown) {
  const testing::TempDir temp;
  for (const std::string& path : {temp.path(), std::string("/proc"), temp / "absent"}) {
    EXPECT_FALSE(is_mounted(path)) << path;
    const auto done = unmount(path, false);
    ASSERT_FALSE(done) << path;
    EXPECT_EQ(done.error().code(), Errc::not_found) << path;
  }
}

}  // namespace
}  // namespace layoutfs
