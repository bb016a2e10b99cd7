// Layouts in directories: opening them and their blobs.
#include "core/cas/dir_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <set>
#include <thread>

#include "tests/support/layout_writer.h"
#include "tests/support/other_user.h"

namespace layoutfs {
namespace {

namespace stdfs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::LayoutWriter;
using ::testing::StartsWith;
using testing::TempDir;
using testing::write_file;

class DirEngine : public ::testing::Test {
 protected:
  std::string message_of_open() {
    const auto engine = open_dir(path);
    if (engine) return "opened";
    EXPECT_EQ(engine.error().code(), Errc::invalid_image) << engine.error().message();
    EXPECT_THAT(engine.error().message(), StartsWith(path + ": "));
    return engine.error().message();
  }
  std::unique_ptr<Engine> open() { return open_dir(path).value(); }

  TempDir directory;
  std::string path = directory / "layout";
  LayoutWriter layout{path};
};

TEST_F(DirEngine, OpensALayoutAndShowsItsMarker) {
  const auto engine = open();
  EXPECT_EQ(as_text(engine->marker().value()), R"({"imageLayoutVersion":"1.0.0"})");
  EXPECT_TRUE(engine->references().value()->entries.empty());
  EXPECT_TRUE(is_layout_dir(path));
}

TEST_F(DirEngine, AMissingPathIsNotFound) {
  const auto engine = open_dir(directory / "none");
  ASSERT_FALSE(engine);
  EXPECT_EQ(engine.error().code(), Errc::not_found);
  EXPECT_EQ(engine.error().message(), directory / "none" + ": no such layout");
  EXPECT_FALSE(is_layout_dir(directory / "none"));
}

TEST_F(DirEngine, AFileOrAnotherDirectoryIsNoLayout) {
  path = directory / "file";
  write_file(path, "x");
  EXPECT_THAT(message_of_open(), HasSubstr("not an image layout"));
  EXPECT_FALSE(is_layout_dir(path));
  path = directory.path();
  EXPECT_THAT(message_of_open(), HasSubstr("not an image layout (no oci-layout file)"));
  EXPECT_FALSE(is_layout_dir(path));
}

TEST_F(DirEngine, ThatMayNotBeSearchedSaysSo) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  ASSERT_EQ(::chmod(directory.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod(path.c_str(), 0700), 0);
  const testing::AsNobody as_nobody;
  const auto engine = open_dir(path);
  ASSERT_FALSE(engine);
  EXPECT_EQ(engine.error().sys(), EACCES) << engine.error().message();
  EXPECT_EQ(open_dir(path, {.create_if_missing = true}).error().sys(), EACCES);
}

TEST_F(DirEngine, AnyVersionOneIsReadAndNoOther) {
  write_file(path + "/oci-layout", R"({"imageLayoutVersion":"1.7.3","more":1})");
  EXPECT_EQ(message_of_open(), "opened");
  for (const char* version : {"2.0.0", "0.1.0", "10.0.0", "1", ""}) {
    write_file(path + "/oci-layout", R"({"imageLayoutVersion":")" + std::string(version) + "\"}");
    EXPECT_THAT(message_of_open(), HasSubstr("'" + std::string(version) + "'"));
  }
}

TEST_F(DirEngine, ABrokenMarkerIsNamed) {
  for (const std::string& text : {std::string(), std::string("{"), std::string("[]"), std::string("{}"),
                                  std::string(R"({"imageLayoutVersion":1})"), std::string(100'000, '[')}) {
    write_file(path + "/oci-layout", text);
    const auto engine = open_dir(path);
    ASSERT_FALSE(engine) << text;
    EXPECT_THAT(engine.error().message(), HasSubstr("oci-layout"));
  }
}

TEST_F(DirEngine, WhatALayoutCannotBeWithoutMustBeThere) {
  stdfs::rename(path + "/blobs", path + "/elsewhere");
  EXPECT_THAT(message_of_open(), HasSubstr("blobs is missing"));
  write_file(path + "/blobs", "a file");
  EXPECT_THAT(message_of_open(), HasSubstr("blobs: not a directory"));
  stdfs::remove(path + "/blobs");
  stdfs::rename(path + "/elsewhere", path + "/blobs");
  stdfs::remove(path + "/index.json");
  EXPECT_THAT(message_of_open(), HasSubstr("index.json is missing"));
  ASSERT_EQ(::mkfifo((path + "/index.json").c_str(), 0600), 0);
  EXPECT_THAT(message_of_open(), HasSubstr("index.json: not a regular file"));
}

TEST_F(DirEngine, SymlinksOutOfTheLayoutAreNotFollowed) {
  const auto digest = layout.blob("content", "").digest;
  stdfs::rename(path + "/blobs/sha256", directory / "elsewhere");
  stdfs::create_directory_symlink(directory / "elsewhere", path + "/blobs/sha256");
  EXPECT_EQ(open()->get_blob(digest).error().code(), Errc::invalid_image);
  EXPECT_EQ(open()->blob_size(digest).error().code(), Errc::invalid_image);
  EXPECT_EQ(open()->list_blobs(Algorithm::sha256).error().code(), Errc::invalid_image);
  stdfs::rename(path + "/index.json", directory / "index.json");
  stdfs::create_symlink(directory / "index.json", path + "/index.json");
  EXPECT_THAT(message_of_open(), HasSubstr("index.json is a symlink to "));
}

TEST_F(DirEngine, BlobsAreReadAnywhereUpToTheirEnd) {
  const auto digest = layout.blob("0123456789", "").digest;
  const auto engine = open();
  const auto blob = engine->get_blob(digest).value();
  EXPECT_EQ(blob->size(), 10u);
  EXPECT_EQ(engine->blob_size(digest).value(), 10u);
  Bytes out(4);
  EXPECT_EQ(blob->read_at(out, 2).value(), 4u);
  EXPECT_EQ(as_text(out), "2345");
  EXPECT_EQ(blob->read_at(out, 8).value(), 2u);
  EXPECT_EQ(blob->read_at(out, 10).value(), 0u);
  EXPECT_EQ(blob->read_at(out, UINT64_MAX).value(), 0u);
}

TEST_F(DirEngine, BlobsOfSha512AreFoundToo) {
  const auto digest = layout.blob(as_bytes("x"), "", Algorithm::sha512).digest;
  EXPECT_EQ(open()->get_blob(digest).value()->size(), 1u);
  EXPECT_EQ(open()->list_blobs(Algorithm::sha512).value(), std::vector{digest});
}

TEST_F(DirEngine, AMissingBlobIsNotFound) {
  for (const auto algorithm : {Algorithm::sha256, Algorithm::sha512}) {
    const auto digest = Digest::of(as_bytes("missing"), algorithm);
    const auto blob = open()->get_blob(digest);
    ASSERT_FALSE(blob);
    EXPECT_EQ(blob.error().code(), Errc::not_found);
    EXPECT_EQ(blob.error().message(), digest.str() + ": no such blob");
    EXPECT_EQ(open()->blob_size(digest).value(), std::nullopt);
  }
}

TEST_F(DirEngine, ABlobThatIsNoRegularFileIsInvalid) {
  const auto digest = Digest::of(as_bytes("secret"));
  const auto blob_path = layout.blob_path(digest);
  const auto expect_refused = [&](const char* what) {
    const auto engine = open();
    EXPECT_EQ(engine->get_blob(digest).error().code(), Errc::invalid_image) << what;
    EXPECT_EQ(engine->blob_size(digest).error().code(), Errc::invalid_image) << what;
    EXPECT_TRUE(engine->list_blobs(Algorithm::sha256).value().empty()) << what;
    stdfs::remove(blob_path);
  };
  stdfs::create_directory(blob_path);
  expect_refused("directory");
  ASSERT_EQ(::mkfifo(blob_path.c_str(), 0600), 0);
  expect_refused("fifo");
}

TEST_F(DirEngine, ABlobCutOffWhileOpenIsCorrupt) {
  const auto digest = layout.blob("0123456789", "").digest;
  const auto blob = open()->get_blob(digest).value();
  stdfs::resize_file(layout.blob_path(digest), 5);
  Bytes out(4);
  EXPECT_EQ(blob->read_at(out, 0).value(), 4u);
  const auto got = blob->read_at(out, 3);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::corrupt);
  EXPECT_THAT(got.error().message(), AllOf(StartsWith(digest.str()), HasSubstr("at byte 5 of 10")));
  EXPECT_EQ(blob->read_at(out, 8).error().code(), Errc::corrupt);
}

TEST_F(DirEngine, AnOpenBlobOutlivesItsNameAndTheEngine) {
  const auto digest = layout.blob("kept", "").digest;
  const auto blob = open()->get_blob(digest).value();
  stdfs::remove_all(path);
  Bytes out(4);
  EXPECT_EQ(blob->read_at(out, 0).value(), 4u);
  EXPECT_EQ(as_text(out), "kept");
}

TEST_F(DirEngine, ListsBlobsSortedAndNothingElse) {
  std::vector<Digest> digests;
  for (int i = 0; i < 50; ++i) digests.push_back(layout.blob(std::to_string(i), "").digest);
  std::ranges::sort(digests);
  for (const std::string& name :
       {std::string("README"), std::string(".tmp-1"), std::string(64, 'A'), std::string(64, 'g'),
        std::string(63, '0'), std::string(65, '0'), std::string(128, '0')})
    write_file(path + "/blobs/sha256/" + name, "litter");
  EXPECT_EQ(open()->list_blobs(Algorithm::sha256).value(), digests);
  EXPECT_TRUE(open()->list_blobs(Algorithm::sha512).value().empty());
}

TEST_F(DirEngine, EveryListingHasATimeOfItsOwn) {
  const auto engine = open();
  const auto listing = [&] { return engine->listing_ns(Algorithm::sha256); };
  std::set<std::int64_t> seen{listing()};
  // Faster than the clock ticks that files get their times from.
  for (int i = 0; i < 20; ++i) {
    const auto digest = layout.blob(std::to_string(i), "").digest;
    EXPECT_TRUE(seen.insert(listing()).second) << i;
    stdfs::remove(layout.blob_path(digest));
    stdfs::last_write_time(path + "/blobs/sha256", stdfs::file_time_type{});
    EXPECT_TRUE(seen.insert(listing()).second) << i;
  }
  // The time stays the same after a while without changes.
  const auto is_settled = [&] { return listing() == listing(); };
  while (!is_settled()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(listing(), listing());
}

}  // namespace
}  // namespace layoutfs
