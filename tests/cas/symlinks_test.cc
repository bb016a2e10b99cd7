// Layouts with symlinks for files and folders.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include "core/cas/dir_engine.h"
#include "tests/support/layout_writer.h"
#include "tests/support/store.h"

namespace layoutfs {
namespace {

namespace stdfs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::LayoutWriter;
using testing::put_text;
using testing::read_text;
using testing::TempDir;
using testing::write_file;

const std::string kAllows =
    "leaves the layout; use -o follow_links (--follow-links) to allow it, or cp -rL to copy it without links";

class Symlinks : public ::testing::Test {
 protected:
  std::unique_ptr<Engine> open(bool follow_links = false) const {
    return open_dir(path, {.follow_links = follow_links}).value();
  }
  // Moves `name` in the layout to `to`, and leaves a link with the target `target`.
  void move_behind_link(const std::string& name, const std::string& to, const std::string& target) {
    stdfs::create_directories(stdfs::path(to).parent_path());
    stdfs::rename(path + "/" + name, to);
    stdfs::create_symlink(target, path + "/" + name);
  }
  void expect_readable(const LayoutReader& engine) const {
    EXPECT_EQ(read_text(*engine.get_blob(digest).value()), "content");
    EXPECT_EQ(engine.blob_size(digest).value(), 7u);
    EXPECT_EQ(engine.list_blobs(Algorithm::sha256).value(), std::vector{digest});
    EXPECT_EQ(engine.blob_path(digest).value(), path + "/" + blob);
  }

  TempDir directory;
  std::string path = directory / "layout";
  LayoutWriter layout{path};
  Digest digest = layout.blob("content", "").digest;
  std::string blob = digest.blob_path();
};

TEST_F(Symlinks, ThatStayInTheLayoutAreFollowed) {
  move_behind_link(blob, path + "/store/file", "../../store/file");
  expect_readable(*open());
  move_behind_link("store/file", path + "/store/other", path + "/store/other");
  expect_readable(*open());
  move_behind_link("blobs/sha256", path + "/store/blobs", "../store/blobs");
  stdfs::remove(path + "/store/blobs/" + digest.hex());
  stdfs::create_symlink("../other", path + "/store/blobs/" + digest.hex());
  expect_readable(*open());
  move_behind_link("blobs", path + "/all", "all");
  expect_readable(*open());
  move_behind_link("index.json", path + "/store/index", "store/index");
  move_behind_link("oci-layout", path + "/store/marker", "./store/../store/marker");
  EXPECT_TRUE(is_layout_dir(path));
  expect_readable(*open());
}

TEST_F(Symlinks, ThatLeaveTheLayoutAreRefusedByName) {
  const std::string target = "../../../elsewhere/" + digest.hex();
  move_behind_link(blob, directory / ("elsewhere/" + digest.hex()), target);
  const auto engine = open();
  const std::string message =
      digest.str() + ": " + blob + " is a symlink to " + target + ", which " + kAllows;
  EXPECT_EQ(engine->get_blob(digest).error().message(), message);
  EXPECT_EQ(engine->get_blob(digest).error().code(), Errc::invalid_image);
  EXPECT_EQ(engine->blob_size(digest).error().message(), message);
  EXPECT_EQ(engine->exists(digest).error().message(), message);
  EXPECT_EQ(engine->blob_path(digest).error().message(), message);
  EXPECT_EQ(engine->list_blobs(Algorithm::sha256).value(), std::vector{digest});
  expect_readable(*open(true));
}

TEST_F(Symlinks, OfEveryPartOfALayoutAreRefusedByName) {
  for (const std::string& name :
       {std::string("blobs"), std::string("index.json"), std::string("oci-layout")}) {
    move_behind_link(name, directory / name, directory / name);
    const auto engine = open_dir(path);
    ASSERT_FALSE(engine) << name;
    EXPECT_EQ(engine.error().message(),
              path + ": " + name + " is a symlink to " + directory / name + ", which " + kAllows);
    EXPECT_EQ(engine.error().code(), Errc::invalid_image);
    expect_readable(*open(true));
    stdfs::remove(path + "/" + name);
    stdfs::rename(directory / name, path + "/" + name);
  }
  move_behind_link("blobs/sha256", directory / "shared", "../../shared");
  EXPECT_THAT(open()->list_blobs(Algorithm::sha256).error().message(),
              HasSubstr("blobs/sha256 is a symlink to ../../shared, which " + kAllows));
  expect_readable(*open(true));
}

TEST_F(Symlinks, ThatLeadNowhereAreTold) {
  stdfs::remove(path + "/" + blob);
  stdfs::create_symlink("none", path + "/" + blob);
  for (const bool follow_links : {false, true}) {
    const auto engine = open(follow_links);
    EXPECT_EQ(engine->get_blob(digest).error().code(), Errc::not_found);
    EXPECT_EQ(engine->get_blob(digest).error().message(),
              digest.str() + ": " + blob + " is a symlink to none, which does not exist");
    EXPECT_EQ(engine->exists(digest).value(), false);
    EXPECT_TRUE(engine->blob_status(digest).value()->is_dead_link);
  }
  stdfs::remove(path + "/" + blob);
  stdfs::create_symlink(digest.hex(), path + "/" + blob);
  for (const bool follow_links : {false, true}) {
    const auto engine = open(follow_links);
    EXPECT_EQ(engine->get_blob(digest).error().code(), Errc::invalid_image);
    EXPECT_THAT(engine->get_blob(digest).error().message(), HasSubstr("a symlink loop"));
  }
  stdfs::remove_all(path + "/blobs");
  stdfs::create_symlink("none", path + "/blobs");
  EXPECT_EQ(open_dir(path).error().message(), path + ": blobs is a symlink to none, which does not exist");
}

TEST_F(Symlinks, LeadToRegularFilesOnly) {
  ASSERT_EQ(::mkfifo((path + "/pipe").c_str(), 0600), 0);
  for (const std::string& target : {std::string("../../pipe"), std::string(".."), std::string("/dev/null")}) {
    stdfs::remove(path + "/" + blob);
    stdfs::create_symlink(target, path + "/" + blob);
    for (const bool follow_links : {false, true}) {
      const auto engine = open(follow_links);
      EXPECT_EQ(engine->get_blob(digest).error().code(), Errc::invalid_image) << target;
      EXPECT_TRUE(engine->blob_status(digest).value()->is_dead_link) << target;
    }
  }
}

TEST_F(Symlinks, MayLeadFromSeveralBlobsToOneFile) {
  const Digest other = Digest::of(as_bytes("content"), Algorithm::sha512);
  move_behind_link(blob, path + "/store/file", "../../store/file");
  stdfs::create_directory(path + "/blobs/sha512");
  stdfs::create_symlink("../../store/file", path + "/" + other.blob_path());
  const auto engine = open();
  EXPECT_EQ(read_text(*engine->get_blob(other).value()), "content");
  ASSERT_TRUE(engine->delete_blob(other).value());
  expect_readable(*engine);
}

TEST_F(Symlinks, AreRemovedWithoutTheirTargets) {
  const auto expect_kept = [&](const std::string& target) {
    stdfs::remove(path + "/" + blob);
    stdfs::create_symlink(target, path + "/" + blob);
    EXPECT_TRUE(open()->delete_blob(digest).value()) << target;
    EXPECT_FALSE(stdfs::is_symlink(path + "/" + blob)) << target;
  };
  write_file(directory / "elsewhere", "content");
  write_file(path + "/store/file", "content");
  for (const std::string& target :
       {directory / "elsewhere", std::string("../../store/file"), std::string("none"), digest.hex()})
    expect_kept(target);
  EXPECT_EQ(testing::file_text(directory / "elsewhere"), "content");
  EXPECT_EQ(testing::file_text(path + "/store/file"), "content");
}

TEST_F(Symlinks, OfFoldersThatLeaveAreNotRemovedThrough) {
  move_behind_link("blobs/sha256", directory / "shared", directory / "shared");
  for (const bool follow_links : {false, true}) {
    const auto engine = open(follow_links);
    const auto removed = engine->delete_blob(digest);
    ASSERT_FALSE(removed);
    EXPECT_THAT(removed.error().message(),
                AllOf(HasSubstr("blobs/sha256 is a symlink to "),
                      EndsWith("leaves the layout; files outside of the layout are never removed")));
    EXPECT_TRUE(stdfs::exists(directory / "shared/" + digest.hex()));
  }
  // Those that stay are as good as folders.
  stdfs::remove(path + "/blobs/sha256");
  stdfs::rename(directory / "shared", path + "/store");
  stdfs::create_directory_symlink("../store", path + "/blobs/sha256");
  EXPECT_TRUE(open()->delete_blob(digest).value());
  EXPECT_FALSE(stdfs::exists(path + "/store/" + digest.hex()));
}

TEST_F(Symlinks, ThatAreGarbageAreSwept) {
  const auto engine = open();
  const auto sweep = [&](std::int64_t limit_ns) {
    return engine->sweep_blob(digest, **engine->references(), limit_ns).value();
  };
  for (const std::string& target : {directory / "elsewhere", std::string("none"), std::string("..")}) {
    write_file(directory / "elsewhere", "content");
    stdfs::last_write_time(directory / "elsewhere", stdfs::file_time_type{});
    stdfs::remove(path + "/" + blob);
    stdfs::create_symlink(target, path + "/" + blob);
    // The link is young, independent of its target.
    const std::int64_t put_ns = engine->blob_status(digest).value()->put_ns;
    EXPECT_EQ(sweep(put_ns), SweepResult::young);
    EXPECT_EQ(sweep(put_ns + 1), SweepResult::removed) << target;
    EXPECT_EQ(testing::file_text(directory / "elsewhere"), "content");
  }
}

TEST_F(Symlinks, KeepABlobThatTheyLeadTo) {
  const Digest linking = Digest::of(as_bytes("content"), Algorithm::sha512);
  stdfs::create_directory(path + "/blobs/sha512");
  stdfs::create_symlink("../sha256/" + digest.hex(), path + "/" + linking.blob_path());
  const auto engine = open();
  ASSERT_EQ(engine->list_all_blobs()->size(), 2u);
  const auto sweep = [&](const Digest& which) {
    return engine->sweep_blob(which, **engine->references(), INT64_MAX).value();
  };
  EXPECT_EQ(sweep(digest), SweepResult::young);
  EXPECT_EQ(sweep(linking), SweepResult::removed);
  EXPECT_EQ(engine->list_all_blobs().value(), std::vector{digest});
  EXPECT_EQ(sweep(digest), SweepResult::removed);
}

TEST_F(Symlinks, ToTheContentAreKeptByPut) {
  move_behind_link(blob, path + "/store/file", "../../store/file");
  const auto engine = open();
  const std::int64_t before = engine->blob_status(digest).value()->put_ns;
  EXPECT_EQ(put_text(*engine, "content")->digest, digest);
  EXPECT_TRUE(stdfs::is_symlink(path + "/" + blob));
  EXPECT_GT(engine->blob_status(digest).value()->put_ns, before);
}

TEST_F(Symlinks, ToAnythingElseAreReplacedByPut) {
  const auto expect_replaced = [&](const std::string& target, bool follow_links) {
    stdfs::remove(path + "/" + blob);
    stdfs::create_symlink(target, path + "/" + blob);
    const auto engine = open(follow_links);
    EXPECT_EQ(put_text(*engine, "content")->digest, digest) << target;
    EXPECT_TRUE(stdfs::is_regular_file(stdfs::symlink_status(path + "/" + blob))) << target;
    expect_readable(*engine);
  };
  write_file(directory / "damaged", "CONTENT");
  write_file(directory / "other", "longer than it should be");
  write_file(path + "/damaged", "CONTENT");
  for (const bool follow_links : {false, true}) {
    expect_replaced("../../damaged", follow_links);
    for (const std::string& target : {directory / "damaged", directory / "other", directory / "none",
                                      std::string("none"), digest.hex(), std::string("..")})
      expect_replaced(target, follow_links);
  }
  EXPECT_EQ(testing::file_text(directory / "damaged"), "CONTENT");
  EXPECT_EQ(testing::file_text(directory / "other"), "longer than it should be");
  EXPECT_EQ(testing::file_text(path + "/damaged"), "CONTENT");
  EXPECT_FALSE(stdfs::exists(directory / "none"));
}

TEST_F(Symlinks, OfTheIndexAreReplacedByPutReference) {
  move_behind_link("index.json", path + "/store/index", "store/index");
  stdfs::permissions(path + "/store/index", stdfs::perms(0640));
  const std::string before = testing::file_text(path + "/store/index");
  const auto engine = open();
  ASSERT_TRUE(engine->put_reference("new", testing::descriptor_of("content", "m")));
  EXPECT_EQ(testing::file_text(path + "/store/index"), before);
  EXPECT_TRUE(stdfs::is_regular_file(stdfs::symlink_status(path + "/index.json")));
  EXPECT_EQ(stdfs::status(path + "/index.json").permissions(), stdfs::perms(0640));
  EXPECT_THAT(engine->list_references().value(), ElementsAre("new"));
}

TEST_F(Symlinks, OfTheIndexShowWhatItSaysNow) {
  move_behind_link("index.json", path + "/store/index", "store/index");
  const auto engine = open();
  const auto before = engine->references().value();
  EXPECT_THAT(before->entries, IsEmpty());
  write_file(path + "/store/new",
             R"({"manifests":[{"mediaType":"m","size":7,"digest":")" + digest.str() + R"("}]})");
  stdfs::rename(path + "/store/new", path + "/store/index");
  EXPECT_EQ(engine->references().value()->entries.size(), 1u);
}

class RefsSymlinks : public ::testing::Test {
 protected:
  RefsSymlinks() {
    EXPECT_TRUE(create_dir(path, {.created_with = ReferenceFormat::refs_dir}));
    auto engine = open();
    EXPECT_TRUE(engine->put_reference("one", testing::descriptor_of("1", "m")));
  }
  std::unique_ptr<Engine> open(bool follow_links = false) const {
    return open_dir(path, {.follow_links = follow_links}).value();
  }

  TempDir directory;
  std::string path = directory / "layout", refs = path + "/refs";
};

TEST_F(RefsSymlinks, InTheLayoutAreFollowed) {
  stdfs::create_symlink("one", refs + "/two");
  const auto engine = open();
  EXPECT_THAT(engine->list_references().value(), ElementsAre("one", "two"));
  EXPECT_EQ(engine->get_reference("two")->digest, Digest::of(as_bytes("1")));
  EXPECT_EQ(engine->references().value()->entries.size(), 2u);
  // Changing the target of a link does not change the folder.
  ASSERT_TRUE(engine->put_reference("two", testing::descriptor_of("2", "m"), PutMode::replace));
  EXPECT_EQ(engine->get_reference("one")->digest, Digest::of(as_bytes("1")));
  EXPECT_EQ(engine->get_reference("two")->digest, Digest::of(as_bytes("2")));
  stdfs::create_directory(path + "/store");
  stdfs::rename(refs, path + "/store/refs");
  stdfs::create_directory_symlink("store/refs", refs);
  EXPECT_THAT(open()->list_references().value(), ElementsAre("one", "two"));
  EXPECT_TRUE(open()->delete_reference("two").value());
  EXPECT_THAT(open()->list_references().value(), ElementsAre("one"));
}

TEST_F(RefsSymlinks, AreReadAgainEachTime) {
  write_file(path + "/store/two", testing::file_text(refs + "/one"));
  stdfs::create_symlink("../store/two", refs + "/two");
  stdfs::last_write_time(refs, stdfs::file_time_type{});
  const auto engine = open();
  EXPECT_EQ(engine->references().value()->entries.size(), 2u);
  write_file(path + "/store/two", "{");
  EXPECT_EQ(engine->references().value()->problems.size(), 1u);
}

TEST_F(RefsSymlinks, OutOfTheLayoutAreProblems) {
  write_file(directory / "two", testing::file_text(refs + "/one"));
  stdfs::create_symlink("../../two", refs + "/two");
  stdfs::create_symlink("none", refs + "/three");
  const auto engine = open();
  EXPECT_THAT(engine->references().value()->problems,
              ElementsAre("refs/three is a symlink to none, which does not exist",
                          "refs/two is a symlink to ../../two, which " + kAllows));
  EXPECT_THAT(engine->get_reference("three").error().message(), HasSubstr("which does not exist"));
  EXPECT_EQ(engine->put_reference("three", testing::descriptor_of("3", "m")).error().code(), Errc::clobber);
  EXPECT_EQ(open(true)->get_reference("two")->digest, Digest::of(as_bytes("1")));
  EXPECT_TRUE(engine->delete_reference("two").value());
  EXPECT_TRUE(stdfs::exists(directory / "two"));
  stdfs::rename(refs, directory / "refs");
  stdfs::create_directory_symlink("../refs", refs);
  EXPECT_EQ(open_dir(path).error().message(), path + ": refs is a symlink to ../refs, which " + kAllows);
  EXPECT_THAT(open(true)->list_references().value(), ElementsAre("one", "three"));
  EXPECT_FALSE(open(true)->delete_reference("one"));
}

}  // namespace
}  // namespace layoutfs
