// Chunks of blobs that lie here, and of bodies that are the whole blob.
#include "core/http/chunks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "core/http/partial_body.h"
#include "core/transfer/blob_chunks.h"
#include "tests/http/streams.h"
#include "tests/transfer/text_accessor.h"

namespace layoutfs::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();

Result<std::unique_ptr<ChunkStream>> blob_chunks(std::string text, std::vector<BlobChunk> chunks) {
  return chunks_of(std::make_shared<const TextBlob>(text), std::move(chunks));
}

TEST(Chunks, ARequestIsCheckedBeforeAnythingIsRead) {
  const std::vector<std::vector<BlobChunk>> good = {
      {{0, 1}},      {{0, 10}}, {{9, 1}}, {{0, 1}, {1, 1}, {9, 1}}, {{3, kToEnd}}, {{0, 3}, {3, kToEnd}},
      {{0, kToEnd}},
  };
  for (const auto& chunks : good) {
    EXPECT_TRUE(validate_chunks(chunks, 10)) << chunks.front().offset;
    EXPECT_TRUE(validate_chunks(chunks)) << chunks.front().offset;
  }
  const std::vector<std::vector<BlobChunk>> bad = {
      {},
      {{0, 0}},
      {{5, 1}, {3, 1}},
      {{3, 2}, {4, 1}},
      {{3, 2}, {3, 2}},
      {{3, kToEnd}, {5, 1}},
      {{3, kToEnd}, {3, kToEnd}},
      {{kLargest - 1, 2}},
      {{2, kLargest - 1}},
      {{kLargest, 1}},
      {{0, 1}, {1, 0}},
  };
  for (const auto& chunks : bad) {
    const auto checked = validate_chunks(chunks);
    ASSERT_FALSE(checked) << chunks.size();
    EXPECT_EQ(checked.error().code(), Errc::bad_partial_request);
    EXPECT_EQ(blob_chunks("0123456789", chunks).error().code(), Errc::bad_partial_request);
    EXPECT_EQ(split_full_body(source_of("0123456789"), chunks).error().code(), Errc::bad_partial_request);
    EXPECT_EQ(split_partial_body(source_of(""), {}, chunks).error().code(), Errc::bad_partial_request);
  }
  const std::vector<std::vector<BlobChunk>> outside = {
      {{10, 1}}, {{9, 2}}, {{10, kToEnd}}, {{11, kToEnd}}, {{0, 1}, {5, 6}}, {{kLargest - 2, 1}},
  };
  for (const auto& chunks : outside) {
    EXPECT_TRUE(validate_chunks(chunks));
    const auto checked = validate_chunks(chunks, 10);
    ASSERT_FALSE(checked) << chunks.back().offset;
    EXPECT_EQ(checked.error().code(), Errc::bad_partial_request);
  }
}

TEST(Chunks, AFullBodyIsSplit) {
  const auto all = deliver(split_full_body(source_of("123456789"), {{1, 2}, {4, 1}}));
  EXPECT_THAT(all.chunks, ElementsAre("23", "5"));
  EXPECT_EQ(all.error, std::nullopt) << all.message;
}

TEST(Chunks, ABlobIsReadAtItsPlaces) {
  auto all = deliver(blob_chunks("123456789", {{1, 2}, {4, 1}}));
  EXPECT_THAT(all.chunks, ElementsAre("23", "5"));
  EXPECT_EQ(all.error, std::nullopt) << all.message;
  all = deliver(blob_chunks("Hello, World!", {{0, 5}, {7, 5}}));
  EXPECT_THAT(all.chunks, ElementsAre("Hello", "World"));
  EXPECT_EQ(all.error, std::nullopt) << all.message;
  all = deliver(blob_chunks("Hello, World!", {{0, 5}, {7, kToEnd}}));
  EXPECT_THAT(all.chunks, ElementsAre("Hello", "World!"));
  EXPECT_EQ(all.error, std::nullopt) << all.message;
}

TEST(Chunks, ThoseThatTouchAndThoseToTheEndAreSplitToo) {
  for (const std::size_t piece : {1uz, 2uz, 1000uz}) {
    const auto all =
        deliver(split_full_body(source_of("123456789", piece), {{0, 2}, {2, 3}, {7, kToEnd}}), piece);
    EXPECT_THAT(all.chunks, ElementsAre("12", "345", "89"));
    EXPECT_EQ(all.error, std::nullopt) << all.message;
  }
}

TEST(Chunks, WhatWasNotReadOfOneIsPassedOver) {
  const auto full = deliver(split_full_body(source_of("123456789"), {{1, 4}, {6, 3}}), 7, 1);
  EXPECT_THAT(full.chunks, ElementsAre("2", "7"));
  EXPECT_EQ(full.error, std::nullopt) << full.message;
  const auto blob = deliver(blob_chunks("123456789", {{1, 4}, {6, 3}}), 7, 1);
  EXPECT_THAT(blob.chunks, ElementsAre("2", "7"));
  EXPECT_EQ(blob.error, std::nullopt) << blob.message;
}

TEST(Chunks, WhatIsTooShortEndsInAnErrorThatStays) {
  const std::vector<BlobChunk> chunks = {{1, 2}, {4, 10}, {20, 1}};
  auto blob = blob_chunks("123456789", chunks);
  auto full = split_full_body(source_of("123456789"), chunks);
  for (auto* stream : {&blob, &full}) {
    ASSERT_TRUE(*stream);
    const auto first = (**stream)->next();
    ASSERT_TRUE(first && *first != nullptr);
    const auto second = (**stream)->next();
    ASSERT_TRUE(second && *second != nullptr);
    Bytes buffer(100);
    ASSERT_EQ((*second)->read(buffer), 5u);
    const auto failed = (*second)->read(buffer);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code(), Errc::unexpected_eof);
    EXPECT_THAT(failed.error().message(), HasSubstr("chunk 2 of 3 (10 bytes from 4 on): 5 bytes"));
    for (int again = 0; again < 2; ++again) {
      const auto next = (**stream)->next();
      ASSERT_FALSE(next);
      EXPECT_EQ(next.error().message(), failed.error().message());
      EXPECT_EQ((*second)->read(buffer).error().message(), failed.error().message());
    }
  }
}

TEST(Chunks, OneBehindTheEndIsAnError) {
  EXPECT_EQ(deliver(split_full_body(source_of("123"), {{5, 1}})).error, Errc::unexpected_eof);
  EXPECT_EQ(deliver(split_full_body(source_of("123"), {{0, 1}, {5, kToEnd}})).error, Errc::unexpected_eof);
  EXPECT_EQ(deliver(blob_chunks("123", {{5, 1}})).error, Errc::unexpected_eof);
  EXPECT_EQ(deliver(blob_chunks("123", {{5, kToEnd}})).error, Errc::unexpected_eof);
  // A file that was cut off while it was open.
  const auto cut = std::make_shared<const TextBlob>("123", 10);
  EXPECT_EQ(deliver(chunks_of(cut, {{1, kToEnd}})).error, Errc::unexpected_eof);
}

TEST(Chunks, AfterTheLastOneNothingComesForEver) {
  auto stream = blob_chunks("123", {{0, 1}});
  ASSERT_TRUE(stream && (*stream)->next());
  for (int again = 0; again < 3; ++again) {
    const auto next = (*stream)->next();
    ASSERT_TRUE(next);
    EXPECT_EQ(*next, nullptr);
  }
}

TEST(Chunks, AFullBodyIsNotReadFurtherThanTheLastOne) {
  const Error failure(Errc::io, "the connection broke");
  const auto all =
      deliver(split_full_body(std::make_unique<TextSource>("123456", 1000, failure), {{1, 2}, {4, 2}}));
  EXPECT_THAT(all.chunks, ElementsAre("23", "56"));
  EXPECT_EQ(all.error, std::nullopt) << all.message;
  EXPECT_EQ(deliver(split_full_body(std::make_unique<TextSource>("123456", 1000, failure), {{1, 2}, {4, 3}}))
                .message,
            "the connection broke");
}

TEST(Chunks, RandomRequestsGetTheirBytes) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += static_cast<char>(random());
  for (int round = 0; round < 50; ++round) {
    std::vector<BlobChunk> chunks;
    std::vector<std::string> wanted;
    for (std::size_t at = random() % 1000; at < text.size(); at += random() % 30'000) {
      const std::size_t length = std::min<std::size_t>(1 + random() % 50'000, text.size() - at);
      chunks.push_back({at, length});
      wanted.push_back(text.substr(at, length));
      at += length;
    }
    if (random() % 2 == 0 && chunks.back().offset + chunks.back().length == text.size())
      chunks.back().length = kToEnd;
    const std::size_t piece = 1 + random() % 100'000;
    EXPECT_EQ(deliver(blob_chunks(text, chunks), piece).chunks, wanted);
    EXPECT_EQ(deliver(split_full_body(source_of(text, 1 + random() % 5000), chunks), piece).chunks, wanted);
  }
}

// ---- Streams that are not trusted ----

Delivered checked(std::vector<std::string> texts, std::vector<BlobChunk> chunks,
                  std::optional<Error> failure = {}) {
  return deliver(
      checked_chunks(std::make_unique<TextStream>(std::move(texts), std::move(failure)), std::move(chunks)));
}

TEST(CheckedChunks, WhatIsRightIsHandedOn) {
  const auto all = checked({"abc", "de"}, {{0, 3}, {5, 2}});
  EXPECT_THAT(all.chunks, ElementsAre("abc", "de"));
  EXPECT_EQ(all.error, std::nullopt) << all.message;
  EXPECT_THAT(checked({"abc", "de"}, {{0, 3}, {5, kToEnd}}).chunks, ElementsAre("abc", "de"));
}

TEST(CheckedChunks, MoreChunksThanWereAskedForAreOneErrorAfterThese) {
  const auto all = checked({"a", "b", "c", "d", "e"}, {{0, 1}, {2, 1}, {4, 1}});
  EXPECT_THAT(all.chunks, ElementsAre("a", "b", "c"));
  EXPECT_EQ(all.error, Errc::corrupt);
  EXPECT_THAT(all.message, HasSubstr("response has more than the 3 requested chunks"));
}

TEST(CheckedChunks, AnErrorOfTheStreamIsHandedOnAfterWhatCameBefore) {
  auto all = checked({"a", "b"}, {{0, 1}, {2, 1}, {4, 1}}, Error(Errc::io, "broken"));
  EXPECT_THAT(all.chunks, ElementsAre("a", "b"));
  EXPECT_EQ(all.error, Errc::io);
  all = checked({}, {{0, 1}}, Error(Errc::io, "broken"));
  EXPECT_THAT(all.chunks, IsEmpty());
  EXPECT_EQ(all.message, "broken");
}

TEST(CheckedChunks, FewerOrWrongBytesAreErrors) {
  EXPECT_EQ(checked({"a"}, {{0, 1}, {2, 1}}).error, Errc::unexpected_eof);
  EXPECT_EQ(checked({}, {{0, 1}}).error, Errc::unexpected_eof);
  EXPECT_EQ(checked({"ab", "c"}, {{0, 3}, {5, 1}}).error, Errc::unexpected_eof);
  EXPECT_EQ(checked({"abcd", "c"}, {{0, 3}, {5, 1}}).error, Errc::corrupt);
}

}  // namespace
}  // namespace layoutfs::testing
