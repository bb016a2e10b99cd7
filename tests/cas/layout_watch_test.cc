// Changes of a layout by any process are detected.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

#include "layoutfs/open.h"
#include "tests/support/layout_writer.h"
#include "tests/support/temp_dir.h"

namespace layoutfs {
namespace {

namespace fs = std::filesystem;
using testing::kTarType;
using testing::LayoutWriter;
using testing::TempDir;

class LayoutWatchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto engine = open_dir(writer_.path());
    ASSERT_TRUE(engine) << engine.error().message();
    engine_ = std::move(*engine);
    watch_ = engine_->watch();
    ASSERT_NE(watch_, nullptr);
  }
  // The event exists when the call that caused it has returned, so no waiting is necessary.
  bool is_readable() const {
    pollfd waited{watch_->fd(), POLLIN, 0};
    return ::poll(&waited, 1, 0) == 1;
  }
  std::string path(const std::string& name) const { return writer_.path() + "/" + name; }
  void write(const std::string& name) const { std::ofstream(path(name)) << "{}"; }

  TempDir temp_;
  LayoutWriter writer_{temp_ / "layout"};
  std::shared_ptr<Engine> engine_;
  std::unique_ptr<Watch> watch_;
};

TEST_F(LayoutWatchTest, ReadingIsNoChange) {
  writer_.blob("content", kTarType);
  EXPECT_TRUE(watch_->has_changed());
  EXPECT_TRUE(engine_->references());
  EXPECT_EQ(engine_->list_all_blobs()->size(), 1u);
  EXPECT_FALSE(is_readable());
  EXPECT_FALSE(watch_->has_changed());
}

TEST_F(LayoutWatchTest, TellsOfChangesBehindSymlinks) {
  writer_.blob("content", kTarType);
  fs::create_directory(path("store"));
  for (const std::string name : {"blobs", "index.json"}) {
    fs::rename(path(name), path("store/" + name));
    fs::create_symlink("store/" + name, path(name));
  }
  fs::rename(path("blobs/sha256"), path("store/sha256"));
  fs::create_directory_symlink("../sha256", path("store/blobs/sha256"));
  EXPECT_TRUE(watch_->has_changed());
  const std::vector<std::pair<std::string, std::function<void()>>> changes{
      {"index.json written where it stands", [&] { write("store/index.json"); }},
      {"index.json replaced",
       [&] {
         write("store/new");
         fs::rename(path("store/new"), path("store/index.json"));
       }},
      {"index.json replaced again",
       [&] {
         write("store/new");
         fs::rename(path("store/new"), path("store/index.json"));
       }},
      {"a new blob", [&] { write("store/sha256/x"); }},
      {"a new algorithm", [&] { fs::create_directory(path("store/blobs/sha512")); }},
      {"a blob of it", [&] { write("blobs/sha512/x"); }},
      {"a new link", [&] {
         fs::remove(path("blobs"));
         fs::create_symlink("./store/blobs", path("blobs"));
       }}};
  for (const auto& [what, change] : changes) {
    EXPECT_FALSE(watch_->has_changed()) << what;
    change();
    EXPECT_TRUE(watch_->has_changed()) << what;
    EXPECT_FALSE(is_readable()) << what;
  }
}

TEST_F(LayoutWatchTest, TellsOfEveryKindOfChange) {
  const auto blob = writer_.blob("content", kTarType);
  watch_->has_changed();
  const std::vector<std::pair<std::string, std::function<void()>>> changes{
      {"index.json written where it stands", [&] { write("index.json"); }},
      {"index.json replaced",
       [&] {
         write("next");
         fs::rename(path("next"), path("index.json"));
       }},
      {"index.json removed", [&] { fs::remove(path("index.json")); }},
      {"index.json made", [&] { write("index.json"); }},
      {"a blob put", [&] { writer_.blob("more", kTarType); }},
      {"a blob removed", [&] { fs::remove(path(blob.digest.blob_path())); }},
      {"another algorithm", [&] { fs::create_directory(path("blobs/sha512")); }},
      {"a blob of the other algorithm", [&] { write("blobs/sha512/abc"); }},
      {"all blobs moved away", [&] { fs::rename(path("blobs"), path("away")); }},
      {"other blobs in their place", [&] { fs::create_directories(path("blobs/sha256")); }},
      {"a blob in that place", [&] { write("blobs/sha256/abc"); }},
      {"references as files", [&] { fs::create_directory(path("refs")); }},
      {"one of them", [&] { write("refs/app"); }},
  };
  for (const auto& [name, change] : changes) {
    change();
    EXPECT_TRUE(is_readable()) << name;
    EXPECT_TRUE(watch_->has_changed()) << name;
    EXPECT_FALSE(is_readable()) << name;
    EXPECT_FALSE(watch_->has_changed()) << name;
  }
}

TEST_F(LayoutWatchTest, WhatIsNoPartOfALayoutIsNoChange) {
  write("README");
  fs::create_directory(path(".workspace"));
  write(".workspace/file");
  EXPECT_TRUE(is_readable());
  EXPECT_FALSE(watch_->has_changed());
}

TEST_F(LayoutWatchTest, MoreThanTheSystemKeepsIsAChange) {
  std::size_t kept = 0;
  std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> kept;
  if (kept == 0 || kept > 100'000) GTEST_SKIP() << "the system keeps " << kept << " events";
  // Alternates two names, because the kernel merges equal consecutive events.
  for (std::size_t i = 0; i <= kept; ++i) write(i % 2 == 0 ? "one" : "other");
  EXPECT_TRUE(watch_->has_changed());
  EXPECT_FALSE(watch_->has_changed());
}

TEST(LayoutWatch, ThereIsNoneForAnArchive) {
  const TempDir temp;
  const LayoutWriter writer(temp / "layout");
  const std::string archive = temp / "archive.tar";
  ASSERT_EQ(std::system(("tar -C '" + writer.path() + "' -cf '" + archive + "' .").c_str()), 0);
  const auto engine = open_archive(archive);
  ASSERT_TRUE(engine) << engine.error().message();
  EXPECT_EQ((*engine)->watch(), nullptr);
}

}  // namespace
}  // namespace layoutfs
