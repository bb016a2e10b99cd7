// Layouts on read-only media. Needs root, to mount in a new namespace.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include <cerrno>

#include "layoutfs/open.h"
#include "tests/support/store.h"
#include "tests/support/temp_dir.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::put_text;
using testing::TempDir;

class OnReadOnlyMedia : public ::testing::TestWithParam<ReferenceFormat> {
 protected:
  void SetUp() override {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      GTEST_SKIP() << "a mount namespace needs root";
    ASSERT_TRUE(create_dir(path, {.created_with = GetParam()}));
    ASSERT_EQ(::mount(path.c_str(), path.c_str(), nullptr, MS_BIND, nullptr), 0);
    is_mounted = true;
  }
  void TearDown() override {
    if (is_mounted) ::umount2(path.c_str(), MNT_DETACH);
  }
  // Opens it on media that can no longer be written.
  std::unique_ptr<Engine> open_read_only() {
    EXPECT_EQ(::mount(nullptr, path.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr), 0);
    return open_dir(path, {.create_if_missing = true}).value();
  }

  TempDir directory;
  std::string path = directory / "layout";
  bool is_mounted = false;
};
INSTANTIATE_TEST_SUITE_P(BothFormats, OnReadOnlyMedia,
                         ::testing::Values(ReferenceFormat::index_json, ReferenceFormat::refs_dir));

TEST_P(OnReadOnlyMedia, AnEmptyLayoutOpensAndLists) {
  const auto engine = open_read_only();
  EXPECT_THAT(engine->list_blobs(Algorithm::sha256).value(), IsEmpty());
  EXPECT_THAT(engine->list_references().value(), IsEmpty());
  EXPECT_TRUE(engine->clean());
  EXPECT_TRUE(engine->close());
}

TEST_P(OnReadOnlyMedia, BlobsAreReadAndNeitherPutNorDeleted) {
  auto engine = open_dir(path).value();
  constexpr std::string_view kJson = R"({"A":"x"})";
  const Digest text = put_text(*engine, "content")->digest;
  const Digest json = engine->put_blob_json(kJson)->digest;
  ASSERT_TRUE(engine->close());
  engine = open_read_only();
  EXPECT_EQ(testing::read_text(*engine->get_blob(text).value()), "content");
  EXPECT_TRUE(engine->get_blob(json));
  EXPECT_EQ(put_text(*engine, "content").error().sys(), EROFS);
  EXPECT_EQ(engine->put_blob_json(kJson).error().sys(), EROFS);
  EXPECT_EQ(engine->delete_blob(text).error().sys(), EROFS);
  EXPECT_EQ(engine->delete_blob(Digest::of(as_bytes("none"))), false);
  EXPECT_TRUE(engine->close());
}

TEST_P(OnReadOnlyMedia, ReferencesAreReadAndNotChanged) {
  const Descriptor descriptor = testing::descriptor_of("x", "y");
  ASSERT_TRUE(open_dir(path).value()->put_reference("name", descriptor));
  const auto engine = open_read_only();
  EXPECT_EQ(engine->get_reference("name").value(), descriptor);
  EXPECT_THAT(engine->list_references().value(), ElementsAre("name"));
  EXPECT_TRUE(engine->put_reference("name", descriptor));
  EXPECT_EQ(engine->put_reference("new", descriptor).error().sys(), EROFS);
  EXPECT_EQ(engine->put_reference("name", testing::descriptor_of("z", "y")).error().code(), Errc::clobber);
  EXPECT_EQ(engine->put_reference("name", testing::descriptor_of("z", "y"), PutMode::replace).error().sys(),
            EROFS);
  EXPECT_EQ(engine->delete_reference("name").error().sys(), EROFS);
  EXPECT_EQ(engine->delete_reference("none"), false);
}

}  // namespace
}  // namespace layoutfs
