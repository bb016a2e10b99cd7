// Blobs that are stored and removed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "layoutfs/open.h"
#include "tests/support/byte_sum.h"
#include "tests/support/layout_writer.h"
#include "tests/support/other_user.h"
#include "tests/support/store.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using testing::file_text;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::put_text;
using testing::read_text;
using testing::TempDir;

// Delivers `size` bytes in odd pieces, and then `end`.
class Stream final : public ByteSource {
 public:
  Stream(std::size_t size, Result<std::size_t> end) : left_(size), end_(std::move(end)) {}
  Result<std::size_t> read(std::span<std::byte> out) override {
    if (left_ == 0) return end_;
    const std::size_t size = std::min({left_, out.size(), std::size_t{70'001}});
    for (std::size_t i = 0; i < size; ++i) out[i] = byte_at(position_ + i);
    position_ += size;
    left_ -= size;
    return size;
  }
  static std::byte byte_at(std::size_t i) { return static_cast<std::byte>(i * 131 + (i >> 10)); }

 private:
  std::size_t left_, position_ = 0;
  Result<std::size_t> end_;
};

class PutBlob : public ::testing::TestWithParam<ReferenceFormat> {
 protected:
  TempDir directory;
  std::string path = directory / "layout";
  std::unique_ptr<Engine> engine =
      open_dir(path, {.create_if_missing = true, .created_with = GetParam()}).value();
};
INSTANTIATE_TEST_SUITE_P(BothFormats, PutBlob,
                         ::testing::Values(ReferenceFormat::index_json, ReferenceFormat::refs_dir));

TEST_P(PutBlob, ThenGetAndDelete) {
  for (const char* text : {"", "some blob", "another blob"}) {
    const auto put = put_text(*engine, text).value();
    EXPECT_EQ(put.digest, Digest::of(as_bytes(text)));
    EXPECT_EQ(put.size, std::string_view(text).size());
    EXPECT_EQ(read_text(*engine->get_blob(put.digest).value()), text);
    EXPECT_EQ(engine->delete_blob(put.digest), true);
    EXPECT_EQ(engine->get_blob(put.digest).error().code(), Errc::not_found);
    EXPECT_EQ(engine->delete_blob(put.digest), false);
  }
  EXPECT_THAT(engine->list_blobs(Algorithm::sha256).value(), IsEmpty());
}

TEST_P(PutBlob, JsonIsStoredAsOneTextForEachValue) {
  for (const char* text : {R"({"A":""})", R"({"A":"a value","B":100})", R"({"B":200,"A":"another value"})"}) {
    const auto document = JsonDocument::parse(as_bytes(text)).value();
    const auto put = engine->put_blob_json(text).value();
    const std::string stored = read_text(*engine->get_blob(put.digest).value());
    EXPECT_EQ(stored, canonical_json(document.root()));
    EXPECT_EQ(put.size, stored.size());
    EXPECT_EQ(engine->put_blob_json(stored)->digest, put.digest);
    EXPECT_EQ(engine->delete_blob(put.digest), true);
    EXPECT_EQ(engine->delete_blob(put.digest), false);
  }
}

TEST_P(PutBlob, ExistsFromThenOnAndHasAPathThatCanBeLinked) {
  const Digest digest = Digest::of(as_bytes("content"));
  EXPECT_EQ(engine->exists(digest), false);
  EXPECT_EQ(engine->blob_path(digest), path + "/" + digest.blob_path());
  ASSERT_TRUE(put_text(*engine, "content"));
  EXPECT_EQ(engine->exists(digest), true);
  EXPECT_EQ(engine->blob_size(digest).value(), 7u);
  std::filesystem::create_hard_link(engine->blob_path(digest).value(), directory / "linked");
  EXPECT_EQ(file_text(directory / "linked"), "content");
}

TEST_P(PutBlob, ContentOfAnySizeAndAlgorithmIsStoredWhole) {
  for (const std::size_t size : {262'143U, 262'144U, 262'145U, 3'000'017U}) {
    for (const Algorithm algorithm : algorithms()) {
      Stream content(size, std::size_t{0});
      const auto put = engine->put_blob(content, {.algorithm = algorithm}).value();
      Bytes expected(size);
      for (std::size_t i = 0; i < size; ++i) expected[i] = Stream::byte_at(i);
      EXPECT_EQ(put.digest, Digest::of(expected, algorithm));
      EXPECT_EQ(read_text(*engine->get_blob(put.digest).value()), as_text(expected));
    }
  }
  EXPECT_EQ(engine->list_blobs(Algorithm::sha512)->size(), 4u);
}

TEST_P(PutBlob, OfARegisteredAlgorithmIsStoredAsAnyOther) {
  const Digest digest = Digest::of(as_bytes("abc"), testing::byte_sum());
  EXPECT_EQ(put_text(*engine, "abd", {.digest = digest}).error().code(), Errc::digest_invalid);
  EXPECT_EQ(engine->exists(digest), false);
  EXPECT_EQ(put_text(*engine, "abc", {.algorithm = testing::byte_sum()})->digest, digest);
  EXPECT_EQ(read_text(*engine->get_blob(digest).value()), "abc");
  EXPECT_EQ(engine->blob_path(digest), path + "/blobs/byte+sum/2601000000000000");
  EXPECT_THAT(engine->list_blobs(testing::byte_sum()).value(), ElementsAre(digest));
  EXPECT_THAT(engine->list_all_blobs().value(), ElementsAre(digest));
  EXPECT_EQ(engine->delete_blob(digest), true);
}

TEST_P(PutBlob, ThatFailsLeavesNothing) {
  for (const std::size_t size : {0U, 100U, 1'000'000U}) {
    Stream content(size, fail(Errc::corrupt, "the source is broken"));
    const auto put = engine->put_blob(content);
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().message(), "the source is broken");
  }
  std::stop_source stop;
  stop.request_stop();
  Stream endless(std::size_t{1} << 40, std::size_t{0});
  EXPECT_EQ(engine->put_blob(endless, {.context = {.stop = stop.get_token()}}).error().code(),
            Errc::cancelled);
  EXPECT_EQ(engine
                ->put_blob(endless, {.context = {.stop = {},
                                                 .deadline = std::chrono::steady_clock::now() +
                                                             std::chrono::milliseconds(20)}})
                .error()
                .code(),
            Errc::cancelled);
  EXPECT_THAT(engine->list_blobs(Algorithm::sha256).value(), IsEmpty());
  engine->close().value();
  for (const auto& name : testing::names_in(path)) EXPECT_THAT(name, Not(HasSubstr(".oci-")));
}

TEST_P(PutBlob, KeepsTheBlobThatIsThere) {
  const auto put = put_text(*engine, "content").value();
  const auto before = testing::state_of_tree(path + "/blobs");
  const auto status = engine->blob_status(put.digest).value();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(put_text(*engine, "content")->digest, put.digest);
  EXPECT_EQ(testing::state_of_tree(path + "/blobs"), before);
  EXPECT_GT(engine->blob_status(put.digest).value()->put_ns, status->put_ns);
}

TEST_P(PutBlob, ReplacesADamagedBlob) {
  const Digest digest = Digest::of(as_bytes("content"));
  const std::string file = path + "/" + digest.blob_path();
  for (const char* damaged : {"", "conten", "contenT", "content and more"}) {
    testing::write_file(file, damaged);
    ASSERT_EQ(::chmod(file.c_str(), 0640), 0);
    const auto before = engine->get_blob(digest).value();
    ASSERT_TRUE(put_text(*engine, "content")) << damaged;
    EXPECT_EQ(file_text(file), "content");
    EXPECT_EQ(read_text(*before), damaged) << "whoever has it open keeps it";
    struct stat found;
    ASSERT_EQ(::stat(file.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, 0640U);
  }
  EXPECT_EQ(engine->list_all_blobs()->size(), 1u);
}

TEST_P(PutBlob, ReplacesALargeDamagedBlobByAnotherLayoutsBlob) {
  std::string content(2'000'000, 'x');
  const auto other = open_dir(directory / "other", {.create_if_missing = true}).value();
  const Digest digest = put_text(*other, content)->digest;
  std::string damaged = content;
  damaged[1'500'000] = 'X';
  testing::write_file(path + "/" + digest.blob_path(), damaged);
  ASSERT_TRUE(engine->copy_blob(other->get_blob(digest).value(), {.digest = digest}));
  EXPECT_EQ(read_text(*engine->get_blob(digest).value()), content);
}

TEST_P(PutBlob, KeepsADamagedBlobIfTheContentIsAnotherOne) {
  const Digest digest = Digest::of(as_bytes("content"));
  const std::string file = path + "/" + digest.blob_path();
  testing::write_file(file, "contenT");
  EXPECT_EQ(put_text(*engine, "contenT", {.digest = digest}).error().code(), Errc::digest_invalid);
  EXPECT_EQ(put_text(*engine, "content", {.digest = digest, .size = 8}).error().code(), Errc::size_invalid);
  EXPECT_EQ(file_text(file), "contenT");
}

TEST_P(PutBlob, ReplacesNothingThatIsNoFile) {
  const Digest digest = Digest::of(as_bytes("content"));
  const std::string file = path + "/" + digest.blob_path();
  std::filesystem::create_directories(file);
  EXPECT_EQ(put_text(*engine, "content").error().code(), Errc::invalid_image);
  EXPECT_EQ(engine->delete_blob(digest).error().code(), Errc::invalid_image);
  std::filesystem::remove(file);
  EXPECT_TRUE(put_text(*engine, "content"));
}

TEST_P(PutBlob, AnotherUsersBlobCountsAsPutNow) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const Digest digest = put_text(*engine, "content")->digest;
  const std::string file = path + "/" + digest.blob_path(), folder = path + "/blobs/sha256";
  ASSERT_EQ(::chmod(directory.path().c_str(), 0755), 0);
  for (const std::string& shared : {path, folder}) ASSERT_EQ(::chmod(shared.c_str(), 0777), 0);
  const auto before = engine->blob_status(digest).value()->put_ns;
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  {
    const testing::AsNobody as_nobody;
    EXPECT_TRUE(put_text(*open_dir(path).value(), "content"));
  }
  EXPECT_GT(engine->blob_status(digest).value()->put_ns, before);
  EXPECT_EQ(file_text(file), "content");

  // If the blob can be neither kept nor replaced, gc could remove it at any time.
  std::filesystem::remove(file);
  ASSERT_TRUE(put_text(*engine, "content"));
  ASSERT_EQ(::chmod(folder.c_str(), 01777), 0);
  const testing::AsNobody as_nobody;
  EXPECT_EQ(put_text(*open_dir(path).value(), "content").error().sys(), EPERM);
}

TEST_P(PutBlob, ThatIsThereStopsOnRequestToo) {
  const std::string content(3'000'000, 'c');
  ASSERT_TRUE(put_text(*engine, content));
  std::stop_source stop;
  // Requests a stop after all content was read, before it is compared.
  class StopsAtTheEnd final : public ByteSource {
   public:
    StopsAtTheEnd(std::string_view text, std::stop_source& at_end)
        : source_(as_bytes(text)), at_end_(at_end) {}
    Result<std::size_t> read(std::span<std::byte> out) override {
      auto got = source_.read(out);
      if (got == 0) at_end_.request_stop();
      return got;
    }

   private:
    MemorySource source_;
    std::stop_source& at_end_;
  } source(content, stop);
  EXPECT_EQ(engine->put_blob(source, {.context = {.stop = stop.get_token()}}).error().code(),
            Errc::cancelled);
}

TEST_P(PutBlob, MakesTheFolderOfItsAlgorithm) {
  std::filesystem::remove(path + "/blobs/sha256");
  EXPECT_EQ(engine->delete_blob(Digest::of({})), false);
  ASSERT_TRUE(put_text(*engine, "content"));
  EXPECT_EQ(engine->list_blobs(Algorithm::sha256)->size(), 1u);
}

TEST_P(PutBlob, FollowsNoSymlinkOutOfTheLayout) {
  std::filesystem::remove(path + "/blobs/sha256");
  std::filesystem::create_directory(directory / "outside");
  std::filesystem::create_directory_symlink(directory / "outside", path + "/blobs/sha256");
  EXPECT_EQ(put_text(*engine, "content").error().code(), Errc::invalid_image);
  EXPECT_THAT(testing::names_in(directory / "outside"), IsEmpty());
}

TEST_P(PutBlob, AReaderGoesOnAfterTheBlobWasDeleted) {
  const auto put = put_text(*engine, "content").value();
  const auto blob = engine->get_blob(put.digest).value();
  ASSERT_TRUE(engine->delete_blob(put.digest).value());
  EXPECT_EQ(read_text(*blob), "content");
}

TEST_P(PutBlob, NothingIsDoneWithoutADigestOrAfterClosing) {
  EXPECT_EQ(engine->get_blob(Digest()).error().code(), Errc::digest_invalid);
  EXPECT_EQ(engine->delete_blob(Digest()).error().code(), Errc::digest_invalid);
  EXPECT_EQ(engine->exists(Digest()).error().code(), Errc::digest_invalid);
  const auto put = put_text(*engine, "content").value();
  EXPECT_TRUE(engine->close());
  EXPECT_TRUE(engine->close());
  EXPECT_EQ(put_text(*engine, "more").error().code(), Errc::closed);
  EXPECT_EQ(engine->get_blob(put.digest).error().code(), Errc::closed);
  EXPECT_EQ(engine->references().error().code(), Errc::closed);
  EXPECT_EQ(engine->clean().error().code(), Errc::closed);
}

TEST_P(PutBlob, SweepingTakesOldBlobsUnderTheReferencesThatItSaw) {
  const auto put = put_text(*engine, "content").value();
  const auto seen = engine->references().value();
  const auto now = engine->blob_status(put.digest).value()->put_ns;
  EXPECT_EQ(engine->sweep_blob(put.digest, *seen, now), SweepResult::young);
  ASSERT_TRUE(engine->put_reference("a", testing::descriptor_of("content", "x")));
  EXPECT_EQ(engine->sweep_blob(put.digest, *seen, now + 1), SweepResult::references_changed);
  EXPECT_EQ(engine->exists(put.digest), true);
  const auto again = engine->references().value();
  EXPECT_EQ(engine->sweep_blob(put.digest, *again, now + 1), SweepResult::removed);
  EXPECT_EQ(engine->exists(put.digest), false);
  EXPECT_EQ(engine->sweep_blob(put.digest, *again, now + 1), SweepResult::absent);
}

TEST_P(PutBlob, OfOtherContentThanWasSaidIsRefusedAndLeavesNothing) {
  const Digest digest = Digest::of(as_bytes("some blob"), Algorithm::sha512);
  EXPECT_EQ(put_text(*engine, "some blob", {.digest = digest, .size = 9}).value().digest, digest);
  const auto code = [&](const PutOptions& options) {
    return put_text(*engine, "other", options).error().code();
  };
  EXPECT_EQ(code({.digest = digest}), Errc::digest_invalid);
  EXPECT_EQ(code({.digest = digest, .size = 5}), Errc::digest_invalid);
  EXPECT_EQ(code({.size = 6}), Errc::size_invalid);
  EXPECT_EQ(code({.size = 4}), Errc::size_invalid);
  EXPECT_THAT(engine->list_all_blobs().value(), ElementsAre(digest));
}

TEST_P(PutBlob, OfMoreBytesThanWereSaidIsNotReadToItsEnd) {
  Stream endless(std::size_t{1} << 40, 0);
  EXPECT_EQ(engine->put_blob(endless, {.size = 1'000'000}).error().code(), Errc::size_invalid);
}

TEST_P(PutBlob, ByCopyIsVerified) {
  const auto other = open_dir(directory / "other", {.create_if_missing = true}).value();
  const auto put = put_text(*other, "some blob").value();
  const auto blob = other->get_blob(put.digest).value();
  EXPECT_EQ(engine->copy_blob(blob, {.digest = put.digest, .size = put.size}).value().digest, put.digest);
  EXPECT_EQ(read_text(*engine->get_blob(put.digest).value()), "some blob");
  const Digest wrong = Digest::of(as_bytes("another blob"));
  EXPECT_EQ(engine->copy_blob(blob, {.digest = wrong}).error().code(), Errc::digest_invalid);
  EXPECT_FALSE(engine->exists(wrong).value());
}

}  // namespace
}  // namespace layoutfs
