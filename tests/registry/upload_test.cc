// Blobs that arrive in pieces, over several writers, registries and processes.
#include "layoutfs/upload.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <functional>
#include <random>

#include "core/base/file.h"
#include "layoutfs/gc.h"
#include "tests/registry/fixture.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using testing::failure_of;
using testing::file_text;
using testing::files_of_blobs;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using testing::must;
using testing::push_text;
using testing::registry_failure_of;
using testing::text_of;

constexpr std::string_view kUnknownId = "0123456789abcdef0123456789abcdef";

Digest digest_of(std::string_view text, Algorithm algorithm = kBlobAlgorithm) {
  return Digest::of(as_bytes(text), algorithm);
}

class AnUpload : public testing::OneLayout {
 protected:
  std::unique_ptr<BlobWriter> begin() { return must(registry->push_blob_chunked(kApp)); }
  Result<std::unique_ptr<BlobWriter>> try_resume(std::string_view id, std::int64_t offset) {
    return registry->push_blob_chunked_resume(kApp, id, offset);
  }
  std::unique_ptr<BlobWriter> resume(std::string_view id, std::int64_t offset = -1) {
    return must(try_resume(id, offset));
  }
  // Starts an upload and releases it; returns its ID.
  std::string left_with(std::string_view text) {
    auto writer = begin();
    must(writer->write(as_bytes(text)));
    must(writer->close());
    return writer->id();
  }
  std::string file_of(std::string_view id) const { return path + "/blobs/uploads/" + std::string(id); }
  std::vector<std::string> uploads() const {
    std::vector<std::string> ids;
    for (const std::string& file : files_of_blobs(path))
      if (file.starts_with("uploads/")) ids.push_back(file.substr(8));
    return ids;
  }
};

TEST_F(AnUpload, HasAFileUntilItIsCommitted) {
  auto writer = begin();
  EXPECT_THAT(writer->id(), MatchesRegex("[0-9a-f]{32}"));
  EXPECT_EQ(writer->size(), 0u);
  must(writer->write(as_bytes("some ")));
  EXPECT_TRUE(std::filesystem::is_regular_file(file_of(writer->id())));
  must(writer->write(as_bytes("content")));
  EXPECT_EQ(writer->size(), 12u);
  EXPECT_EQ(registry_failure_of(registry->get_blob(kApp, digest_of("some content"))),
            RegistryCode::blob_unknown);
  const auto blob = must(writer->commit(digest_of("some content")));
  EXPECT_EQ(blob.digest, digest_of("some content"));
  EXPECT_EQ(blob.size, 12u);
  EXPECT_EQ(blob.media_type, "application/octet-stream");
  EXPECT_FALSE(std::filesystem::exists(file_of(writer->id())));
  EXPECT_EQ(text_of(registry->get_blob(kApp, blob.digest)), "some content");
}

TEST_F(AnUpload, IsNoBlobToAnybody) {
  const auto id = left_with("content");
  const auto engine = must(open_dir(path));
  EXPECT_THAT(must(engine->list_all_blobs()), IsEmpty());
  const auto collected = collect_garbage(*engine, {.grace = std::chrono::nanoseconds(0)});
  EXPECT_FALSE(collected.ended_by);
  EXPECT_THAT(collected.removed, IsEmpty());
  EXPECT_EQ(resume(id)->size(), 7u);
}

TEST_F(AnUpload, TakesPiecesOfAnySize) {
  std::string text;
  auto writer = must(registry->push_blob_chunked(kApp, 10));
  for (const std::size_t size : {0U, 1U, 9U, 10U, 11U, 0U, 100'000U, 3'000'000U, 1U}) {
    const std::string piece(size, static_cast<char>('a' + size % 26));
    must(writer->write(as_bytes(piece)));
    text += piece;
    EXPECT_EQ(writer->size(), text.size());
  }
  EXPECT_EQ(must(writer->commit(digest_of(text))).size, text.size());
  EXPECT_EQ(text_of(registry->get_blob(kApp, digest_of(text))), text);
}

TEST_F(AnUpload, MayStayEmpty) {
  auto writer = begin();
  EXPECT_EQ(must(writer->commit(digest_of(""))).size, 0u);
  EXPECT_EQ(text_of(registry->get_blob(kApp, digest_of(""))), "");
}

TEST_F(AnUpload, HintsAtASizeOfPieces) {
  EXPECT_EQ(begin()->chunk_size(), 8192u);
  EXPECT_EQ(must(registry->push_blob_chunked(kApp, 100))->chunk_size(), 100u);
  EXPECT_EQ(must(registry->push_blob_chunked(kApp, 0))->chunk_size(), 8192u);
  const auto id = left_with("content");
  EXPECT_EQ(must(registry->push_blob_chunked_resume(kApp, id, -1, 5))->chunk_size(), 5u);
}

TEST_F(AnUpload, MayBecomeASha512Blob) {
  auto writer = begin();
  must(writer->write(as_bytes("content")));
  EXPECT_EQ(failure_of(writer->commit(digest_of("another", Algorithm::sha512))), Errc::digest_invalid);
  const auto blob = must(writer->commit(digest_of("content", Algorithm::sha512)));
  EXPECT_EQ(blob.digest, digest_of("content", Algorithm::sha512));
  EXPECT_EQ(text_of(registry->get_blob(kApp, blob.digest)), "content");
  EXPECT_EQ(registry_failure_of(registry->get_blob(kApp, digest_of("content"))), RegistryCode::blob_unknown);
}

TEST_F(AnUpload, GoesOnWhereItEnds) {
  const auto id = begin()->id();
  EXPECT_EQ(registry_failure_of(try_resume(id, 5)), RegistryCode::range_invalid)
      << "the first piece begins at 0";
  {
    auto writer = resume(id, 0);
    must(writer->write(as_bytes("first ")));
    must(writer->close());
  }
  EXPECT_EQ(registry_failure_of(try_resume(id, 0)), RegistryCode::range_invalid) << "the same piece again";
  for (const std::int64_t offset : {std::int64_t{5}, std::int64_t{7}, INT64_MAX})
    EXPECT_EQ(registry_failure_of(try_resume(id, offset)), RegistryCode::range_invalid) << offset;
  EXPECT_EQ(resume(id)->size(), 6u) << "where to go on can be asked for";
  auto writer = resume(id, 6);
  EXPECT_EQ(writer->id(), id);
  must(writer->write(as_bytes("second")));
  EXPECT_EQ(writer->size(), 12u);
  EXPECT_EQ(must(writer->commit(digest_of("first second"))).size, 12u);
}

TEST_F(AnUpload, BeginsWhereNoIdIsGiven) {
  auto first = resume("", 0), second = resume("", -1);
  EXPECT_NE(first->id(), second->id());
  must(first->write(as_bytes("first")));
  must(second->write(as_bytes("second")));
  must(first->commit(digest_of("first")));
  must(second->commit(digest_of("second")));
  EXPECT_EQ(text_of(registry->get_blob(kApp, digest_of("first"))), "first");
  EXPECT_EQ(text_of(registry->get_blob(kApp, digest_of("second"))), "second");
}

TEST_F(AnUpload, DoesNotBeginBehindItsBeginning) {
  EXPECT_EQ(registry_failure_of(try_resume("", 5)), RegistryCode::range_invalid);
  EXPECT_THAT(uploads(), IsEmpty());
}

TEST_F(AnUpload, IsOfNoRepository) {
  auto writer = must(registry->push_blob_chunked_resume("another/one", left_with("content"), 7));
  must(writer->commit(digest_of("content")));
  EXPECT_EQ(text_of(registry->get_blob(kApp, digest_of("content"))), "content");
}

TEST_F(AnUpload, IsUnknownWhereNobodyHasBegunIt) {
  push_text(*registry, kApp, "content");
  const auto before = testing::state_of_tree(path);
  for (const std::string& id :
       {std::string(kUnknownId), std::string("../../index.json"), std::string("."), std::string(".."),
        std::string("a"), std::string(31, 'a'), std::string(33, 'a'), std::string(32, 'A'),
        std::string(32, 'g'), "../sha256/" + digest_of("content").hex(), std::string(16, '\0') + "/",
        "/" + std::string(31, 'a')})
    for (const std::int64_t offset : {-1, 0, 7})
      EXPECT_EQ(registry_failure_of(try_resume(id, offset)), RegistryCode::blob_upload_unknown)
          << id << " at " << offset;
  EXPECT_EQ(testing::state_of_tree(path), before);
}

TEST_F(AnUpload, IsUnknownBeforeThereIsALayout) {
  EXPECT_EQ(registry_failure_of(try_resume(kUnknownId, 0)), RegistryCode::blob_upload_unknown);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(AnUpload, IsNoSymlink) {
  push_text(*registry, kApp, "content");
  std::filesystem::create_directories(path + "/blobs/uploads");
  std::filesystem::create_symlink("../../index.json", file_of(kUnknownId));
  const auto index = file_text(path + "/index.json");
  EXPECT_NE(failure_of(try_resume(kUnknownId, -1)), std::nullopt);
  EXPECT_EQ(file_text(path + "/index.json"), index);
}

TEST_F(AnUpload, IsKeptWhenItIsClosed) {
  auto writer = begin();
  must(writer->write(as_bytes("content")));
  must(writer->close());
  must(writer->close());
  EXPECT_EQ(failure_of(writer->write(as_bytes("more"))), Errc::closed);
  EXPECT_EQ(writer->size(), 7u);
  EXPECT_EQ(file_text(file_of(writer->id())), "content");
  EXPECT_EQ(must(writer->commit(digest_of("content"))).size, 7u);
}

TEST_F(AnUpload, IsKeptWhenItsWriterGoes) {
  std::string id;
  {
    auto writer = begin();
    must(writer->write(as_bytes("content")));
    id = writer->id();
  }
  registry = open();
  EXPECT_EQ(must(resume(id, 7)->commit(digest_of("content"))).size, 7u);
}

TEST_F(AnUpload, IsStillThereAfterACommitOfAnotherDigest) {
  auto writer = begin();
  must(writer->write(as_bytes("content")));
  EXPECT_EQ(failure_of(writer->commit(digest_of("another"))), Errc::digest_invalid);
  EXPECT_EQ(failure_of(writer->commit({})), Errc::digest_invalid);
  EXPECT_THAT(files_of_blobs(path), ElementsAre("uploads/" + writer->id()));
  EXPECT_EQ(must(writer->commit(digest_of("content"))).digest, digest_of("content"));
  EXPECT_THAT(uploads(), IsEmpty());
}

TEST_F(AnUpload, MayGoOnAfterACommitOfAnotherDigest) {
  auto early = begin();
  must(early->write(as_bytes("con")));
  EXPECT_EQ(failure_of(early->commit(digest_of("content"))), Errc::digest_invalid);
  EXPECT_EQ(failure_of(early->write(as_bytes("tent"))), Errc::closed);
  auto writer = resume(early->id(), 3);
  must(writer->write(as_bytes("tent")));
  EXPECT_EQ(must(writer->commit(digest_of("content"))).size, 7u);
}

TEST_F(AnUpload, MayBeCancelledAfterACommitOfAnotherDigest) {
  auto writer = begin();
  must(writer->write(as_bytes("content")));
  EXPECT_EQ(failure_of(writer->commit(digest_of("another"))), Errc::digest_invalid);
  must(writer->cancel());
  EXPECT_THAT(files_of_blobs(path), IsEmpty());
}

// D10: 001 takes the word of a file of the same size.
TEST_F(AnUpload, IsVerifiedAlsoWhereTheBlobIsThere) {
  push_text(*registry, kApp, "content");
  auto wrong = begin(), right = begin();
  must(wrong->write(as_bytes("Content")));
  EXPECT_EQ(failure_of(wrong->commit(digest_of("content"))), Errc::digest_invalid);
  must(right->write(as_bytes("content")));
  EXPECT_EQ(must(right->commit(digest_of("content"))).size, 7u);
  EXPECT_THAT(uploads(), ElementsAre(wrong->id()));
}

TEST_F(AnUpload, IsReadAgainWhereItsWriterHadLetGoOfIt) {
  auto writer = begin();
  must(writer->write(as_bytes("content")));
  EXPECT_EQ(failure_of(writer->commit(digest_of("another"))), Errc::digest_invalid);
  testing::write_file(file_of(writer->id()), "Content");
  EXPECT_EQ(failure_of(writer->commit(digest_of("content"))), Errc::digest_invalid);
  EXPECT_EQ(must(writer->commit(digest_of("Content"))).size, 7u);
}

TEST_F(AnUpload, IsUnknownOnceItWasCommitted) {
  auto writer = begin();
  must(writer->write(as_bytes("content")));
  must(writer->commit(digest_of("content")));
  EXPECT_EQ(registry_failure_of(writer->commit(digest_of("content"))), RegistryCode::blob_upload_unknown);
  EXPECT_EQ(failure_of(writer->write(as_bytes("more"))), Errc::closed);
  EXPECT_EQ(registry_failure_of(try_resume(writer->id(), -1)), RegistryCode::blob_upload_unknown);
  EXPECT_EQ(registry_failure_of(try_resume(writer->id(), 0)), RegistryCode::blob_upload_unknown);
  EXPECT_THAT(uploads(), IsEmpty());
  must(writer->close());
  must(writer->cancel());
  EXPECT_EQ(text_of(registry->get_blob(kApp, digest_of("content"))), "content");
}

TEST_F(AnUpload, IsUnknownOnceItWasCancelled) {
  auto writer = begin();
  must(writer->write(as_bytes("content")));
  must(writer->cancel());
  must(writer->cancel());
  EXPECT_THAT(files_of_blobs(path), IsEmpty());
  EXPECT_EQ(failure_of(writer->write(as_bytes("more"))), Errc::closed);
  EXPECT_EQ(registry_failure_of(writer->commit(digest_of("content"))), RegistryCode::blob_upload_unknown);
  EXPECT_EQ(registry_failure_of(try_resume(writer->id(), -1)), RegistryCode::blob_upload_unknown);
}

TEST_F(AnUpload, IsUnknownWhereAnotherWriterHasEndedIt) {
  const auto id = left_with("content");
  auto first = resume(id);
  must(first->close());
  must(resume(id)->cancel());
  EXPECT_EQ(registry_failure_of(first->commit(digest_of("content"))), RegistryCode::blob_upload_unknown);
  must(first->cancel());

  auto second = begin();
  must(second->write(as_bytes("content")));
  must(second->close());
  must(resume(second->id())->commit(digest_of("content")));
  EXPECT_EQ(registry_failure_of(second->commit(digest_of("content"))), RegistryCode::blob_upload_unknown);
}

TEST_F(AnUpload, IsNotCancelledUnderItsWriter) {
  auto first = begin();
  must(first->close());
  auto second = resume(first->id());
  must(second->write(as_bytes("content")));
  EXPECT_EQ(registry_failure_of(first->cancel()), RegistryCode::blob_upload_invalid);
  must(second->commit(digest_of("content")));
  must(first->cancel());
}

TEST_F(AnUpload, IsUnknownToItsWriterOnceSomebodyHasRemovedItsFile) {
  auto second = begin();
  must(second->write(as_bytes("content")));
  ASSERT_TRUE(std::filesystem::remove(path + "/blobs/uploads/" + second->id()));
  EXPECT_EQ(registry_failure_of(second->commit(digest_of("content"))), RegistryCode::blob_upload_unknown);
  EXPECT_THAT(files_of_blobs(path), IsEmpty());
  must(second->cancel());
}

TEST_F(AnUpload, HasOneWriterAtATime) {
  auto writer = begin();
  const auto id = writer->id();
  must(writer->write(as_bytes("content")));
  const auto other = open();
  for (Registry* who : {registry.get(), other.get()})
    for (const std::int64_t offset : {-1, 0, 7})
      EXPECT_EQ(registry_failure_of(who->push_blob_chunked_resume(kApp, id, offset)),
                RegistryCode::blob_upload_invalid);
  must(writer->close());
  auto next = must(other->push_blob_chunked_resume(kApp, id, 7));
  EXPECT_EQ(registry_failure_of(try_resume(id, -1)), RegistryCode::blob_upload_invalid);
  EXPECT_EQ(registry_failure_of(writer->commit(digest_of("content"))), RegistryCode::blob_upload_invalid);
  must(next->close());
  EXPECT_EQ(must(writer->commit(digest_of("content"))).size, 7u);
}

TEST_F(AnUpload, IsNotCommittedWithWhatAnotherWriterHasAdded) {
  auto writer = begin();
  must(writer->write(as_bytes("con")));
  must(writer->close());
  {
    auto other = resume(writer->id());
    must(other->write(as_bytes("tent")));
  }
  for (const char* text : {"con", "content"})
    EXPECT_EQ(failure_of(writer->commit(digest_of(text))), Errc::size_invalid) << text;
  EXPECT_EQ(must(resume(writer->id(), 7)->commit(digest_of("content"))).size, 7u);
}

TEST_F(AnUpload, IsStillThereAfterACommitThatWasStopped) {
  auto writer = begin();
  must(writer->write(as_bytes("content")));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(failure_of(writer->commit(digest_of("content"), {.stop = stop.get_token(), .deadline = {}})),
            Errc::cancelled);
  EXPECT_EQ(must(writer->commit(digest_of("content"))).size, 7u);
}

TEST_F(AnUpload, OfAnyCourseBecomesTheContentThatWasWritten) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 30; ++round) {
    std::string text;
    std::unique_ptr<BlobWriter> writer = begin();
    for (auto steps = random() % 12; steps > 0; --steps) switch (random() % 4) {
        case 0: {  // on with it, in another registry
          const std::string id = writer->id();
          writer.reset();
          registry = open();
          writer = resume(id, static_cast<std::int64_t>(text.size()));
          break;
        }
        case 1:  // a commit too early
          ASSERT_EQ(failure_of(writer->commit(digest_of("another"))), Errc::digest_invalid);
          writer = resume(writer->id());
          break;
        default: {
          const std::string piece(random() % (random() % 3 == 0 ? 600'000 : 100),
                                  static_cast<char>(random()));
          must(writer->write(as_bytes(piece)));
          text += piece;
        }
      }
    ASSERT_EQ(writer->size(), text.size());
    const auto digest = digest_of(text, algorithms()[random() % algorithms().size()]);
    ASSERT_EQ(must(writer->commit(digest)).size, text.size());
    ASSERT_EQ(text_of(registry->get_blob(kApp, digest)), text);
  }
  EXPECT_THAT(uploads(), IsEmpty());
}

// Returns the bytes from a pipe until its other end is closed.
std::string rest_of(int fd) {
  std::string text;
  std::array<char, 256> buffer;
  for (;;) {
    const ssize_t got = retried([&] { return ::read(fd, buffer.data(), buffer.size()); });
    if (got <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

// Runs `work` in a child process, which is killed with all its open files, and returns its result.
std::string said_by_a_process(const std::function<std::string()>& work) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("no process");
  if (child == 0) {
    std::string said;
    try {
      said = work();
    } catch (const std::exception& error) {
      said = error.what();
    }
    if (!write_all(ends[1], as_bytes(said), "a pipe")) ::_exit(1);
    ::kill(::getpid(), SIGKILL);
  }
  ::close(ends[1]);
  const std::string said = rest_of(ends[0]);
  ::close(ends[0]);
  retried([&] { return ::waitpid(child, nullptr, 0); });
  return said;
}

TEST_F(AnUpload, OutlivesItsProcess) {
  std::string id, text;
  for (int round = 0; round < 5; ++round) {
    const std::string piece(50'000 + static_cast<std::size_t>(round), static_cast<char>('a' + round));
    std::unique_ptr<Registry> other;
    std::unique_ptr<BlobWriter> writer;  // open when the process is killed
    id = said_by_a_process([&] {
      other = open();
      writer = must(other->push_blob_chunked_resume(kApp, id, static_cast<std::int64_t>(text.size())));
      must(writer->write(as_bytes(piece)));
      return writer->id();
    });
    ASSERT_THAT(id, MatchesRegex("[0-9a-f]{32}"));
    text += piece;
  }
  EXPECT_EQ(must(resume(id, static_cast<std::int64_t>(text.size()))->commit(digest_of(text))).size,
            text.size());
  EXPECT_EQ(text_of(registry->get_blob(kApp, digest_of(text))), text);
}

TEST_F(AnUpload, IsBusyForOtherProcesses) {
  auto writer = begin();
  const auto outcome_elsewhere = [&] {
    return said_by_a_process([&]() -> std::string {
      const auto other = open();
      const auto resumed = other->push_blob_chunked_resume(kApp, writer->id(), -1);
      return resumed ? "resumed" : std::string(wire_code(registry_code(resumed.error())));
    });
  };
  EXPECT_EQ(outcome_elsewhere(), "BLOB_UPLOAD_INVALID");
  must(writer->close());
  EXPECT_EQ(outcome_elsewhere(), "resumed");
  EXPECT_EQ(resume(writer->id())->size(), 0u);
}

TEST_F(AnUpload, IsCommittedByAnotherProcess) {
  const auto id = left_with("content");
  const auto said = said_by_a_process([&] {
    const auto other = open();
    auto writer = must(other->push_blob_chunked_resume(kApp, id, 7));
    return must(writer->commit(digest_of("content"))).digest.str();
  });
  EXPECT_EQ(said, digest_of("content").str());
  EXPECT_EQ(registry_failure_of(try_resume(id, 7)), RegistryCode::blob_upload_unknown);
  EXPECT_EQ(text_of(registry->get_blob(kApp, digest_of("content"))), "content");
}

class CleaningUploads : public AnUpload {
 protected:
  void clean() const { must(must(open_dir(path))->clean()); }
  // Sets the time of the file back by this number of hours.
  static void make_old(const std::string& file, int hours) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec -= hours * 3600;
    const timespec times[] = {now, now};
    ASSERT_EQ(::utimensat(AT_FDCWD, file.c_str(), times, AT_SYMLINK_NOFOLLOW), 0) << file;
  }
};

TEST_F(CleaningUploads, TakesThoseThatNobodyHasTouchedForADay) {
  const auto young = left_with("young"), old = left_with("old"), almost = left_with("almost");
  make_old(file_of(old), 25);
  make_old(file_of(almost), 23);
  clean();
  EXPECT_FALSE(std::filesystem::exists(file_of(old)));
  EXPECT_EQ(registry_failure_of(try_resume(old, -1)), RegistryCode::blob_upload_unknown);
  EXPECT_EQ(resume(young)->size(), 5u);
  EXPECT_EQ(resume(almost)->size(), 6u);
}

TEST_F(CleaningUploads, LeavesThoseThatSomebodyHas) {
  auto writer = begin();
  must(writer->write(as_bytes("con")));
  make_old(file_of(writer->id()), 1000);
  clean();
  must(writer->write(as_bytes("tent")));
  EXPECT_EQ(must(writer->commit(digest_of("content"))).size, 7u);
}

TEST_F(CleaningUploads, LeavesWhatIsNone) {
  push_text(*registry, kApp, "content");
  const std::string folder = path + "/blobs/uploads/";
  testing::write_file(folder + "notes.txt", "of somebody else");
  testing::write_file(folder + std::string(31, 'a'), "too short");
  testing::write_file(folder + std::string(32, 'A'), "upper case");
  testing::write_file(folder + std::string(32, 'b') + "/file", "in a folder");
  std::filesystem::create_symlink("../../index.json", folder + std::string(32, 'c'));
  for (const std::string& name : testing::names_in(folder)) make_old(folder + name, 1000);
  const auto before = testing::state_of_tree(path);
  clean();
  EXPECT_EQ(testing::state_of_tree(path), before);
}

TEST_F(CleaningUploads, LeavesBlobsAndReferences) {
  const auto image = testing::push_image(*registry, kApp, "layer", {"v1"});
  const auto old = left_with("old");
  for (const Descriptor& blob : {image.config, image.layer, image.manifest})
    make_old(path + "/" + blob.digest.blob_path(), 1000);
  make_old(file_of(old), 1000);
  clean();
  EXPECT_EQ(files_of_blobs(path).size(), 3u);
  EXPECT_EQ(text_of(registry->get_tag(kApp, "v1")), image.text);
}

TEST(TheIdOfAnUpload, Is32LowerCaseHexDigits) {
  EXPECT_TRUE(is_upload_id(kUnknownId));
  EXPECT_TRUE(is_upload_id(std::string(32, 'f')));
  for (const std::string& text :
       {std::string(), std::string(31, 'a'), std::string(33, 'a'), std::string(32, 'A'), std::string(32, 'g'),
        std::string(32, '\0'), std::string(31, 'a') + "\n", std::string(31, 'a') + "/"})
    EXPECT_FALSE(is_upload_id(text)) << text;
}

}  // namespace
}  // namespace layoutfs
