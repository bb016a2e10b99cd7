// Content of a blob that arrives in pieces.
#include "layoutfs/upload.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <stop_token>

#include "layoutfs/open.h"
#include "tests/support/layout_writer.h"
#include "tests/support/store.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::names_in;
using testing::put_text;
using testing::read_text;
using testing::TempDir;

class Uploading : public ::testing::Test {
 protected:
  std::string uploads() const { return path + "/blobs/uploads"; }
  std::unique_ptr<Upload> begun_with(std::string_view text) {
    auto upload = engine->start_upload().value();
    EXPECT_TRUE(upload->append(as_bytes(text)));
    return upload;
  }
  static Errc code_of(const auto& result) { return result ? Errc{255} : result.error().code(); }

  TempDir directory;
  std::string path = directory / "layout";
  std::unique_ptr<Engine> engine = open_dir(path, {.create_if_missing = true}).value();
  Digest hello = Digest::of(as_bytes("hello"));
};

TEST_F(Uploading, PiecesOfAnySizeBecomeOneBlob) {
  std::string all;
  auto upload = engine->start_upload().value();
  for (const std::size_t size : {0U, 1U, 255U << 10U, 256U << 10U, (1U << 20U) + 17U, 3U}) {
    const std::string piece(size, static_cast<char>('a' + size % 26));
    ASSERT_TRUE(upload->append(as_bytes(piece)));
    all += piece;
    EXPECT_EQ(upload->size(), all.size());
  }
  EXPECT_THAT(names_in(uploads()), ElementsAre(upload->id()));
  const auto put = upload->commit(Digest::of(as_bytes(all))).value();
  EXPECT_EQ(put.size, all.size());
  EXPECT_EQ(read_text(*engine->get_blob(put.digest).value()), all);
  EXPECT_THAT(names_in(uploads()), IsEmpty());
}

TEST_F(Uploading, CanBeCalledByWhoeverBeginsIt) {
  const std::string id = hello.hex().substr(0, 32);
  EXPECT_EQ(code_of(engine->resume_upload(id)), Errc::upload_unknown);
  auto upload = engine->start_upload(id).value();
  EXPECT_EQ(upload->id(), id);
  EXPECT_EQ(code_of(engine->start_upload(id)), Errc::already_exists);
  ASSERT_TRUE(upload->append(as_bytes("hel")));
  ASSERT_TRUE(upload->close());
  EXPECT_EQ(code_of(engine->start_upload(id)), Errc::already_exists);
  auto resumed = engine->resume_upload(id).value();
  ASSERT_TRUE(resumed->append(as_bytes("lo")));
  EXPECT_TRUE(resumed->commit(hello));
  for (const char* bad : {"1", "../../index.json", "0123456789ABCDEF0123456789ABCDEF"})
    EXPECT_EQ(code_of(engine->start_upload(bad)), Errc::invalid_argument) << bad;
}

TEST_F(Uploading, NoBytesAreABlobToo) {
  auto upload = engine->start_upload().value();
  EXPECT_TRUE(upload->commit(Digest::of({})));
  EXPECT_EQ(engine->blob_size(Digest::of({})).value(), 0);
}

TEST_F(Uploading, GoesOnInAnotherEngineAndUnderAnotherAlgorithm) {
  const std::string id = begun_with("hel")->id();
  const auto other = open_dir(path).value();
  auto upload = other->resume_upload(id).value();
  ASSERT_TRUE(upload->append(as_bytes("lo")));
  const Digest sha512 = Digest::of(as_bytes("hello"), Algorithm::sha512);
  EXPECT_EQ(upload->commit(sha512).value().digest, sha512);
  EXPECT_EQ(read_text(*engine->get_blob(sha512).value()), "hello");
}

TEST_F(Uploading, KnowsTheDigestOfWhatIsThere) {
  auto upload = begun_with("hel");
  EXPECT_EQ(upload->digest().value(), Digest::of(as_bytes("hel")));
  ASSERT_TRUE(upload->append(as_bytes("lo")));
  EXPECT_EQ(upload->digest().value(), hello);
  ASSERT_TRUE(upload->close());
  EXPECT_EQ(code_of(upload->digest()), Errc::closed);
  auto again = engine->resume_upload(upload->id()).value();
  EXPECT_EQ(again->digest().value(), hello);
  EXPECT_TRUE(again->commit(hello));
}

TEST_F(Uploading, OfOtherContentIsRefusedAndStays) {
  auto upload = begun_with("hello");
  EXPECT_EQ(code_of(upload->commit(Digest::of(as_bytes("hallo")))), Errc::digest_invalid);
  EXPECT_EQ(code_of(upload->append(as_bytes("!"))), Errc::closed);
  EXPECT_THAT(engine->list_all_blobs().value(), IsEmpty());
  EXPECT_TRUE(upload->commit(hello));
  EXPECT_EQ(code_of(upload->commit(hello)), Errc::upload_unknown);
}

TEST_F(Uploading, IsOneWritersAtATime) {
  auto upload = begun_with("hel");
  EXPECT_EQ(code_of(engine->resume_upload(upload->id())), Errc::upload_busy);
  ASSERT_TRUE(upload->close());
  auto next = engine->resume_upload(upload->id());
  ASSERT_TRUE(next);
  EXPECT_EQ((*next)->size(), 3U);
  EXPECT_EQ(code_of(upload->commit(hello)), Errc::upload_busy);
  ASSERT_TRUE((*next)->append(as_bytes("lo")));
  ASSERT_TRUE((*next)->close());
  EXPECT_EQ(code_of(upload->commit(hello)), Errc::size_invalid) << "it knows of three bytes only";
  EXPECT_TRUE((*next)->commit(hello));
}

TEST_F(Uploading, UnknownIdsAreUnknownWhateverTheyLookLike) {
  const std::string gone = begun_with("x")->id();
  ASSERT_TRUE(std::filesystem::remove(uploads() + "/" + gone));
  for (const std::string& id :
       {gone, std::string(), std::string("../../index.json"), std::string(32, 'g'), std::string(31, '0')})
    EXPECT_EQ(code_of(engine->resume_upload(id)), Errc::upload_unknown) << id;
}

TEST_F(Uploading, ThroughASymlinkIsRefused) {
  const std::string id(32, 'a');
  begun_with("x");
  std::ofstream(directory / "outside") << "secret";
  std::filesystem::create_symlink(directory / "outside", uploads() + "/" + id);
  EXPECT_FALSE(engine->resume_upload(id));
}

TEST_F(Uploading, ThroughAPipeIsRefused) {
  const std::string id(32, 'a');
  begun_with("x");
  ASSERT_EQ(::mkfifo((uploads() + "/" + id).c_str(), 0600), 0);
  EXPECT_FALSE(engine->resume_upload(id));
}

TEST_F(Uploading, WhatSomebodyElseHasWrittenMeanwhileIsHashedAgain) {
  auto upload = begun_with("hello");
  ASSERT_EQ(upload->digest().value(), hello);
  ASSERT_TRUE(upload->close());
  std::ofstream(uploads() + "/" + upload->id()) << "hallo";
  EXPECT_EQ(code_of(upload->commit(hello)), Errc::digest_invalid);
  EXPECT_THAT(engine->list_all_blobs().value(), IsEmpty());
}

TEST_F(Uploading, IsCommittedOnlyUntilARequestToStop) {
  auto upload = begun_with("hello");
  ASSERT_EQ(upload->digest().value(), hello);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(code_of(upload->commit(hello, {.stop = stop.get_token(), .deadline = {}})), Errc::cancelled);
  EXPECT_THAT(engine->list_all_blobs().value(), IsEmpty());
  EXPECT_TRUE(upload->commit(hello));
}

TEST_F(Uploading, ToAFileThatHasAnotherNameTooIsRefused) {
  auto upload = begun_with("hel");
  ASSERT_TRUE(upload->close());
  const std::string file = uploads() + "/" + upload->id();
  std::filesystem::create_hard_link(file, directory / "other");
  EXPECT_EQ(code_of(engine->resume_upload(upload->id())), Errc::upload_busy);
  std::filesystem::remove(directory / "other");
  EXPECT_TRUE(engine->resume_upload(upload->id()));
}

TEST_F(Uploading, CancelledItIsGoneAndToCancelAgainIsNoError) {
  auto upload = begun_with("hello");
  EXPECT_TRUE(upload->cancel());
  EXPECT_THAT(names_in(uploads()), IsEmpty());
  EXPECT_TRUE(upload->cancel());
  EXPECT_EQ(code_of(upload->commit(hello)), Errc::upload_unknown);
  auto other = begun_with("hello");
  ASSERT_TRUE(other->commit(hello));
  EXPECT_TRUE(other->cancel());
  EXPECT_TRUE(engine->exists(hello).value());
}

TEST_F(Uploading, OfABlobThatIsThereKeepsThatOne) {
  const auto put = put_text(*engine, "hello").value();
  struct stat before{}, after{};
  ::stat(engine->blob_path(put.digest)->c_str(), &before);
  EXPECT_TRUE(begun_with("hello")->commit(hello));
  ::stat(engine->blob_path(put.digest)->c_str(), &after);
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_THAT(names_in(uploads()), IsEmpty());
}

TEST_F(Uploading, ReplacesADamagedBlob) {
  testing::write_file(path + "/" + hello.blob_path(), "hellO");
  auto upload = begun_with("hello");
  EXPECT_EQ(upload->commit(hello).value().size, 5u);
  EXPECT_EQ(read_text(*engine->get_blob(hello).value()), "hello");
  EXPECT_THAT(names_in(uploads()), IsEmpty());
}

TEST_F(Uploading, WhoTruncatesTheFileMeanwhileIsCaught) {
  auto upload = begun_with("hello");
  std::filesystem::resize_file(uploads() + "/" + upload->id(), 4);
  EXPECT_EQ(code_of(upload->commit(hello)), Errc::size_invalid);
  EXPECT_THAT(engine->list_all_blobs().value(), IsEmpty());
}

TEST_F(Uploading, IsNoBlobOfAListing) {
  const auto upload = begun_with("hello");
  EXPECT_THAT(engine->list_all_blobs().value(), IsEmpty());
}

TEST_F(Uploading, WhatNobodyHasTouchedForADayIsLitter) {
  const auto age = [&](const std::string& id, std::time_t seconds) {
    const timespec old{std::time(nullptr) - seconds, 0};
    const timespec times[]{old, old};
    ASSERT_EQ(::utimensat(AT_FDCWD, (uploads() + "/" + id).c_str(), times, 0), 0);
  };
  constexpr std::time_t kDay = 24 * 60 * 60;
  const auto held = begun_with("held");
  const std::string young = begun_with("young")->id(), old = begun_with("old")->id();
  age(held->id(), kDay + 60);
  age(young, kDay - 60);
  age(old, kDay + 60);
  std::ofstream(uploads() + "/note") << "somebody's";
  age("note", kDay + 60);
  ASSERT_TRUE(engine->clean());
  std::vector<std::string> expected{held->id(), young, "note"};
  std::ranges::sort(expected);
  EXPECT_EQ(names_in(uploads()), expected);
}

}  // namespace
}  // namespace layoutfs
