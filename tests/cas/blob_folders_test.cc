// Blobs are found by the current names of their folders, even if handles are kept open.
#include "core/cas/blob_folders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "layoutfs/open.h"
#include "tests/support/layout_writer.h"
#include "tests/support/store.h"
#include "tests/support/temp_dir.h"

namespace layoutfs {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::read_text;

Digest digest_of(std::string_view content) { return Digest::of(as_bytes(content)); }

class KeptFolders : public ::testing::Test {
 protected:
  KeptFolders() { put(folder, "one"); }

  static void put(const std::string& folder, std::string_view content) {
    fs::create_directories(folder);
    testing::write_file(folder + "/" + digest_of(content).hex(), content);
  }
  void expect_found(std::string_view content) const {
    const auto blob = reader->get_blob(digest_of(content));
    ASSERT_TRUE(blob) << content << ": " << blob.error().message();
    EXPECT_EQ(read_text(**blob), content);
    EXPECT_EQ(reader->blob_size(digest_of(content)).value(), content.size());
  }
  void expect_absent(std::string_view content) const {
    const auto blob = reader->get_blob(digest_of(content));
    ASSERT_FALSE(blob) << content;
    EXPECT_EQ(blob.error().code(), Errc::not_found);
    EXPECT_EQ(reader->exists(digest_of(content)), false) << content;
  }

  testing::TempDir directory;
  testing::LayoutWriter layout{directory / "layout"};
  std::string folder = layout.path() + "/blobs/sha256";
  std::unique_ptr<LayoutReader> reader = open_dir(layout.path()).value();
};

TEST_F(KeptFolders, AFolderThatWasRemovedAndMadeAgainIsFoundAtOnce) {
  expect_found("one");
  for (int round = 0; round < 3; ++round) {
    const std::string content = "round " + std::to_string(round);
    fs::remove_all(folder);
    expect_absent("one");
    put(folder, content);
    expect_found(content);
    expect_absent("one");
  }
}

TEST_F(KeptFolders, ABlobThatIsPutLaterIsFound) {
  expect_absent("two");
  put(folder, "two");
  expect_found("two");
  fs::remove(folder + "/" + digest_of("two").hex());
  expect_absent("two");
  expect_found("one");
}

TEST_F(KeptFolders, AFolderThatIsMissingAtFirstIsFoundLater) {
  const Digest digest = Digest::of(as_bytes("long"), Algorithm::sha512);
  EXPECT_EQ(reader->get_blob(digest).error().code(), Errc::not_found);
  EXPECT_EQ(reader->exists(digest), false);
  fs::create_directories(layout.path() + "/blobs/sha512");
  testing::write_file(layout.path() + "/blobs/sha512/" + digest.hex(), "long");
  EXPECT_EQ(read_text(*reader->get_blob(digest).value()), "long");
  EXPECT_EQ(reader->exists(digest), true);
}

// In either order, a blob in a renamed folder does not stay visible for long.
TEST_F(KeptFolders, AFolderThatWasMovedAwayIsLetGoOf) {
  expect_found("one");
  fs::rename(folder, layout.path() + "/elsewhere");
  put(folder, "two");
  expect_found("two");  // the kept handle finds nothing, so the name is looked up again
  expect_absent("one");
  fs::rename(folder, layout.path() + "/once-more");
  put(folder, "three");
  while (reader->get_blob(digest_of("two"))) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  expect_absent("two");
  expect_found("three");
}

TEST_F(KeptFolders, ALinkThatComesToLeadElsewhereInTheLayoutIsFollowed) {
  fs::rename(folder, layout.path() + "/first");
  fs::create_directory_symlink("../first", folder);
  expect_found("one");
  put(layout.path() + "/second", "two");
  fs::remove(folder);
  fs::create_directory_symlink("../second", folder);
  expect_found("two");
}

TEST_F(KeptFolders, ALinkOutOfTheLayoutInThePlaceOfTheFolderIsNotFollowed) {
  const testing::TempDir outside;
  put(outside.path(), "secret");
  expect_found("one");
  fs::remove_all(folder);
  fs::create_directory_symlink(outside.path(), folder);
  const auto blob = reader->get_blob(digest_of("secret"));
  ASSERT_FALSE(blob);
  EXPECT_EQ(blob.error().code(), Errc::invalid_image);
  EXPECT_THAT(blob.error().message(), HasSubstr("leaves the layout"));
}

TEST_F(KeptFolders, ALinkOfABlobIsFollowedByTheRuleOfTheLayout) {
  expect_found("one");
  put(layout.path() + "/elsewhere", "inside");
  fs::create_symlink("../../elsewhere/" + digest_of("inside").hex(),
                     folder + "/" + digest_of("inside").hex());
  expect_found("inside");
  const testing::TempDir outside;
  put(outside.path(), "secret");
  fs::create_symlink(outside.path() + "/" + digest_of("secret").hex(),
                     folder + "/" + digest_of("secret").hex());
  const auto blob = reader->get_blob(digest_of("secret"));
  ASSERT_FALSE(blob);
  EXPECT_EQ(blob.error().code(), Errc::invalid_image);
  EXPECT_THAT(blob.error().message(), HasSubstr("leaves the layout"));
}

}  // namespace
}  // namespace layoutfs
