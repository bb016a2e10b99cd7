// Facts about blobs, shared between processes.
#include "core/transfer/blob_info_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <thread>

#include "core/transfer/blob_records.h"
#include "tests/support/results.h"
#include "tests/support/store.h"
#include "tests/support/temp_dir.h"

namespace layoutfs::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Candidate = BlobInfoCache::Candidate;

class BlobInfoFileTest : public ::testing::Test {
 protected:
  static Digest digest(const std::string& name) { return Digest::of(as_bytes(name)); }
  static std::vector<Candidate> candidates(BlobInfoCache& cache, const std::string& name) {
    return cache.candidate_locations("test", "scope", digest(name), true);
  }
  std::unique_ptr<BlobInfoFile> open(std::size_t limit = kMaxRecords) const {
    return open_blob_info_file(path, limit);
  }
  void record(const std::string& name, std::size_t limit = kMaxRecords) const {
    const auto cache = open(limit);
    cache->record_digest_uncompressed_pair(digest(name), digest("uncompressed " + name));
    cache->record_known_location("test", "scope", digest(name), "of " + name);
    must(cache->save());
  }

  TempDir directory;
  std::string path = directory / "not/there/yet";
  std::string file = path + "/blob-info";
};

TEST_F(BlobInfoFileTest, KnowsWhatEarlierProcessesHaveSaved) {
  record("a");
  record("b");
  const auto cache = open();
  for (const std::string name : {"a", "b"}) {
    EXPECT_EQ(cache->uncompressed_digest(digest(name)), digest("uncompressed " + name));
    EXPECT_THAT(candidates(*cache, name), ElementsAre(Candidate{digest(name), "of " + name}));
  }
  EXPECT_TRUE(cache->uncompressed_digest(digest("c")).empty());
}

TEST_F(BlobInfoFileTest, KeepsTheOrderInWhichItWasLearnt) {
  for (const char* location : {"1", "2", "3", "2"}) {
    const auto cache = open();
    cache->record_known_location("test", "scope", digest("a"), location);
    must(cache->save());
  }
  EXPECT_THAT(candidates(*open(), "a"), ElementsAre(Candidate{digest("a"), "2"}, Candidate{digest("a"), "3"},
                                                    Candidate{digest("a"), "1"}));
}

TEST_F(BlobInfoFileTest, ForgetsTheOldest) {
  for (const char* name : {"a", "b", "c", "a", "d"}) record(name, 3);
  const auto cache = open(3);
  EXPECT_THAT(candidates(*cache, "b"), IsEmpty());
  for (const char* name : {"c", "a", "d"}) EXPECT_THAT(candidates(*cache, name), SizeIs(1)) << name;
  EXPECT_TRUE(cache->uncompressed_digest(digest("b")).empty());
}

TEST_F(BlobInfoFileTest, AFileThatIsDamagedCountsAsEmptyAndIsReplaced) {
  record("a");
  const std::string whole = file_text(file);
  std::vector<std::string> damaged{"", "x", whole.substr(0, whole.size() - 1), whole + " ",
                                   "layoutfs blob records 2 " + whole.substr(24)};
  for (std::size_t at = 0; at < whole.size(); at += 7) {
    damaged.push_back(whole);
    damaged.back()[at] ^= 1;
  }
  for (const std::string& text : damaged) {
    write_file(file, text);
    EXPECT_TRUE(open()->uncompressed_digest(digest("a")).empty());
    record("b");
    EXPECT_FALSE(open()->uncompressed_digest(digest("b")).empty());
    std::filesystem::remove(file);
  }
}

TEST_F(BlobInfoFileTest, AFileOfOthersIsNotTrusted) {
  record("a");
  ASSERT_EQ(::chmod(file.c_str(), 0666), 0);
  EXPECT_TRUE(open()->uncompressed_digest(digest("a")).empty());
  ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
  EXPECT_FALSE(open()->uncompressed_digest(digest("a")).empty());
  std::filesystem::rename(file, file + ".real");
  std::filesystem::create_symlink(file + ".real", file);
  EXPECT_TRUE(open()->uncompressed_digest(digest("a")).empty());
}

TEST_F(BlobInfoFileTest, WritesNothingWithoutNeed) {
  must(open()->save());
  EXPECT_FALSE(std::filesystem::exists(path));
  record("a");
  const auto before = state_of_tree(path);
  must(open()->save());
  EXPECT_EQ(state_of_tree(path), before);
  const auto nowhere = open_blob_info_file("");
  nowhere->record_known_location("test", "scope", digest("a"), "");
  must(nowhere->save());
  EXPECT_THAT(candidates(*nowhere, "a"), SizeIs(1));
}

TEST_F(BlobInfoFileTest, FailsWhereNothingCanBeWrittenAndStillWorks) {
  write_file(directory / "not", "a file in the way");
  const auto cache = open();
  cache->record_known_location("test", "scope", digest("a"), "");
  EXPECT_FALSE(cache->save());
  EXPECT_THAT(candidates(*cache, "a"), SizeIs(1));
}

TEST_F(BlobInfoFileTest, LosesNothingOfWhatManySaveAtOnce) {
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread)
    threads.emplace_back([this, thread] {
      for (int i = 0; i < 5; ++i) record(std::to_string(thread) + "/" + std::to_string(i));
    });
  for (auto& thread : threads) thread.join();
  const auto cache = open();
  for (int thread = 0; thread < 8; ++thread)
    for (int i = 0; i < 5; ++i)
      EXPECT_THAT(candidates(*cache, std::to_string(thread) + "/" + std::to_string(i)), SizeIs(1));
  EXPECT_THAT(names_in(path), ElementsAre("blob-info", "blob-info.lock"));
}

}  // namespace
}  // namespace layoutfs::testing
