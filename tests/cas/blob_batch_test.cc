// Blobs that are put together.
#include "layoutfs/blob_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "layoutfs/open.h"
#include "tests/support/layout_writer.h"
#include "tests/support/store.h"

namespace layoutfs {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::names_in;
using ::testing::Not;
using testing::put_text;
using testing::read_text;
using testing::TempDir;

class Batch : public ::testing::Test {
 protected:
  Result<PutResult> put(std::string_view text, const PutOptions& options = {}) const {
    MemorySource content(as_bytes(text));
    return batch->put(content, options);
  }
  std::vector<Digest> blobs() const { return engine->list_all_blobs().value(); }

  TempDir directory;
  std::string path = directory / "layout";
  std::unique_ptr<Engine> engine = open_dir(path, {.create_if_missing = true}).value();
  std::unique_ptr<BlobBatch> batch = engine->start_batch();
};

TEST_F(Batch, IsThereOnceItIsFlushed) {
  const auto one = put("one").value(), two = put("two", {.algorithm = Algorithm::sha512}).value();
  EXPECT_EQ(one.digest, Digest::of(as_bytes("one")));
  EXPECT_EQ(two.size, 3u);
  EXPECT_THAT(blobs(), IsEmpty());
  ASSERT_TRUE(batch->flush());
  EXPECT_EQ(read_text(*engine->get_blob(one.digest).value()), "one");
  EXPECT_EQ(read_text(*engine->get_blob(two.digest).value()), "two");
  ASSERT_TRUE(put("three"));
  ASSERT_TRUE(batch->flush());
  ASSERT_TRUE(batch->flush());
  EXPECT_EQ(blobs().size(), 3u);
}

TEST_F(Batch, LeavesNothingWithoutThat) {
  ASSERT_TRUE(put("one"));
  batch.reset();
  ASSERT_TRUE(engine->close());
  EXPECT_THAT(names_in(path), Each(Not(HasSubstr(".oci-"))));
  EXPECT_THAT(open_dir(path).value()->list_all_blobs().value(), IsEmpty());
}

TEST_F(Batch, TakesNothingThatIsNotWhatItIsSaidToBe) {
  EXPECT_EQ(put("one", {.digest = Digest::of(as_bytes("two"))}).error().code(), Errc::digest_invalid);
  EXPECT_EQ(put("one", {.size = 2}).error().code(), Errc::size_invalid);
  EXPECT_EQ(put("one", {.size = 4}).error().code(), Errc::size_invalid);
  ASSERT_TRUE(put("two"));
  ASSERT_TRUE(batch->flush());
  EXPECT_THAT(blobs(), ::testing::ElementsAre(Digest::of(as_bytes("two"))));
}

TEST_F(Batch, KeepsWhatIsThereAndWhatIsPutTwice) {
  const auto known = put_text(*engine, "known").value();
  const auto inode = testing::state_of_tree(path)[known.digest.blob_path()];
  for (const char* text : {"known", "new", "known", "new"}) ASSERT_TRUE(put(text));
  ASSERT_TRUE(batch->flush());
  EXPECT_EQ(blobs().size(), 2u);
  EXPECT_EQ(testing::state_of_tree(path)[known.digest.blob_path()], inode);
}

TEST_F(Batch, ReplacesWhatIsDamaged) {
  const Digest digest = Digest::of(as_bytes("content"));
  testing::write_file(path + "/" + digest.blob_path(), "conTent");
  ASSERT_TRUE(put("content"));
  EXPECT_EQ(read_text(*engine->get_blob(digest).value()), "conTent");
  ASSERT_TRUE(batch->flush());
  EXPECT_EQ(read_text(*engine->get_blob(digest).value()), "content");
}

TEST_F(Batch, CopiesBlobsOfOtherLayouts) {
  const auto other = open_dir(directory / "other", {.create_if_missing = true}).value();
  const auto digest = put_text(*other, "content").value().digest;
  ASSERT_TRUE(batch->copy(other->get_blob(digest).value(), {.digest = digest}));
  EXPECT_EQ(batch->copy(other->get_blob(digest).value(), {.digest = Digest::of({})}).error().code(),
            Errc::digest_invalid);
  ASSERT_TRUE(batch->flush());
  EXPECT_EQ(read_text(*engine->get_blob(digest).value()), "content");
}

TEST_F(Batch, HoldsMoreThanAProcessMayHaveOpen) {
  constexpr int kMany = 1500, kThreads = 3;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i)
      threads.emplace_back([this, i] {
        for (int n = i; n < kMany; n += kThreads) EXPECT_TRUE(put(std::to_string(n)));
      });
  }
  ASSERT_TRUE(batch->flush());
  EXPECT_EQ(blobs().size(), static_cast<std::size_t>(kMany));
}

TEST_F(Batch, EndsWithItsEngine) {
  ASSERT_TRUE(put("one"));
  const BlobPtr blob = engine->get_blob(testing::put_text(*engine, "three")->digest).value();
  ASSERT_TRUE(engine->close());
  EXPECT_EQ(put("two").error().code(), Errc::closed);
  EXPECT_EQ(batch->copy(blob).error().code(), Errc::closed);
  EXPECT_EQ(batch->flush().error().code(), Errc::closed);
}

}  // namespace
}  // namespace layoutfs
