// Decoded copies as files: added spans can be read, even if the file is damaged elsewhere.
#include "core/stream/decoded_copy.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <string>

#include "tests/support/gzip_blobs.h"
#include "tests/support/same_bytes.h"
#include "tests/support/stream_index_builder.h"
#include "tests/support/temp_dir.h"

namespace layoutfs {
namespace {

using testing::gzip_of_one_block;
using testing::index_stream;
using testing::IndexedStream;
using testing::same_bytes;
using testing::sample_bytes;
using testing::TempDir;

constexpr std::uint64_t kMaxCopiedSpan = 10'000;

UniqueFd open_file(const std::string& path, int flags = O_RDWR | O_CREAT) {
  return open_at(AT_FDCWD, path, flags, 0600).value();
}

ByteView plain_span(const IndexedStream& stream, std::uint64_t span) {
  const StreamIndex index = stream.index();
  return ByteView(stream.plain)
      .subspan(index.spans[span].offset, index.span_end(span) - index.spans[span].offset);
}

// A stream of several spans, and a copy of all but the second in a file.
class Copied : public ::testing::Test {
 protected:
  Copied() {
    auto copy = DecodedCopy::create(open_file(path_), index_);
    for (std::uint64_t span = 0; span < index_.spans.size(); ++span)
      if (span != 1) add(copy, span);
    EXPECT_TRUE(copy.finish());
    EXPECT_EQ(copy.size(), std::filesystem::file_size(path_));
  }
  void add(DecodedCopy& copy, std::uint64_t span) { EXPECT_TRUE(copy.add(span, plain_span(stream_, span))); }
  void expect_span(ByteView got, std::uint64_t span) const {
    EXPECT_TRUE(same_bytes(got, plain_span(stream_, span))) << span;
  }
  Result<DecodedCopy> open() const { return DecodedCopy::open(open_file(path_), index_); }

  TempDir dir_;
  const std::string path_ = dir_ / "copy";
  const IndexedStream stream_ =
      index_stream(Compression::gzip, gzip_of_one_block(sample_bytes(95'000, 1)), 1 << 14, kMaxCopiedSpan)
          .value();
  const StreamIndex index_ = stream_.index();
};

TEST_F(Copied, EverySpanThatWasAddedIsReadAndNoOther) {
  const auto copy = open();
  ASSERT_TRUE(copy) << copy.error().message();
  ASSERT_EQ(index_.spans.size(), 10U);
  for (std::uint64_t span = 0; span < index_.spans.size(); ++span) {
    const auto got = copy->read(span);
    ASSERT_TRUE(got) << got.error().message();
    ASSERT_EQ(got->has_value(), span != 1);
    if (*got) expect_span(***got, span);
  }
}

TEST_F(Copied, AnUnfinishedOneIsNone) {
  auto copy = DecodedCopy::create(open_file(dir_ / "unfinished"), index_);
  ASSERT_TRUE(copy.add(0, plain_span(stream_, 0)));
  EXPECT_TRUE(same_bytes(***copy.read(0), plain_span(stream_, 0))) << "but its maker reads it";
  EXPECT_EQ(DecodedCopy::open(open_file(dir_ / "unfinished"), index_).error().code(), Errc::corrupt);
}

TEST_F(Copied, OneOfAnotherIndexIsRefused) {
  const auto other =
      index_stream(Compression::gzip, gzip_of_one_block(sample_bytes(95'000, 2)), 1 << 14, kMaxCopiedSpan)
          .value();
  const auto opened = DecodedCopy::open(open_file(path_), other.index());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Errc::corrupt);
}

TEST_F(Copied, OneOfAnotherVersionIsRefused) {
  constexpr std::uint32_t kLaterVersion = 2;
  ASSERT_TRUE(pwrite_all(open_file(path_).get(), std::as_bytes(std::span(&kLaterVersion, 1)), 8, "copy"));
  EXPECT_EQ(open().error().message(), "decoded copy: unsupported version");
}

TEST_F(Copied, AChangedOrShortenedFileGivesErrorsOrTheRightBytes) {
  const std::uint64_t seed = 3;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const Bytes whole = read_all(open_file(path_).get(), "copy", 1 << 20).value();
  int errors = 0;
  for (int round = 0; round < 300; ++round) {
    Bytes changed = whole;
    // The table is a small part of the file, so every second change is made in it.
    if (round % 3 == 0)
      changed.resize(random() % changed.size());
    else
      changed[random() % (round % 3 == 1 ? changed.size() : 200)] ^=
          static_cast<std::byte>(1U << random() % 8);
    testing::write_file(path_, ByteView(changed));
    const auto copy = open();
    if (!copy) {
      ++errors;
      continue;
    }
    for (std::uint64_t span = 0; span < index_.spans.size(); ++span) {
      const auto got = copy->read(span);
      errors += got ? 0 : 1;
      if (got && *got) expect_span(***got, span);
    }
  }
  EXPECT_GT(errors, 150);
}

}  // namespace
}  // namespace layoutfs
