// The upper directory of an overlay and its tar. Most tests need root, for device nodes and trusted xattrs.
#include "core/commit/upper_layer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/commit/upper_tar.h"
#include "core/tar/tar_parser.h"
#include "tests/support/results.h"
#include "tests/support/temp_dir.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using testing::failure_of;
using testing::must;
using testing::TempDir;
using testing::write_file;

class UpperLayerTest : public ::testing::Test {
 protected:
  Result<UpperLayer> read(const UpperOptions& options = {}) {
    return UpperLayer::read(must(open_at(AT_FDCWD, dir_.path(), O_RDONLY | O_DIRECTORY)), "upper", options);
  }
  std::vector<std::string> paths() {
    std::vector<std::string> paths;
    const auto layer = must(read());
    for (const UpperEntry& entry : layer.entries()) paths.push_back(entry.path);
    return paths;
  }
  static Result<Bytes> tar_of(const UpperLayer& layer) {
    UpperTar tar(layer, {});
    Bytes all, piece(1000);
    for (;;) {
      const auto size = tar.read(piece);
      if (!size) return fail(Error(size.error()));
      if (*size == 0) return all;
      all.insert(all.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(*size));
    }
  }
  std::vector<TarEntry> entries() {
    std::vector<TarEntry> entries;
    TarParser parser([&](TarEntry&& entry) {
      entries.push_back(std::move(entry));
      return Status();
    });
    tar_ = must(tar_of(must(read())));
    EXPECT_TRUE(parser.feed(tar_));
    EXPECT_TRUE(parser.is_ended());
    EXPECT_TRUE(parser.finish());
    return entries;
  }
  std::string content(const TarEntry& entry) {
    return std::string(as_text(ByteView(tar_).subspan(entry.stream_offset, entry.size)));
  }
  // Skips the test if the system does not permit such xattrs.
  void mark(const std::string& path, const char* name, std::string_view value) {
    if (::lsetxattr(path.c_str(), name, value.data(), value.size(), 0) != 0)
      GTEST_SKIP() << "no " << name << " here";
  }
  void make_device(const std::string& path, mode_t type, dev_t device) {
    if (::mknod(path.c_str(), type | 0600, device) != 0) GTEST_SKIP() << "needs root";
  }

  TempDir dir_;
  Bytes tar_;
};

TEST_F(UpperLayerTest, DirectoriesComeBeforeTheirContentInByteOrder) {
  for (const char* name : {"b/y", "b/x", "a", "b-", "b.", "\xff", "C"}) write_file(dir_ / name, "");
  EXPECT_THAT(paths(), ElementsAre("", "C", "a", "b", "b/x", "b/y", "b-", "b.", "\xff"));
}

TEST_F(UpperLayerTest, FilesHaveTheirAttributesAndContent) {
  write_file(dir_ / "d/file", "content");
  ASSERT_EQ(::chmod((dir_ / "d/file").c_str(), 04711), 0);
  const timespec times[] = {{0, 0}, {-2, 500'000'001}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (dir_ / "d/file").c_str(), times, 0), 0);
  ASSERT_EQ(::symlink("d/file", (dir_ / "link").c_str()), 0);
  ASSERT_EQ(::mkfifo((dir_ / "pipe").c_str(), 0600), 0);
  const auto found = entries();
  ASSERT_EQ(found.size(), 5u);
  EXPECT_EQ(found[0].path, "") << "the root";
  EXPECT_EQ(found[2].path, "d/file");
  EXPECT_EQ(found[2].mode, 04711u);
  EXPECT_EQ(content(found[2]), "content");
  EXPECT_EQ(found[2].mtime.seconds, -2);
  EXPECT_EQ(found[2].mtime.nanoseconds, 500'000'001u);
  EXPECT_EQ(found[3].target, "d/file");
  EXPECT_EQ(found[4].type, EntryType::fifo);
}

TEST_F(UpperLayerTest, FurtherNamesOfAFileAreHardLinksToTheFirst) {
  write_file(dir_ / "z/second", "content");
  write_file(dir_ / "a/other", "");
  ASSERT_EQ(::link((dir_ / "z/second").c_str(), (dir_ / "a/first").c_str()), 0);
  const auto found = entries();
  ASSERT_EQ(found.size(), 6u);
  EXPECT_EQ(found[2].path, "a/first");
  EXPECT_EQ(content(found[2]), "content");
  EXPECT_EQ(found[5].type, EntryType::hardlink);
  EXPECT_EQ(found[5].target, "a/first");
  EXPECT_EQ(must(read()).content_size(), 7u);
}

TEST_F(UpperLayerTest, WhiteoutsAndOpaqueMarksHaveTheirNamesOfALayer) {
  std::filesystem::create_directories(dir_ / "d");
  make_device(dir_ / "d/removed", S_IFCHR, ::makedev(0, 0));
  ASSERT_EQ(::link((dir_ / "d/removed").c_str(), (dir_ / "also").c_str()), 0) << "overlayfs links them";
  write_file(dir_ / "d/by-xattr", "");
  mark(dir_ / "d/by-xattr", "trusted.overlay.whiteout", "y");
  mark(dir_ / "d", "trusted.overlay.opaque", "y");
  if (IsSkipped()) return;
  std::vector<std::string> names;
  for (const TarEntry& entry : entries()) {
    names.push_back(entry.path);
    EXPECT_TRUE(entry.xattrs.empty()) << entry.path;
  }
  EXPECT_THAT(names, ElementsAre("", ".wh.also", "d", "d/.wh..wh..opq", "d/.wh.by-xattr", "d/.wh.removed"));
}

TEST_F(UpperLayerTest, OnlyXattrsOfTheFileAreWritten) {
  write_file(dir_ / "file", "");
  mark(dir_ / "file", "user.own", std::string_view("a\0b", 3));
  mark(dir_ / "file", "trusted.overlay.origin", "x");
  mark(dir_ / "file", "trusted.overlay.overlay.opaque", "nested");
  mark(dir_ / "file", "user.overlay.impure", "y");
  if (IsSkipped()) return;
  EXPECT_THAT(entries().at(1).xattrs, ElementsAre(std::pair("trusted.overlay.opaque", "nested"),
                                                  std::pair("user.own", std::string("a\0b", 3))));
}

TEST_F(UpperLayerTest, FilesThatReferToTheDirectoriesBelowAreRefused) {
  struct Case {
    const char *xattr, *hint;
  };
  for (const Case& each :
       {Case{"user.overlay.redirect", "redirect_dir=off"}, Case{"user.overlay.metacopy", "metacopy=off"},
        Case{"user.overlay.nlink", "index=off"}}) {
    write_file(dir_ / "d/file", "");
    mark(dir_ / "d/file", each.xattr, "x");
    if (IsSkipped()) return;
    const auto layer = read();
    ASSERT_EQ(failure_of(layer), Errc::unsupported) << each.xattr;
    EXPECT_THAT(layer.error().message(), ::testing::StartsWith("upper/d/file: "));
    EXPECT_THAT(layer.error().hint(), ::testing::HasSubstr(each.hint));
    std::filesystem::remove(dir_ / "d/file");
  }
}

TEST_F(UpperLayerTest, ANameThatMeansAWhiteoutIsRefused) {
  write_file(dir_ / ".wh.x", "");
  EXPECT_EQ(failure_of(read()), Errc::unsupported);
}

TEST_F(UpperLayerTest, SocketsAreCountedAndLeftOut) {
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (dir_ / "socket").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(must(read()).socket_count(), 1u);
  EXPECT_THAT(paths(), ElementsAre(""));
}

TEST_F(UpperLayerTest, DevicesHaveTheirNumbers) {
  make_device(dir_ / "block", S_IFBLK, ::makedev(259, 1'000'000));
  if (IsSkipped()) return;
  const auto found = entries().at(1);
  EXPECT_EQ(found.type, EntryType::block);
  EXPECT_EQ(found.device_major, 259u);
  EXPECT_EQ(found.device_minor, 1'000'000u);
}

TEST_F(UpperLayerTest, ASparseFileStoresOnlyItsData) {
  write_file(dir_ / "sparse", "data");
  ASSERT_EQ(::truncate((dir_ / "sparse").c_str(), 100'000'000), 0);
  const auto found = entries().at(1);
  EXPECT_TRUE(found.is_sparse);
  EXPECT_EQ(found.size, 100'000'000u);
  ASSERT_EQ(found.extents.size(), 1u);
  EXPECT_LT(tar_.size(), 20'000u);
}

TEST_F(UpperLayerTest, OwnersOfAUserNamespaceAreRoot) {
  write_file(dir_ / "file", "");
  const auto layer = must(read({.root_user = ::geteuid(), .root_group = ::getegid()}));
  EXPECT_EQ(layer.entries()[1].status.st_uid, 0u);
  EXPECT_EQ(layer.entries()[1].status.st_gid, 0u);
}

TEST_F(UpperLayerTest, AFileThatChangesAfterTheDirectoryWasReadIsAnError) {
  write_file(dir_ / "file", "content");
  const auto layer = must(read());
  write_file(dir_ / "file", "changed");
  const auto tar = tar_of(layer);
  ASSERT_EQ(failure_of(tar), Errc::failed_precondition);
  EXPECT_THAT(tar.error().message(), ::testing::HasSubstr("upper/file: changed"));
}

TEST_F(UpperLayerTest, ADirectoryThatBecomesASymlinkIsNotFollowed) {
  write_file(dir_ / "d/file", "content");
  const auto layer = must(read());
  std::filesystem::rename(dir_ / "d", dir_ / "other");
  ASSERT_EQ(::symlink("other", (dir_ / "d").c_str()), 0);
  EXPECT_EQ(failure_of(tar_of(layer)), Errc::io);
}

TEST_F(UpperLayerTest, ALongNameThatIsRemovedGetsALongerWhiteout) {
  const std::string name(255, 'n');
  make_device(dir_ / name, S_IFCHR, ::makedev(0, 0));
  if (IsSkipped()) return;
  EXPECT_EQ(entries().at(1).path, ".wh." + name);
}

}  // namespace
}  // namespace layoutfs
