// Opening below a directory, by openat2(2) and by a walk.
#include "core/base/beneath.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/temp_dir.h"

namespace layoutfs {
namespace {

namespace stdfs = std::filesystem;
using testing::TempDir;
using testing::write_file;

// Returns the content of the opened file, or a short description of the failure.
std::string outcome_of(const OpenResult& opened) {
  if (!opened && !opened.error().fault) return "errno " + std::to_string(opened.error().sys);
  if (!opened) {
    const LinkFault& fault = *opened.error().fault;
    const char* const kind = fault.kind == LinkFault::Kind::leaves     ? " leaves by "
                             : fault.kind == LinkFault::Kind::dangling ? " dangles by "
                                                                       : " loops by ";
    return fault.link + kind + fault.target;
  }
  const auto content = read_all(opened->get(), "file", 100);
  return content ? std::string(as_text(*content)) : content.error().message();
}

class Beneath : public ::testing::TestWithParam<bool> {
 protected:
  Beneath() {
    write_file(inside / "file", "inside");
    write_file(inside / "folder/deep/file", "deep");
    write_file(temp / "secret", "secret");
    write_file(temp / "root-2/file", "beside");
    root_fd = UniqueFd(::open(inside.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  void link(const std::string& name, const std::string& target) {
    stdfs::create_symlink(target, inside / name);
  }
  OpenResult open(const std::string& path, int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK) const {
    const LinkRoot root{root_fd.get(), inside};
    return GetParam() ? walk_beneath(root, path, flags) : open_beneath(root, path, flags);
  }
  std::string outcome(const std::string& path) const { return outcome_of(open(path)); }

  TempDir temp;
  stdfs::path inside = temp / "root";
  UniqueFd root_fd;
};

INSTANTIATE_TEST_SUITE_P(ByOneCallAndByAWalk, Beneath, ::testing::Bool());

TEST_P(Beneath, FilesAreOpenedWithoutLinks) {
  EXPECT_EQ(outcome("file"), "inside");
  EXPECT_EQ(outcome("./folder//deep/file"), "deep");
  EXPECT_EQ(outcome("folder/../file"), "inside");
  EXPECT_EQ(outcome("none"), "errno " + std::to_string(ENOENT));
  EXPECT_EQ(outcome("file/none"), "errno " + std::to_string(ENOTDIR));
}

TEST_P(Beneath, LinksThatStayBelowAreFollowed) {
  link("link", "file");
  link("chain", "link");
  link("folder/up", "../file");
  link("folder/deep/far", "../../folder/deep/../../file");
  link("directory", "folder");
  link("directories", "directory/deep");
  link("self", ".");
  for (const char* const path :
       {"link", "chain", "folder/up", "folder/deep/far", "directory/up", "self/self/link"})
    EXPECT_EQ(outcome(path), "inside") << path;
  EXPECT_EQ(outcome("directories/file"), "deep");
  EXPECT_EQ(outcome("directories/../../file"), "inside");
}

TEST_P(Beneath, AbsoluteLinksBelowItsOwnPathAreFollowed) {
  link("absolute", inside / "file");
  link("whole", inside);
  link("slashes", inside.string() + "//folder/./deep/file");
  stdfs::create_directory_symlink("root", temp / "other-name");
  link("named-otherwise", temp / "other-name/file");
  EXPECT_EQ(outcome("absolute"), "inside");
  EXPECT_EQ(outcome("whole/folder/deep/file"), "deep");
  EXPECT_EQ(outcome("slashes"), "deep");
  EXPECT_EQ(outcome("named-otherwise"), "named-otherwise leaves by " + temp / "other-name/file");
  // The path that it was opened by, and the one that the kernel knows.
  const LinkRoot by_other_name{root_fd.get(), temp / "other-name"};
  EXPECT_EQ(outcome_of(open_beneath(by_other_name, "named-otherwise", O_RDONLY)), "inside");
  EXPECT_EQ(outcome_of(open_beneath(by_other_name, "absolute", O_RDONLY)), "inside");
  EXPECT_EQ(outcome_of(open_beneath({root_fd.get(), ""}, "absolute", O_RDONLY)), "inside");
}

TEST_P(Beneath, NothingLeadsOut) {
  link("absolute", "/etc/passwd");
  link("up", "../secret");
  link("back", "../root/file");
  link("folder/far", "../../secret");
  link("folder/out", "../..");
  link("beside", temp / "root-2/file");
  link("climbs", inside / "../secret");
  link("chain", "folder/far");
  link("proc", "/proc/self/root/etc/passwd");
  EXPECT_EQ(outcome("absolute"), "absolute leaves by /etc/passwd");
  EXPECT_EQ(outcome("up"), "up leaves by ../secret");
  EXPECT_EQ(outcome("back"), "back leaves by ../root/file");
  EXPECT_EQ(outcome("folder/far"), "folder/far leaves by ../../secret");
  EXPECT_EQ(outcome("folder/out/secret"), "folder/out leaves by ../..");
  EXPECT_EQ(outcome("beside"), "beside leaves by " + temp / "root-2/file");
  EXPECT_EQ(outcome("climbs"), "climbs leaves by " + (inside / "../secret").string());
  EXPECT_EQ(outcome("chain"), "folder/far leaves by ../../secret");
  EXPECT_EQ(outcome("proc"), "proc leaves by /proc/self/root/etc/passwd");
  EXPECT_EQ(outcome("../secret"), "errno " + std::to_string(EXDEV));
  EXPECT_EQ(outcome("/etc/passwd").starts_with("errno"), true);
}

TEST_P(Beneath, LoopsAndDanglingLinksAreNamed) {
  link("a", "b");
  link("b", "a");
  link("self", "self/x");
  link("dangling", "folder/none");
  link("chain", "dangling");
  link("directory", "folder");
  EXPECT_TRUE(outcome("a") == "a loops by b" || outcome("a") == "b loops by a") << outcome("a");
  EXPECT_EQ(outcome("self"), "self loops by self/x");
  EXPECT_EQ(outcome("dangling"), "dangling dangles by folder/none");
  EXPECT_EQ(outcome("chain"), "dangling dangles by folder/none");
  // The link is not the reason here.
  EXPECT_EQ(outcome("directory/none"), "errno " + std::to_string(ENOENT));
}

TEST_P(Beneath, ChainsAreAsLongAsTheKernelAllows) {
  std::string last = "file";
  for (int i = 1; i <= kMaxLinks; ++i) {
    const std::string name = "link" + std::to_string(i);
    link(name, last);
    last = name;
  }
  EXPECT_EQ(outcome(last), "inside");
  link("too-many", last);
  EXPECT_NE(outcome("too-many").find("loops"), std::string::npos);
}

TEST_P(Beneath, DirectoriesAndHandlesAreOpenedToo) {
  link("directory", "folder/deep");
  link("to-file", "file");
  EXPECT_TRUE(open("directory", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  EXPECT_TRUE(open("directory/..", O_RDONLY | O_DIRECTORY));
  EXPECT_TRUE(open("to-file", O_PATH));
  EXPECT_EQ(open("to-file", O_RDONLY | O_DIRECTORY).error().sys, ENOTDIR);
  EXPECT_EQ(open("to-file", O_PATH | O_DIRECTORY).error().sys, ENOTDIR);
}

TEST_P(Beneath, ADirectoryThatIsSwappedForALinkLeadsNowhereElse) {
  std::atomic<bool> is_done = false;
  std::thread swapping([&] {
    while (!is_done) {
      stdfs::rename(inside / "folder", inside / "moved");
      stdfs::create_symlink("../../..", inside / "folder");
      stdfs::remove(inside / "folder");
      stdfs::create_symlink(temp.path(), inside / "folder");
      stdfs::remove(inside / "folder");
      stdfs::rename(inside / "moved", inside / "folder");
    }
  });
  write_file(temp / "deep/file", "outside");
  for (int i = 0; i < 3000; ++i) {
    const auto opened = open("folder/deep/file");
    if (opened) {
      EXPECT_EQ(outcome_of(opened), "deep");
    }
  }
  is_done = true;
  swapping.join();
}

TEST(BeneathAnywhere, LinksLeadToRegularFilesAndDirectories) {
  const TempDir temp;
  write_file(temp / "root/file", "inside");
  write_file(temp / "out/secret", "secret");
  ASSERT_EQ(::mkfifo((temp / "out/pipe").c_str(), 0600), 0);
  stdfs::create_symlink("../out/secret", temp / "root/link");
  stdfs::create_symlink("../out", temp / "root/folder");
  stdfs::create_symlink(temp / "out/pipe", temp / "root/pipe");
  stdfs::create_symlink("/dev/tty", temp / "root/terminal");
  stdfs::create_symlink("/dev/null", temp / "root/null");
  stdfs::create_symlink("none", temp / "root/dangling");
  stdfs::create_symlink("loop", temp / "root/loop");
  const UniqueFd fd(::open((temp / "root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const LinkRoot root{fd.get(), temp / "root"};
  const auto outcome = [&](const std::string& path, int flags = O_RDONLY) {
    return outcome_of(open_beneath(root, path, flags, LinkPolicy::anywhere));
  };
  EXPECT_EQ(outcome("file"), "inside");
  EXPECT_EQ(outcome("link"), "secret");
  EXPECT_EQ(outcome("folder/secret"), "secret");
  EXPECT_TRUE(open_beneath(root, "folder", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, LinkPolicy::anywhere));
  // Without O_NONBLOCK: it does not wait for a writer.
  for (const char* const path : {"pipe", "folder/pipe", "terminal", "null"})
    EXPECT_EQ(outcome(path), "errno " + std::to_string(ENXIO)) << path;
  EXPECT_EQ(outcome("folder"), "errno " + std::to_string(EISDIR));
  EXPECT_EQ(outcome("dangling"), "dangling dangles by none");
  EXPECT_EQ(outcome("loop"), "loop loops by loop");
  EXPECT_EQ(outcome("none"), "errno " + std::to_string(ENOENT));
  // The link is not the reason here.
  EXPECT_EQ(outcome("folder/none"), "errno " + std::to_string(ENOENT));
}

}  // namespace
}  // namespace layoutfs
