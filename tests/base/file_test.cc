// Files: reads in full, limits, replacing by rename, mapping.
#include "core/base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/support/temp_dir.h"

namespace layoutfs {
namespace {

using testing::TempDir;
using testing::write_file;

std::string text_of(const Result<Bytes>& bytes) {
  return bytes ? std::string(as_text(*bytes)) : bytes.error().message();
}

// A FIFO would make a blocking open wait for a writer.
Result<Bytes> read_at(const std::string& path, std::size_t limit) {
  const auto fd = open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK);
  if (!fd) return std::unexpected(fd.error());
  return read_all(fd->get(), path, limit);
}

TEST(UniqueFd, ClosesWhatItOwnsOnce) {
  const TempDir directory;
  int number = -1;
  {
    auto fd = open_at(AT_FDCWD, directory.path(), O_RDONLY | O_DIRECTORY).value();
    number = fd.get();
    UniqueFd other = std::move(fd);
    EXPECT_EQ(other.get(), number);
    EXPECT_NE(::fcntl(number, F_GETFD), -1);
    EXPECT_NE(::fcntl(number, F_GETFD) & FD_CLOEXEC, 0);
  }
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
}

TEST(OpenAt, TheErrorNamesThePath) {
  const auto fd = open_at(AT_FDCWD, "/no/such/file", O_RDONLY);
  ASSERT_FALSE(fd);
  EXPECT_EQ(fd.error().code(), Errc::not_found);
  EXPECT_NE(fd.error().message().find("/no/such/file"), std::string::npos);
}

TEST(PreadFull, IsShortOnlyAtTheEndOfTheFile) {
  const TempDir directory;
  write_file(directory / "f", "0123456789");
  const auto fd = open_at(AT_FDCWD, directory / "f", O_RDONLY).value();
  Bytes out(4);
  ASSERT_EQ(pread_full(fd.get(), out, 3).value(), 4u);
  EXPECT_EQ(as_text(out), "3456");
  EXPECT_EQ(pread_full(fd.get(), out, 8).value(), 2u);
  EXPECT_EQ(pread_full(fd.get(), out, 10).value(), 0u);
  EXPECT_EQ(pread_full(fd.get(), out, 1'000'000).value(), 0u);
  EXPECT_FALSE(pread_full(-1, out, 0));
}

TEST(ReadAll, GivesAllOfItUpToTheLimit) {
  const TempDir directory;
  write_file(directory / "f", "0123456789");
  write_file(directory / "empty", "");
  EXPECT_EQ(text_of(read_at(directory / "f", 10)), "0123456789");
  EXPECT_EQ(text_of(read_at(directory / "empty", 0)), "");
  const auto large = read_at(directory / "f", 9);
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code(), Errc::unsupported);
}

TEST(ReadAll, OfWhatIsNoRegularFileIsRefused) {
  const TempDir directory;
  ASSERT_EQ(::mkfifo((directory / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(read_at(directory / "fifo", 9).error().code(), Errc::invalid_image);
  EXPECT_EQ(read_at(directory.path(), 9).error().code(), Errc::invalid_image);
}

TEST(WriteFileAtomically, ReplacesTheFileAndLeavesNoOther) {
  const TempDir directory;
  const auto fd = open_at(AT_FDCWD, directory.path(), O_RDONLY | O_DIRECTORY).value();
  ASSERT_TRUE(write_file_atomically(fd.get(), "name", as_bytes("old")));
  ASSERT_TRUE(write_file_atomically(fd.get(), "name", as_bytes("new content")));
  EXPECT_EQ(text_of(read_at(directory / "name", 100)), "new content");
  const auto begin = std::filesystem::directory_iterator(directory.path());
  EXPECT_EQ(std::distance(begin, std::filesystem::directory_iterator()), 1);
}

TEST(WriteFileAtomically, AFailureLeavesNothingBehind) {
  const TempDir directory;
  std::filesystem::create_directories(directory / "name/child");
  const auto fd = open_at(AT_FDCWD, directory.path(), O_RDONLY | O_DIRECTORY).value();
  EXPECT_FALSE(write_file_atomically(fd.get(), "name", as_bytes("x")));
  const auto begin = std::filesystem::directory_iterator(directory.path());
  EXPECT_EQ(std::distance(begin, std::filesystem::directory_iterator()), 1);
}

TEST(WriteFileAtomically, AReaderSeesOneOfTheContentsWhole) {
  const TempDir directory;
  const auto fd = open_at(AT_FDCWD, directory.path(), O_RDONLY | O_DIRECTORY).value();
  const std::string a(5000, 'a'), b(9000, 'b');
  ASSERT_TRUE(write_file_atomically(fd.get(), "name", as_bytes(a)));
  std::atomic<bool> is_done = false;
  std::vector<std::thread> writers;
  for (const auto* text : {&a, &b})
    writers.emplace_back([&fd, &is_done, text] {
      while (!is_done) EXPECT_TRUE(write_file_atomically(fd.get(), "name", as_bytes(*text)));
    });
  for (int i = 0; i < 300; ++i) {
    const auto read = text_of(read_at(directory / "name", 10'000));
    EXPECT_TRUE(read == a || read == b) << read.size();
  }
  is_done = true;
  for (auto& writer : writers) writer.join();
}

TEST(MappedFile, HoldsTheFileAlsoWhenItsNameIsGone) {
  const TempDir directory;
  write_file(directory / "f", "mapped");
  write_file(directory / "empty", "");
  const auto file = MappedFile::open(AT_FDCWD, directory / "f").value();
  std::filesystem::remove(directory / "f");
  EXPECT_EQ(as_text(file->bytes()), "mapped");
  EXPECT_TRUE(MappedFile::open(AT_FDCWD, directory / "empty").value()->bytes().empty());
  EXPECT_EQ(MappedFile::open(AT_FDCWD, directory / "f").error().code(), Errc::not_found);
  EXPECT_FALSE(MappedFile::open(AT_FDCWD, directory.path()));
}

TEST(SharedBytes, LiveAsLongAsTheirLastCopy) {
  SharedBytes copy;
  {
    const auto bytes = as_bytes("some text that is longer than a small string");
    const auto first = SharedBytes::of(Bytes(bytes.begin(), bytes.end()));
    copy = first;
  }
  EXPECT_EQ(as_text(copy.bytes), "some text that is longer than a small string");
}

}  // namespace
}  // namespace layoutfs
