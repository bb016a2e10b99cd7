// Checks that a writer repeats after it has taken the layout's lock.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <thread>

#include "layoutfs/open.h"
#include "tests/support/held_lock.h"
#include "tests/support/layout_writer.h"
#include "tests/support/store.h"
#include "tests/support/temp_dir.h"

namespace layoutfs {
namespace {

namespace stdfs = std::filesystem;
using ::testing::ElementsAre;
using testing::HeldLock;
using testing::names_in;
using testing::put_text;
using testing::read_text;
using testing::TempDir;

class UnderTheLock : public ::testing::Test {
 protected:
  TempDir directory;
  std::string path = directory / "layout";
  std::unique_ptr<Engine> engine = open_dir(path, {.create_if_missing = true}).value();
};

// Puts "content", which already exists, in its own thread, and calls `meanwhile` after the put has verified
// the existing blob.
Result<PutResult> put_while(Engine& engine, const std::string& path, const std::function<void()>& meanwhile) {
  HeldLock lock(path);
  EXPECT_TRUE(lock.is_held());
  Result<PutResult> put;
  std::jthread writer([&] { put = put_text(engine, "content"); });
  if (lock.has_waiter())
    meanwhile();
  else
    ADD_FAILURE() << "nobody waits for the lock";
  lock.release();
  writer.join();
  return put;
}

TEST_F(UnderTheLock, ABlobThatWasReplacedSinceItWasVerifiedIsNotTakenForVerified) {
  const Digest digest = put_text(*engine, "content")->digest;
  const std::string file = engine->blob_path(digest).value();
  const auto put = put_while(*engine, path, [&] {
    stdfs::remove(file);
    std::ofstream(file) << "damaged";
  });
  if (!put && put.error().code() == Errc::corrupt) return;
  ASSERT_TRUE(put);
  EXPECT_EQ(read_text(*engine->get_blob(digest).value()), "content");
}

TEST_F(UnderTheLock, ABlobThatWasDeletedSinceItWasVerifiedIsPutAgain) {
  const Digest digest = put_text(*engine, "content")->digest;
  const std::string file = engine->blob_path(digest).value();
  ASSERT_TRUE(put_while(*engine, path, [&] { stdfs::remove(file); }));
  EXPECT_EQ(read_text(*engine->get_blob(digest).value()), "content");
}

// Another process may create the layout between the check and the lock.
TEST_F(UnderTheLock, ALayoutThatSomebodyElseHasCompletedStaysAsItIs) {
  stdfs::remove(path + "/oci-layout");
  HeldLock lock(path);
  ASSERT_TRUE(lock.is_held());
  Result<std::unique_ptr<Engine>> opened;
  std::jthread second([&] { opened = open_dir(path, {.create_if_missing = true}); });
  ASSERT_TRUE(lock.has_waiter());
  const std::string marker = R"({"imageLayoutVersion":"1.0.0","by":"the first"})";
  std::ofstream(path + "/oci-layout") << marker;
  std::ofstream(path + "/index.json") << R"({"schemaVersion":2,"manifests":[],"by":"the first"})";
  const auto before = testing::state_of_tree(path);
  lock.release();
  second.join();
  EXPECT_TRUE(opened);
  EXPECT_EQ(testing::state_of_tree(path), before);
}

class WaitsForTheLock : public ::testing::TestWithParam<ReferenceFormat> {
 protected:
  // Returns whether `change` waits while the lock is held; it must succeed afterwards.
  bool waits(const std::function<Status()>& change) {
    HeldLock lock(path);
    EXPECT_TRUE(lock.is_held());
    Status done = fail(Errc::io, "not run");
    std::jthread writer([&] { done = change(); });
    const bool has_waited = lock.has_waiter();
    lock.release();
    writer.join();
    EXPECT_TRUE(done) << done.error().message();
    return has_waited;
  }
  static Status status_of(const auto& result) { return result ? Status() : fail(Error(result.error())); }

  TempDir directory;
  std::string path = directory / "layout";
  std::unique_ptr<Engine> engine =
      open_dir(path, {.create_if_missing = true, .created_with = GetParam()}).value();
  Descriptor one = testing::descriptor_of("one", testing::kManifestType);
};
INSTANTIATE_TEST_SUITE_P(BothFormats, WaitsForTheLock,
                         ::testing::Values(ReferenceFormat::index_json, ReferenceFormat::refs_dir));

TEST_P(WaitsForTheLock, EveryChangeOfReferencesThatOthersCouldLose) {
  EXPECT_TRUE(waits([&] { return engine->put_reference("name", one); }));
  EXPECT_TRUE(waits([&] { return status_of(engine->delete_reference("name")); }));
  if (GetParam() == ReferenceFormat::refs_dir) return;  // which cannot be updated
  EXPECT_TRUE(waits([&] {
    return engine->update_references([&](const References&) -> Result<ReferenceChanges> {
      return ReferenceChanges{.changed = {}, .added = {one}};
    });
  }));
}

TEST_P(WaitsForTheLock, ASweepOfABlobThatOthersCouldHaveNamed) {
  const Digest digest = put_text(*engine, "content")->digest;
  const auto seen = engine->references().value();
  EXPECT_TRUE(waits([&] {
    return status_of(engine->sweep_blob(digest, *seen, std::numeric_limits<std::int64_t>::max()));
  }));
  EXPECT_FALSE(engine->exists(digest).value());
}

}  // namespace
}  // namespace layoutfs
