// The processes that use a mount. The tests use ordinary directories, as the mount itself is not asked.
#include "fs/fuse/mount_users.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "core/base/event_fd.h"
#include "core/base/file.h"
#include "tests/support/temp_dir.h"

namespace layoutfs {
namespace {

// A child process that has done `start` and waits, until this ends.
class Child {
 public:
  explicit Child(const std::function<bool()>& start) {
    int ready[2];
    EXPECT_EQ(::pipe2(ready, O_CLOEXEC), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      const char done = start() ? 'y' : 'n';
      if (::write(ready[1], &done, 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }
    char done = 0;
    EXPECT_EQ(::read(ready[0], &done, 1), 1);
    EXPECT_EQ(done, 'y');
    ::close(ready[0]);
    ::close(ready[1]);
  }
  ~Child() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

std::string use_by(const std::string& directory, const std::function<bool()>& start) {
  const Child child(start);
  for (const MountUser& user : users_of_mount(directory))
    if (user.pid == child.pid()) return user.use;
  return "none";
}

TEST(MountUsers, AreFoundByWhatTheyUse) {
  const testing::TempDir temp;
  const std::string file = temp / "file";
  const UniqueFd content(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(::ftruncate(content.get(), 4096), 0);
  // The test's own handle is an open file as well: children have it too.
  const auto without_it = [&](const std::function<bool()>& start) {
    return [&, start] { return ::close(content.get()) == 0 && start(); };
  };
  EXPECT_EQ(use_by(temp.path(), without_it([] { return true; })), "none");
  EXPECT_EQ(use_by(temp.path(), without_it([&] { return ::chdir(temp.path().c_str()) == 0; })),
            "working directory");
  EXPECT_EQ(use_by(temp.path(), without_it([&] { return ::open(file.c_str(), O_RDONLY) >= 0; })),
            "open file");
  EXPECT_EQ(use_by(temp.path(), without_it([&] {
                     const int fd = ::open(file.c_str(), O_RDONLY);
                     return ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED &&
                            ::close(fd) == 0;
                   })),
            "mapped file");
}

TEST(MountUsers, OfADirectoryBesideItAreNotFound) {
  const testing::TempDir temp;
  const std::string beside = temp.path() + "-beside";
  ASSERT_EQ(::mkdir(beside.c_str(), 0700), 0);
  EXPECT_EQ(use_by(temp.path(), [&] { return ::chdir(beside.c_str()) == 0; }), "none");
  ::rmdir(beside.c_str());
}

TEST(MountUsers, HaveTheNameOfTheirCommand) {
  const testing::TempDir temp;
  const Child child([&] { return ::chdir(temp.path().c_str()) == 0; });
  const auto users = users_of_mount(temp.path());
  ASSERT_EQ(users.size(), 1u);
  EXPECT_EQ(users.front().pid, child.pid());
  EXPECT_EQ(users.front().command, "fuse_test");
}

}  // namespace
}  // namespace layoutfs
