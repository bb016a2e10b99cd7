// The files for EROFS, as the kernel asks for them. tests/e2e/kernel_view.sh mounts them.
#include "fs/kernel/erofs_devices.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "fs/fuse/mount_table.h"
#include "fs/kernel/kernel_view.h"
#include "tests/fs/tree/browse.h"
#include "tests/image/merged.h"

namespace layoutfs {
namespace {

using testing::Browser;
using testing::TarWriter;

std::shared_ptr<const ErofsReader> reader_of(const TarWriter& layer) {
  const auto image = std::make_shared<const Image>(testing::image_of({layer}));
  return std::make_shared<const ErofsReader>(
      image, make_erofs(image->tree(), testing::kSomeImage, ErofsPlacement::two_devices).value());
}

TEST(ErofsDevices, BothDevicesHaveTheContent) {
  ErofsDevices devices(reader_of(TarWriter().file("a", "content").file("b", std::string(5000, 'b'))), "name",
                       "");
  const Browser browser(devices);
  std::string expected = "content" + std::string(4096 - 7, '\0') + std::string(5000, 'b');
  expected.resize(std::size_t{3} * 4096);
  for (const char* name : {ErofsDevices::kData, ErofsDevices::kDirect}) {
    EXPECT_EQ(browser.content(browser.node(name)), expected) << name;
    EXPECT_EQ(browser.at(name)->attributes.stat.st_size, std::int64_t{3} * 4096) << name;
  }
  EXPECT_FALSE(devices.is_cached_by_reader(browser.node(ErofsDevices::kData)));
  EXPECT_TRUE(devices.is_cached_by_reader(browser.node(ErofsDevices::kDirect)));
}

TEST(ErofsDevices, TheMetadataIsAtThePathOfTheSource) {
  const auto reader = reader_of(TarWriter().file("a", "content"));
  ErofsDevices devices(reader, "layoutfs:.//dir/dir/./name", "/the/file");
  const Browser browser(devices);
  const InodeNumber served = browser.node("served/layoutfs:./dir/dir/name");
  EXPECT_EQ(browser.content(served), as_text(reader->metadata()));
  const auto link = devices.readlink(browser.node("stored/layoutfs:./dir/dir/name"));
  EXPECT_EQ(link, "/the/file");
  EXPECT_FALSE(browser.exists("stored/name"));
}

TEST(ErofsDevices, WithoutAFileThereIsNoLink) {
  ErofsDevices devices(reader_of(TarWriter().file("a", "content")), "name", "");
  EXPECT_FALSE(Browser(devices).exists("stored"));
}

TEST(ErofsDevices, AnImageWithoutContentHasEmptyDevices) {
  ErofsDevices devices(reader_of(TarWriter().dir("d")), "name", "");
  const Browser browser(devices);
  EXPECT_EQ(browser.at(ErofsDevices::kData)->attributes.stat.st_size, 0);
  EXPECT_EQ(browser.content(browser.node(ErofsDevices::kDirect)), "");
}

TEST(ErofsDevices, UnknownNodesAreErrors) {
  ErofsDevices devices(reader_of(TarWriter().dir("d")), "name", "");
  IoBuffers out;
  EXPECT_EQ(devices.attributes(99).error(), ENOENT);
  EXPECT_EQ(devices.attributes(0).error(), ENOENT);
  EXPECT_EQ(devices.read(99, out, 1, 0).error(), EINVAL);
  EXPECT_EQ(devices.read(kRootNumber, out, 1, 0).error(), EINVAL);
  EXPECT_EQ(devices.lookup(kRootNumber, "other").error(), ENOENT);
}

TEST(ViewSource, IsTheNameWithThePrefix) {
  EXPECT_EQ(view_source("./img:app"), "layoutfs:./img:app");
  EXPECT_EQ(view_source("/srv/layout/"), "layoutfs:/srv/layout");
  EXPECT_EQ(view_source("/a/../b/img:1"), "layoutfs:/b/img:1");
  EXPECT_EQ(view_source("a..b/c:1"), "layoutfs:a..b/c:1");
}

TEST(ViewSource, IsShortEnoughForTheKernel) {
  const std::string name = std::string(300, 'x') + "/img:app";
  const std::string source = view_source(name);
  EXPECT_EQ(source.size(), 255U);
  EXPECT_TRUE(source.starts_with("layoutfs:..."));
  EXPECT_TRUE(source.ends_with("x/img:app"));
}

}  // namespace
}  // namespace layoutfs
