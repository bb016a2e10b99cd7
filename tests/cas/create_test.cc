// Creating layouts, and opening created ones.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>

#include "core/base/file.h"
#include "core/cas/dir_engine.h"
#include "core/cas/marker.h"
#include "tests/support/layout_writer.h"
#include "tests/support/store.h"

namespace layoutfs {
namespace {

namespace stdfs = std::filesystem;
using ::testing::ElementsAre;
using testing::file_text;
using ::testing::IsEmpty;
using testing::names_in;
using testing::state_of_tree;
using testing::TempDir;
using testing::write_file;

class Creating : public ::testing::Test {
 protected:
  Errc code_of_open(bool create = true) {
    const auto engine = open_dir(path, {.create_if_missing = create});
    return engine ? Errc::io : engine.error().code();
  }
  TempDir directory;
  std::string path = directory / "a/b/layout";
};

TEST_F(Creating, MakesAnEmptyLayoutOfEachFormat) {
  ASSERT_TRUE(create_dir(path));
  EXPECT_THAT(names_in(path), ElementsAre("blobs", "index.json", "oci-layout"));
  EXPECT_EQ(file_text(path + "/oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}\n");
  EXPECT_EQ(file_text(path + "/index.json"),
            "{\n  \"schemaVersion\": 2,\n  \"mediaType\": \"application/vnd.oci.image.index.v1+json\",\n"
            "  \"manifests\": []\n}\n");
  EXPECT_THAT(names_in(path + "/blobs"), ElementsAre("sha256"));
  const auto engine = open_dir(path).value();
  EXPECT_THAT(engine->list_blobs(Algorithm::sha256).value(), IsEmpty());
  EXPECT_THAT(engine->list_references().value(), IsEmpty());

  const std::string old = directory / "old";
  ASSERT_TRUE(create_dir(old, {.created_with = ReferenceFormat::refs_dir}));
  EXPECT_THAT(names_in(old), ElementsAre("blobs", "oci-layout", "refs"));
  EXPECT_THAT(open_dir(old).value()->list_references().value(), IsEmpty());
  EXPECT_THAT(names_in(directory.path()), ElementsAre("a", "old"));
}

TEST_F(Creating, TakesNothingThatIsThere) {
  ASSERT_TRUE(create_dir(path));
  EXPECT_EQ(create_dir(path).error().code(), Errc::already_exists);
  EXPECT_EQ(create_dir(path + "/").error().code(), Errc::already_exists);
  const std::string empty = directory / "empty";
  stdfs::create_directory(empty);
  EXPECT_EQ(create_dir(empty).error().code(), Errc::already_exists);
  EXPECT_EQ(create_dir("/").error().code(), Errc::already_exists);
  EXPECT_EQ(create_dir(".").error().code(), Errc::already_exists);
  write_file(directory / "file", "x");
  EXPECT_EQ(create_dir(directory / "file").error().code(), Errc::already_exists);
  EXPECT_EQ(create_dir(directory / "file/below").error().code(), Errc::io);
  EXPECT_THAT(names_in(directory.path()), ElementsAre("a", "empty", "file"));
}

TEST_F(Creating, OpensWhatIsMissingOnlyWhenAskedTo) {
  EXPECT_EQ(code_of_open(false), Errc::not_found);
  EXPECT_FALSE(stdfs::exists(directory / "a"));
  ASSERT_TRUE(open_dir(path, {.create_if_missing = true}));
  ASSERT_TRUE(open_dir(path, {.create_if_missing = true}));
  EXPECT_TRUE(is_layout_dir(path));
}

TEST_F(Creating, CompletesAnEmptyDirectoryAndWhatACrashLeft) {
  stdfs::create_directories(path);
  ASSERT_TRUE(open_dir(path, {.create_if_missing = true}));
  for (const char* lost : {"oci-layout", "index.json"}) {
    stdfs::remove(path + "/oci-layout");
    stdfs::remove(path + "/" + lost);
    EXPECT_EQ(code_of_open(false), Errc::invalid_image);
    EXPECT_TRUE(open_dir(path, {.create_if_missing = true}));
  }
  stdfs::remove(path + "/oci-layout");
  stdfs::remove_all(path + "/blobs");
  EXPECT_TRUE(open_dir(path, {.create_if_missing = true}));
  EXPECT_THAT(names_in(path), ElementsAre("blobs", "index.json", "oci-layout"));
}

TEST_F(Creating, LeavesADirectoryAloneThatIsSomethingElse) {
  write_file(path + "/README", "mine");
  auto before = state_of_tree(path);
  EXPECT_EQ(code_of_open(), Errc::invalid_image);
  EXPECT_EQ(state_of_tree(path), before);

  stdfs::remove(path + "/README");
  testing::LayoutWriter layout(path);
  layout.write_index({testing::named(testing::descriptor_of("x", "y"), "precious")});
  stdfs::remove(path + "/oci-layout");
  before = state_of_tree(path);
  EXPECT_EQ(code_of_open(), Errc::invalid_image);
  EXPECT_EQ(state_of_tree(path), before);
}

TEST_F(Creating, HidesNoReferencesBehindANewIndex) {
  for (const auto format : {ReferenceFormat::index_json, ReferenceFormat::refs_dir}) {
    stdfs::remove_all(path);
    ASSERT_TRUE(create_dir(path, {.created_with = ReferenceFormat::refs_dir}));
    write_file(path + "/refs/precious", "{}");
    stdfs::remove(path + "/oci-layout");
    const auto before = state_of_tree(path);
    const auto engine = open_dir(path, {.create_if_missing = true, .created_with = format});
    ASSERT_FALSE(engine);
    EXPECT_EQ(engine.error().code(), Errc::invalid_image);
    EXPECT_EQ(state_of_tree(path), before);
    stdfs::remove(path + "/refs/precious");
    EXPECT_TRUE(open_dir(path, {.create_if_missing = true, .created_with = format}));
  }
}

TEST_F(Creating, ReplacesNoIndexThatItDoesNotUnderstand) {
  for (const std::string text :
       {R"({"manifests":[{"digest":"bad"}]})", R"({"manifests":{}})", R"({"manifests":[)", "", "[]"}) {
    stdfs::remove_all(path);
    ASSERT_TRUE(create_dir(path));
    write_file(path + "/index.json", text);
    stdfs::remove(path + "/oci-layout");
    const auto before = state_of_tree(path);
    EXPECT_EQ(code_of_open(), Errc::invalid_image) << text;
    EXPECT_EQ(state_of_tree(path), before) << text;
  }
}

TEST_F(Creating, KeepsAnIndexWithoutEntriesAsItIs) {
  ASSERT_TRUE(create_dir(path));
  const std::string text = R"({"schemaVersion":2,"manifests":[],"annotations":{"of":"somebody"}})";
  write_file(path + "/index.json", text);
  stdfs::remove(path + "/oci-layout");
  EXPECT_TRUE(open_dir(path, {.create_if_missing = true}));
  EXPECT_EQ(file_text(path + "/index.json"), text);
}

TEST_F(Creating, CompletesNothingBesideAFileCalledRefs) {
  ASSERT_TRUE(create_dir(path));
  stdfs::remove(path + "/oci-layout");
  write_file(path + "/refs", "mine");
  const auto before = state_of_tree(path);
  EXPECT_EQ(code_of_open(), Errc::invalid_image);
  EXPECT_EQ(state_of_tree(path), before);
}

class Opening : public ::testing::TestWithParam<ReferenceFormat> {
 protected:
  TempDir directory;
  std::string path = directory / "layout";
};
INSTANTIATE_TEST_SUITE_P(BothFormats, Opening,
                         ::testing::Values(ReferenceFormat::index_json, ReferenceFormat::refs_dir));

TEST_P(Opening, NeedsEveryPiece) {
  const std::string refs = GetParam() == ReferenceFormat::index_json ? "/index.json" : "/refs";
  const std::vector<std::function<void()>> damages{
      [&] { stdfs::remove(path + "/oci-layout"); },
      [&] { write_file(path + "/oci-layout", "no JSON"); },
      [&] { write_file(path + "/oci-layout", "{}"); },
      [&] { write_file(path + "/oci-layout", R"({"imageLayoutVersion":"2.0.0"})"); },
      [&] { stdfs::remove_all(path + "/blobs"); },
      [&] {
        stdfs::remove_all(path + "/blobs");
        write_file(path + "/blobs", "");
      },
      [&] { stdfs::remove_all(path + refs); },
      [&] {
        stdfs::remove_all(path + refs);
        if (GetParam() == ReferenceFormat::index_json)
          stdfs::create_directory(path + refs);
        else
          write_file(path + refs, "");
      },
      [&] {
        stdfs::remove_all(path);
        stdfs::create_directory(path);
      },
  };
  for (std::size_t i = 0; i < damages.size(); ++i) {
    stdfs::remove_all(path);
    ASSERT_TRUE(create_dir(path, {.created_with = GetParam()}));
    ASSERT_TRUE(open_dir(path));
    damages[i]();
    const auto engine = open_dir(path);
    ASSERT_FALSE(engine) << i;
    EXPECT_EQ(engine.error().code(), Errc::invalid_image) << i << ": " << engine.error().message();
  }
}

TEST_P(Opening, WritesNothing) {
  ASSERT_TRUE(create_dir(path, {.created_with = GetParam()}));
  const auto before = state_of_tree(path);
  const auto engine = open_dir(path, {.create_if_missing = true}).value();
  EXPECT_TRUE(engine->references());
  EXPECT_TRUE(engine->list_blobs(Algorithm::sha256));
  EXPECT_EQ(engine->delete_reference("none"), false);
  EXPECT_EQ(engine->delete_blob(Digest::of({})), false);
  EXPECT_TRUE(engine->clean());
  EXPECT_EQ(state_of_tree(path), before);
}

TEST_P(Opening, PrefersTheIndexWhereBothAreThere) {
  ASSERT_TRUE(create_dir(path, {.created_with = GetParam()}));
  stdfs::create_directory(path + "/refs");
  write_file(path + "/index.json", R"({"manifests":[]})");
  const auto engine = open_dir(path).value();
  ASSERT_TRUE(engine->put_reference("name", testing::descriptor_of("x", "y")));
  EXPECT_THAT(names_in(path + "/refs"), IsEmpty());
}

TEST(Cleaning, RemovesDeadWorkspacesAndOldTemporaryIndexesOnly) {
  TempDir directory;
  const std::string path = directory / "layout";
  const auto working = open_dir(path, {.create_if_missing = true}).value();
  ASSERT_TRUE(testing::put_text(*working, "content"));
  write_file(path + "/.oci-00000000deadbeef/b-0", "half a blob");
  write_file(path + "/.oci-00000000deadbeef/b-18446744073709551615", "half a blob");
  write_file(path + "/other-/b-0", "not ours");
  write_file(path + "/.oci-file", "no folder");
  write_file(path + "/index.json.tmp-new", "");
  write_file(path + "/index.json.tmp-old", "");
  write_file(path + "/index.json.tmp-locked", "");
  for (const char* old : {"old", "locked"}) {
    const timespec times[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (path + "/index.json.tmp-" + old).c_str(), times, 0), 0);
  }
  const UniqueFd locked(::open((path + "/index.json.tmp-locked").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::flock(locked.get(), LOCK_EX), 0);

  std::vector<std::string> live;
  for (const auto& name : names_in(path))
    if (name.starts_with(".oci-") && name != ".oci-00000000deadbeef" && name != ".oci-file")
      live.push_back(name);
  ASSERT_EQ(live.size(), 1u);
  ASSERT_TRUE(working->clean());
  ASSERT_TRUE(open_dir(path).value()->clean());
  EXPECT_THAT(names_in(path),
              ElementsAre(live[0], ".oci-file", "blobs", "index.json", "index.json.tmp-locked",
                          "index.json.tmp-new", "oci-layout", "other-"));
  EXPECT_EQ(file_text(path + "/other-/b-0"), "not ours");
  EXPECT_TRUE(testing::put_text(*working, "more"));
  ASSERT_TRUE(working->close());
  EXPECT_FALSE(stdfs::exists(path + "/" + live[0]));
}

TEST(Cleaning, LeavesWhatIsNotOursInAWorkspace) {
  TempDir directory;
  const std::string path = directory / "layout";
  const auto engine = open_dir(path, {.create_if_missing = true}).value();
  const std::string folder = path + "/.oci-0123456789abcdef";
  const std::vector<std::function<void()>> strangers{
      [&] { stdfs::create_directories(folder + "/b-1"); },
      [&] { stdfs::create_symlink("b-0", folder + "/b-1"); },
      [&] { write_file(folder + "/precious", "mine"); },
      [&] { write_file(folder + "/b-", "mine"); },
      [&] { write_file(folder + "/b-1x", "mine"); },
      [&] { write_file(folder + "/b-123456789012345678901", "mine"); },
  };
  for (const auto& make_stranger : strangers) {
    write_file(folder + "/b-0", "mine too");
    make_stranger();
    const auto before = state_of_tree(path);
    EXPECT_TRUE(engine->clean());
    EXPECT_EQ(state_of_tree(path), before);
    stdfs::remove_all(folder);
  }
  write_file(directory / "outside/b-0", "out there");
  stdfs::create_directory_symlink(directory / "outside", folder);
  EXPECT_TRUE(engine->clean());
  EXPECT_EQ(file_text(directory / "outside/b-0"), "out there");
}

TEST(Cleaning, LeavesFoldersThatAreCalledAlmostAsAWorkspaceIs) {
  TempDir directory;
  const std::string path = directory / "layout";
  const auto engine = open_dir(path, {.create_if_missing = true}).value();
  for (const char* name : {".oci-", ".oci-backup", ".oci-0123456789abcde", ".oci-0123456789abcdef0",
                           ".oci-0123456789ABCDEF", ".oci-0123456789abcdeg", "oci-0123456789abcdef"})
    write_file(path + "/" + name + "/b-0", "mine");
  const auto before = state_of_tree(path);
  EXPECT_TRUE(engine->clean());
  EXPECT_EQ(state_of_tree(path), before);
}

TEST(ImageLayoutMarker, IsReadAndWritten) {
  EXPECT_EQ(ImageLayout::parse(as_bytes(ImageLayout{"1.0.0"}.json()))->version, "1.0.0");
  EXPECT_EQ(ImageLayout::parse(as_bytes(R"({"x":1,"imageLayoutVersion":"1.7"})"))->version, "1.7");
  EXPECT_FALSE(ImageLayout::parse(as_bytes(R"({"imageLayoutVersion":1})")));
}

}  // namespace
}  // namespace layoutfs
