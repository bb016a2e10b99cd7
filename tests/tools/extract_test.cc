// Files of an image, written into a directory: the order of the work, and the remaining files after a
// failure.
#include "tools/extract/extract.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <stop_token>

#include "core/image/image_library.h"
#include "layoutfs/open.h"
#include "tests/support/layout_writer.h"
#include "tests/support/store.h"
#include "tests/support/tar_writer.h"
#include "tests/support/temp_dir.h"
#include "tools/extract/extract_plan.h"

namespace layoutfs::tools {
namespace {

namespace fs = std::filesystem;
using layoutfs::testing::TarWriter;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Extract : public ::testing::Test {
 protected:
  ImagePtr image_of(const std::vector<TarWriter>& tars) {
    std::vector<Descriptor> layers;
    std::vector<Digest> diff_ids;
    for (const TarWriter& tar : tars) {
      layers.push_back(layout_.blob(tar.bytes(), layoutfs::testing::kTarType));
      diff_ids.push_back(layers.back().digest);
    }
    library_ =
        std::make_unique<ImageLibrary>(std::shared_ptr<const LayoutReader>(open_dir(layout_.path()).value()),
                                       IndexCache(), LibraryOptions{});
    return library_->image(layout_.manifest(layout_.config(diff_ids), layers)).value();
  }
  std::string content(const std::string& path) const { return layoutfs::testing::file_text(dir_ / path); }
  // The names in a directory, sorted.
  std::vector<std::string> names(const std::string& path) const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(dir_ / path)) found.push_back(entry.path().filename());
    std::ranges::sort(found);
    return found;
  }

  layoutfs::testing::TempDir dir_;
  layoutfs::testing::LayoutWriter layout_{dir_ / "layout"};
  std::unique_ptr<ImageLibrary> library_;
};

TEST_F(Extract, ThePlanFollowsTheDataThroughTheLayers) {
  const auto image = image_of({TarWriter().file("z", "1").file("a", "2"), TarWriter().file("m", "3")});
  const auto plan = plan_extraction(*image, {});
  ASSERT_TRUE(plan) << plan.error().message();
  std::vector<std::string_view> order;
  for (const PlannedFile& file : plan->files) order.push_back(file.name);
  EXPECT_THAT(order, ElementsAre("z", "a", "m"));
  EXPECT_EQ(plan->bytes, 3u);
  EXPECT_THAT(plan->group_ends, ElementsAre(3u));
}

TEST_F(Extract, WritesEachPathUnderItsLastComponent) {
  const auto image = image_of({TarWriter().file("a/b/c", "deep").file("a/d", "flat")});
  const auto done = extract(*image, {"a/b", "/a/d"}, dir_ / "out", {});
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(done->files, 2u);
  EXPECT_THAT(names("out"), ElementsAre("b", "d"));
  EXPECT_EQ(content("out/b/c") + content("out/d"), "deepflat");
}

TEST_F(Extract, RefusesPathsThatCannotBeToldApart) {
  const auto image = image_of({TarWriter().file("a/x", "1").file("b/x", "2")});
  for (const std::vector<std::string>& paths :
       {std::vector<std::string>{"a/x", "b/x"}, {"a", "/"}, {"a/."}}) {
    const auto done = extract(*image, paths, dir_ / "out", {});
    ASSERT_FALSE(done) << paths.front();
    EXPECT_EQ(done.error().code(), Errc::invalid_argument) << done.error().message();
  }
  EXPECT_EQ(extract(*image, {"none"}, dir_ / "out", {}).error().code(), Errc::not_found);
  EXPECT_FALSE(fs::exists(dir_ / "out"));
}

TEST_F(Extract, AnExistingFileIsAnErrorBeforeAnythingIsWritten) {
  const auto image = image_of({TarWriter().file("a", "new").file("d/b", "new")});
  fs::create_directories(dir_ / "out/d");
  std::ofstream(dir_ / "out/d/b") << "old";
  const auto done = extract(*image, {}, dir_ / "out", {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::already_exists);
  EXPECT_THAT(done.error().message(), HasSubstr("d/b"));
  EXPECT_THAT(names("out"), ElementsAre("d"));
  EXPECT_EQ(content("out/d/b"), "old");
  ASSERT_TRUE(extract(*image, {}, dir_ / "out", {.force = true}));
  EXPECT_EQ(content("out/d/b") + content("out/a"), "newnew");
}

TEST_F(Extract, NeverFollowsASymlink) {
  const auto image = image_of({TarWriter().file("d/f", "new").file("g", "new")});
  fs::create_directories(dir_ / "outside");
  fs::create_directories(dir_ / "out");
  fs::create_directory_symlink(dir_ / "outside", dir_ / "out/d");
  fs::create_symlink(dir_ / "outside/g", dir_ / "out/g");
  EXPECT_EQ(extract(*image, {}, dir_ / "out", {}).error().code(), Errc::already_exists);
  ASSERT_TRUE(extract(*image, {}, dir_ / "out", {.force = true}));
  EXPECT_THAT(names("outside"), IsEmpty());
  EXPECT_TRUE(fs::is_directory(fs::symlink_status(dir_ / "out/d")));
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(dir_ / "out/g")));
}

TEST_F(Extract, LeavesNothingIfItIsStopped) {
  const auto image = image_of({TarWriter().file("a", "1").file("d/b", "2")});
  std::stop_source stopped;
  stopped.request_stop();
  const auto done = extract(*image, {}, dir_ / "out", {.context = {stopped.get_token(), {}}});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::cancelled);
  EXPECT_FALSE(fs::exists(dir_ / "out"));
}

TEST_F(Extract, TellsItsProgressUpToTheEnd) {
  const auto image = image_of({TarWriter().file("a", std::string(3'000'000, 'x'))});
  std::uint64_t last = 0, whole = 0;
  const auto done =
      extract(*image, {}, dir_ / "out", {.progress = [&](std::uint64_t so_far, std::uint64_t total) {
        EXPECT_GT(so_far, last);
        last = so_far;
        whole = total;
      }});
  ASSERT_TRUE(done);
  EXPECT_EQ(last, 3'000'000u);
  EXPECT_EQ(whole, 3'000'000u);
}

}  // namespace
}  // namespace layoutfs::tools
