// Files with ranges: chunks, damage, proof, and other processes.
#include "core/remote/range_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "core/remote/range_chunks.h"
#include "tests/remote/memory_range_source.h"
#include "tests/support/results.h"
#include "tests/support/temp_dir.h"

namespace layoutfs::testing {
namespace {

class RangeFiles : public ::testing::Test {
 protected:
  static constexpr std::size_t kSize = 5 * kRangeChunk + 1000;

  RangeFiles() {
    const UniqueFd file(::open(path().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    must(RangeFile::initialize(file.get(), kSize));
  }
  std::string path() const { return dir_ / "ranges"; }
  UniqueFd handle() const { return UniqueFd(::open(path().c_str(), O_RDWR | O_CLOEXEC)); }
  std::shared_ptr<RangeFile> open() const { return must(RangeFile::open(handle(), kSize)); }
  ByteView chunk(std::uint64_t index) const {
    return ByteView(content_).subspan(index * kRangeChunk, chunk_size(index, kSize));
  }
  void fill(RangeFile& file) const {
    for (std::uint64_t i = 0; i < chunk_count(kSize); ++i)
      EXPECT_EQ(must(file.add(i, chunk(i))), RangeFile::Added::yes);
  }
  void flip(std::uint64_t offset) const {
    const UniqueFd file = handle();
    std::byte byte{};
    ASSERT_EQ(::pread(file.get(), &byte, 1, static_cast<off_t>(offset)), 1);
    byte ^= std::byte{1};
    ASSERT_EQ(::pwrite(file.get(), &byte, 1, static_cast<off_t>(offset)), 1);
  }
  // Returns the chunk, empty if it is missing.
  Bytes read(RangeFile& file, std::uint64_t index) const {
    Bytes out(chunk_size(index, kSize));
    return must(file.read(index, 0, out)) ? out : Bytes();
  }

  TempDir dir_;
  const Bytes content_ = random_bytes(kSize, 1);
  const Digest digest_ = Digest::of(content_);
};

TEST_F(RangeFiles, AChunkIsThereForAllUsersOnceItWasAdded) {
  const auto one = open(), other = open();
  EXPECT_TRUE(read(*other, 2).empty());
  EXPECT_EQ(must(one->add(2, chunk(2))), RangeFile::Added::yes);
  EXPECT_EQ(must(other->add(2, chunk(2))), RangeFile::Added::was_present);
  EXPECT_EQ(read(*other, 2), Bytes(chunk(2).begin(), chunk(2).end()));
  EXPECT_EQ(other->present(0, 6), (std::vector<bool>{false, false, true, false, false, false}));
  EXPECT_TRUE(read(*other, 1).empty());
  Bytes part(100);
  ASSERT_TRUE(must(other->read(2, 500, part)));
  EXPECT_EQ(part, Bytes(chunk(2).begin() + 500, chunk(2).begin() + 600));
}

TEST_F(RangeFiles, AFileOfAnotherBlobOrFormatIsRefused) {
  EXPECT_EQ(failure_of(RangeFile::open(handle(), kSize + 1)), Errc::corrupt);
  EXPECT_EQ(failure_of(RangeFile::open(handle(), 10 * kRangeChunk)), Errc::corrupt);
  ASSERT_EQ(::truncate(path().c_str(), kSize), 0);
  EXPECT_EQ(failure_of(RangeFile::open(handle(), kSize)), Errc::corrupt);
  ASSERT_EQ(::truncate(path().c_str(), 0), 0);
  EXPECT_EQ(failure_of(RangeFile::open(handle(), kSize)), Errc::corrupt);
  EXPECT_EQ(failure_of(RangeFile::initialize(handle().get(), RangeFile::kMaxSize + 1)), Errc::unsupported);
}

TEST_F(RangeFiles, ADamagedChunkIsDroppedAndCanBeAddedAgain) {
  const auto file = open();
  fill(*file);
  flip(3 * kRangeChunk + 77);
  EXPECT_TRUE(read(*file, 3).empty());
  EXPECT_FALSE(file->present(3, 1).front());
  EXPECT_EQ(must(file->add(3, chunk(3))), RangeFile::Added::yes);
  EXPECT_FALSE(read(*file, 3).empty());
  EXPECT_EQ(must(file->prove(digest_, {})), RangeFile::Proof::right);
}

TEST_F(RangeFiles, NoByteOfTheMapCanMakeAChunkWrong) {
  const auto file = open();
  fill(*file);
  struct stat status{};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  const auto end = static_cast<std::uint64_t>(status.st_size);
  for (std::uint64_t offset = end - 6 * 8; offset < end; ++offset) {
    flip(offset);
    for (std::uint64_t i = 0; i < chunk_count(kSize); ++i)
      if (const Bytes found = read(*file, i); !found.empty()) {
        EXPECT_EQ(found, Bytes(chunk(i).begin(), chunk(i).end())) << offset;
      } else {
        ignore(file->add(i, chunk(i)), "it was dropped");
      }
  }
}

TEST_F(RangeFiles, ChunksOfOtherPlacesAreNotAccepted) {
  const auto file = open();
  ASSERT_TRUE(file->add(0, chunk(0)));
  ASSERT_TRUE(file->add(1, chunk(0)));
  // The content and the entry of a chunk at the place of another one, as after a mistake of the disk.
  const UniqueFd fd = handle();
  struct stat status{};
  ASSERT_EQ(::fstat(fd.get(), &status), 0);
  const auto entries = static_cast<off_t>(status.st_size) - 6 * 8;
  std::uint64_t entry = 0;
  ASSERT_EQ(::pread(fd.get(), &entry, sizeof entry, entries), 8);
  ASSERT_EQ(::pwrite(fd.get(), &entry, sizeof entry, entries + 8), 8);
  EXPECT_TRUE(read(*file, 1).empty());
}

TEST_F(RangeFiles, AProvenFileIsTheBlobForAllUsers) {
  const auto file = open(), other = open();
  EXPECT_EQ(must(file->prove(digest_, {})), RangeFile::Proof::impossible);
  fill(*file);
  EXPECT_EQ(must(file->prove(digest_, {})), RangeFile::Proof::right);
  EXPECT_EQ(std::filesystem::file_size(path()), kSize);
  EXPECT_EQ(read_all(handle().get(), "blob", kSize).value(), content_);

  EXPECT_FALSE(other->is_complete());
  EXPECT_EQ(read(*other, 5), Bytes(chunk(5).begin(), chunk(5).end()));
  EXPECT_TRUE(other->is_complete());
  const auto third_party = Bytes(kRangeChunk);
  EXPECT_EQ(must(other->add(0, third_party)), RangeFile::Added::was_present);
  EXPECT_TRUE(other->drop(0, 6));
  EXPECT_EQ(must(other->prove(digest_, {})), RangeFile::Proof::right);
  EXPECT_EQ(read_all(handle().get(), "blob", kSize).value(), content_) << "it is never written again";
}

TEST_F(RangeFiles, WrongContentIsDroppedForAllUsers) {
  const auto file = open(), other = open();
  fill(*file);
  ASSERT_TRUE(file->drop(4, 1));
  ASSERT_TRUE(file->add(4, chunk(0)));
  EXPECT_EQ(must(file->prove(digest_, {})), RangeFile::Proof::wrong);
  EXPECT_TRUE(read(*other, 0).empty());
  EXPECT_EQ(must(other->add(0, chunk(0))), RangeFile::Added::gone);
  EXPECT_FALSE(other->is_complete());
}

TEST_F(RangeFiles, ADiskThatLosesAChunkDoesNotMakeTheOthersWrong) {
  const auto file = open();
  fill(*file);
  flip(2 * kRangeChunk);
  EXPECT_EQ(must(file->prove(digest_, {})), RangeFile::Proof::impossible);
  EXPECT_EQ(file->first_missing(0), 2u);
  EXPECT_EQ(file->first_missing(3), 6u);
}

TEST_F(RangeFiles, ARemovedFileIsNotWritten) {
  const auto file = open();
  ASSERT_TRUE(file->add(0, chunk(0)));
  std::filesystem::remove(path());
  EXPECT_EQ(must(file->add(1, chunk(1))), RangeFile::Added::gone);
  EXPECT_FALSE(read(*file, 0).empty()) << "it can still be read";
}

TEST_F(RangeFiles, AProofEndsWithItsContext) {
  const auto file = open();
  fill(*file);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(failure_of(file->prove(digest_, {.stop = stop.get_token(), .deadline = {}})), Errc::cancelled);
}

}  // namespace
}  // namespace layoutfs::testing
