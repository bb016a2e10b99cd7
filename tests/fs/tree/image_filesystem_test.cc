// One image, as the kernel sees it.
#include "fs/tree/image_filesystem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/fs/tree/browse.h"

namespace layoutfs {
namespace {

using testing::Browser;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::TarWriter;

class ImageFilesystemTest : public ::testing::Test {
 protected:
  void open(const TarWriter& tar, Ownership ownership = {}, InodeNumber base = 0) {
    const auto manifest = layout_.image(tar.text());
    layout_.writer.write_index({manifest});
    layout_.mount();
    layer_ = Digest::of(tar.bytes()).str();
    auto image = layout_.library->image(manifest);
    ASSERT_TRUE(image) << image.error().message();
    filesystem_ = std::make_unique<ImageFilesystem>(std::move(*image), ownership, base);
  }
  struct stat stat(std::string_view path) {
    const auto entry = Browser(*filesystem_).at(path);
    EXPECT_TRUE(entry) << path;
    return entry.value_or(LookupResult{}).attributes.stat;
  }

  testing::MountedLayout layout_;
  std::string layer_;
  std::unique_ptr<ImageFilesystem> filesystem_;
};

TEST_F(ImageFilesystemTest, AttributesAreThoseOfTheTar) {
  const testing::EntryAttributes with{
      .mode = 04755, .uid = 70000, .gid = 5, .pax = {{"mtime", "1500000000.25"}}};
  open(TarWriter()
           .dir("d", {.mode = 01777, .uid = 3, .gid = 4})
           .file("d/f", std::string(1000, 'x'), with)
           .hardlink("d/g", "d/f", with)
           .symlink("l", "d/f")
           .device("c", '3', 10, 200)
           .fifo("p"));
  const auto file = stat("d/f");
  EXPECT_EQ(file.st_mode, mode_t{S_IFREG | 04755});
  EXPECT_EQ(file.st_uid, 70000u);
  EXPECT_EQ(file.st_gid, 5u);
  EXPECT_EQ(file.st_size, 1000);
  EXPECT_EQ(file.st_blocks, 2);
  EXPECT_EQ(file.st_nlink, 2u);
  for (const auto& time : {file.st_mtim, file.st_atim, file.st_ctim}) {
    EXPECT_EQ(time.tv_sec, 1'500'000'000);
    EXPECT_EQ(time.tv_nsec, 250'000'000);
  }
  EXPECT_EQ(stat("d/g").st_ino, file.st_ino);
  EXPECT_EQ(stat("d").st_mode, mode_t{S_IFDIR | 01777});
  EXPECT_EQ(stat("d").st_nlink, 2u);
  EXPECT_EQ(stat("l").st_mode & S_IFMT, mode_t{S_IFLNK});
  EXPECT_EQ(stat("l").st_size, 3);
  EXPECT_EQ(stat("l").st_blocks, 0);
  EXPECT_EQ(stat("c").st_rdev, makedev(10, 200));
  EXPECT_EQ(stat("c").st_mode & S_IFMT, mode_t{S_IFCHR});
  EXPECT_EQ(stat("p").st_mode & S_IFMT, mode_t{S_IFIFO});
  EXPECT_EQ(Browser(*filesystem_).link("l"), "d/f");
}

TEST_F(ImageFilesystemTest, EverythingIsValidForEverMissesToo) {
  open(TarWriter().file("f", "x"));
  const auto found = filesystem_->lookup(kRootNumber, "f");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->valid, kForever);
  EXPECT_EQ(found->attributes.valid, kForever);
  const auto missed = filesystem_->lookup(kRootNumber, "absent");
  ASSERT_TRUE(missed);
  EXPECT_EQ(missed->inode, 0u);
  EXPECT_EQ(missed->valid, kForever);
  EXPECT_EQ(filesystem_->lookup(found->inode, "below a file").value_or(LookupResult{.inode = 7}).inode, 0u);
}

TEST_F(ImageFilesystemTest, ReadsAreRightWhereverTheyBegin) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += std::to_string(i) + " ";
  open(TarWriter().file("before", "zzz").file("f", text).file("empty"));
  const Browser browser(*filesystem_);
  EXPECT_EQ(browser.content("f"), text);
  EXPECT_EQ(browser.content("empty"), "");
  const auto size_of_read = [&](std::uint64_t offset) {
    IoBuffers pieces;
    EXPECT_TRUE(filesystem_->read(browser.node("f"), pieces, 100, offset));
    return pieces.size();
  };
  EXPECT_EQ(size_of_read(text.size() - 100), 100u);
  EXPECT_EQ(size_of_read(text.size() - 10), 10u);
  EXPECT_EQ(size_of_read(text.size()), 0u);
  EXPECT_EQ(size_of_read(UINT64_MAX), 0u);
}

TEST_F(ImageFilesystemTest, ListingsGoOnAtTheirCookies) {
  TarWriter tar;
  std::vector<std::string> expected;
  for (int i = 100; i < 150; ++i) {
    tar.file("d/" + std::to_string(i));
    expected.push_back(std::to_string(i));
  }
  open(tar.dir("e"));
  const Browser browser(*filesystem_);
  for (const std::size_t at_once : {1U, 2U, 7U, 1000U})
    EXPECT_EQ(browser.names(browser.node("d"), at_once), expected) << at_once;
  EXPECT_THAT(browser.names(browser.node("e")), IsEmpty());
  EXPECT_EQ(filesystem_->readdir(browser.node("d/100"), 0, [](const auto&) { return true; }).error(),
            ENOTDIR);
  EXPECT_TRUE(filesystem_->readdir(browser.node("d"), UINT64_MAX, [](const auto&) { return true; }));
}

TEST_F(ImageFilesystemTest, DotsAndEntriesHaveTheirInodeNumbers) {
  open(TarWriter().file("d/e/f"), {}, InodeNumber{5} << 32);
  const InodeNumber root = (InodeNumber{5} << 32) + 1;
  const InodeNumber directory = filesystem_->lookup(root, "d")->inode;
  std::vector<std::pair<std::string, InodeNumber>> listed;
  ASSERT_TRUE(filesystem_->readdir(directory, 0, [&](const Filesystem::Listed& entry) {
    listed.emplace_back(entry.name, entry.inode);
    return true;
  }));
  EXPECT_THAT(listed, ElementsAre(std::pair(".", directory), std::pair("..", root),
                                  std::pair("e", filesystem_->lookup(directory, "e")->inode)));
}

TEST_F(ImageFilesystemTest, NodesOfOthersAreNotFound) {
  open(TarWriter().file("f", "x"), {}, InodeNumber{5} << 32);
  IoBuffers pieces;
  for (const InodeNumber node : {InodeNumber{0}, InodeNumber{1}, InodeNumber{5} << 32,
                                 (InodeNumber{5} << 32) + 3, (InodeNumber{6} << 32) + 1, UINT64_MAX}) {
    EXPECT_EQ(filesystem_->attributes(node).error(), ENOENT) << node;
    EXPECT_EQ(filesystem_->lookup(node, "f").error(), ENOENT) << node;
    EXPECT_EQ(filesystem_->read(node, pieces, 10, 0).error(), ENOENT) << node;
    EXPECT_EQ(filesystem_->listxattr(node).error(), ENOENT) << node;
  }
}

TEST_F(ImageFilesystemTest, StoredXattrsAreListedAndComputedOnesOnlyAnswered) {
  const std::string value("\x01\0\xff", 3);
  open(TarWriter()
           .file("first", "abc")
           .file("f", "data", {.xattrs = {{"security.bytes", value}, {"user.a", "1"}}}));
  const Browser browser(*filesystem_);
  const InodeNumber file = browser.node("f");
  EXPECT_THAT(filesystem_->listxattr(file).value(), ElementsAre("security.bytes", "user.a"));
  EXPECT_EQ(filesystem_->getxattr(file, "security.bytes").value(), value);
  EXPECT_EQ(filesystem_->getxattr(file, "user.b").error(), ENODATA);
  EXPECT_EQ(filesystem_->getxattr(file, "user.layoutfs.layer").value(), layer_);
  EXPECT_EQ(filesystem_->getxattr(browser.node("first"), "user.layoutfs.offset").value(), "512");
  EXPECT_EQ(filesystem_->getxattr(kRootNumber, "user.layoutfs.layer").error(), ENODATA);
  EXPECT_EQ(filesystem_->getxattr(kRootNumber, "user.layoutfs.stats").error(), ENODATA);
  filesystem_->set_statistics([] { return std::string("{}"); });
  EXPECT_EQ(filesystem_->getxattr(kRootNumber, "user.layoutfs.stats").value(), "{}");
  EXPECT_THAT(filesystem_->listxattr(kRootNumber).value(), IsEmpty());
}

TEST_F(ImageFilesystemTest, LabelsOfAnyFileAreLabelsOfTheImage) {
  open(TarWriter().file("f", "x", {.xattrs = {{"security.selinux2", "1"}, {"security.SELINUX", "2"}}}));
  EXPECT_FALSE(filesystem_->has_labels());
  open(TarWriter().file("f", "x").file("g", "x", {.xattrs = {{"security.selinux", "label"}}}));
  EXPECT_TRUE(filesystem_->has_labels());
}

TEST_F(ImageFilesystemTest, AclsAreForTheKernelToEnforceIfThereAreAny) {
  open(TarWriter().file("f", "x"));
  EXPECT_FALSE(filesystem_->wants_acls());
  const std::string list(
      "\2\0\0\0\1\0\6\0\xff\xff\xff\xff\4\0\4\0\xff\xff\xff\xff\x8\0\4\0\5\0\0\0\x10\0\6\0\xff\xff\xff\xff"
      "\x20\0\0\0"
      "\xff\xff\xff\xff",
      44);
  open(TarWriter().file("f", "x", {.mode = 0660, .xattrs = {{"system.posix_acl_access", list}}}));
  EXPECT_TRUE(filesystem_->wants_acls());
  const InodeNumber file = Browser(*filesystem_).node("f");
  EXPECT_EQ(stat("f").st_mode, mode_t{S_IFREG | 0640}) << "nobody enforces it yet";
  EXPECT_THAT(filesystem_->listxattr(file).value(), IsEmpty());
  filesystem_->set_acls_enforced(true);
  EXPECT_EQ(stat("f").st_mode, mode_t{S_IFREG | 0660});
  EXPECT_EQ(filesystem_->getxattr(file, "system.posix_acl_access").value(), list);
}

TEST_F(ImageFilesystemTest, OwnersCanBeOverridden) {
  open(TarWriter().file("f", "", {.uid = 1, .gid = 2}), {.uid = 1000, .gid = std::nullopt});
  EXPECT_EQ(stat("f").st_uid, 1000u);
  EXPECT_EQ(stat("f").st_gid, 2u);
}

TEST_F(ImageFilesystemTest, SeekingFindsTheEndAsTheOnlyHoleOfAPlainFile) {
  open(TarWriter().file("f", "12345"));
  const InodeNumber file = Browser(*filesystem_).node("f");
  EXPECT_EQ(filesystem_->seek(file, 2, SEEK_DATA).value(), 2u);
  EXPECT_EQ(filesystem_->seek(file, 2, SEEK_HOLE).value(), 5u);
  EXPECT_EQ(filesystem_->seek(file, 5, SEEK_DATA).error(), ENXIO);
  EXPECT_EQ(filesystem_->seek(file, 0, SEEK_SET).error(), EINVAL);
}

}  // namespace
}  // namespace layoutfs
