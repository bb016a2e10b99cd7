// Blobs assembled from content of the layout and from chunks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "layoutfs/upload.h"
#include "tests/transfer/images.h"
#include "tests/transfer/text_accessor.h"

namespace layoutfs::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class PartialPut : public ::testing::Test {
 protected:
  Result<BlobInfo> put_partially(const BlobInfo& blob, std::vector<SharedSpan> spans = {},
                                 BlobInfoCache* cache = nullptr, const Context& context = {}) {
    const SpanFinder finder = [spans](const BlobInfo&) { return spans; };
    const auto destination = must(open_destination(engine, "app", {.find_spans = finder}));
    EXPECT_TRUE(destination->supports_put_blob_partial());
    return destination->put_blob_partial(accessor, blob, cache, context);
  }
  // Checks that the blob is complete, and that no upload remains.
  void expect_made() const {
    const auto blob = engine->get_blob(info.digest);
    ASSERT_TRUE(blob);
    EXPECT_EQ(read_text(**blob), text);
    EXPECT_THAT(uploads(), IsEmpty());
  }
  void expect_nothing_left() const {
    EXPECT_FALSE(must(engine->exists(info.digest)));
    EXPECT_THAT(uploads(), IsEmpty());
  }
  std::vector<std::string> uploads() const {
    const std::string folder = path + "/blobs/uploads";
    return std::filesystem::exists(folder) ? names_in(folder) : std::vector<std::string>();
  }
  Digest put_blob(std::string_view content) { return must(put_text(*engine, content)).digest; }
  // An earlier attempt that got so far.
  void begin_upload(std::string_view content) {
    auto upload = must(engine->start_upload(upload_id));
    must(upload->append(as_bytes(content)));
  }

  TempDir directory;
  std::string path = directory / "layout";
  std::shared_ptr<Engine> engine = new_layout(path);
  std::string text = "0123456789abcdefghijklmnopqrstuvwxyz";
  BlobInfo info = info_of(text);
  std::string upload_id = info.digest.hex().substr(0, 32);
  TextAccessor accessor{text};
};

TEST_F(PartialPut, WithoutAnythingSharedAllOfItIsAskedFor) {
  const auto cache = memory_cache();
  const BlobInfo put = must(put_partially(info, {}, cache.get()));
  EXPECT_EQ(put.digest, info.digest);
  EXPECT_EQ(put.size, 36u);
  expect_made();
  EXPECT_THAT(accessor.requests, ElementsAre(std::vector<BlobChunk>{{0, 36}}));
  EXPECT_THAT(cache->candidate_locations(kLayoutTransport, "", info.digest, false), SizeIs(1));
}

TEST_F(PartialPut, ABlobThatIsThereIsNotAskedFor) {
  put_blob(text);
  EXPECT_EQ(must(put_partially(info)).size, 36u);
  EXPECT_THAT(accessor.requests, IsEmpty());
  info.size = 35;
  EXPECT_EQ(failure_of(put_partially(info)), Errc::partial_fallback);
}

TEST_F(PartialPut, ADamagedBlobThatIsThereIsAFallback) {
  put_blob(text);
  write_file(path + "/" + info.digest.blob_path(), std::string(text.size(), '\0'));
  EXPECT_EQ(failure_of(put_partially(info)), Errc::partial_fallback);
  EXPECT_THAT(uploads(), IsEmpty());
}

TEST_F(PartialPut, SharedSpansAreReadAndTheRestIsAskedForAtOnce) {
  const Digest first = put_blob("--0123--xyz"), second = put_blob("ghijkl");
  must(put_partially(info, {{0, 4, first, 2}, {16, 2, second, 0}, {18, 4, second, 2}, {33, 3, first, 8}}));
  expect_made();
  EXPECT_THAT(accessor.requests, ElementsAre(std::vector<BlobChunk>{{4, 12}, {22, 11}}));
}

TEST_F(PartialPut, WhatIsSharedWhollyNeedsNoRequest) {
  const Digest first = put_blob(text.substr(0, 20)), second = put_blob(text.substr(20));
  must(put_partially(info, {{0, 20, first, 0}, {20, 16, second, 0}}));
  expect_made();
  EXPECT_THAT(accessor.requests, IsEmpty());
}

TEST_F(PartialPut, SpansThatCannotBeAreLeftOut) {
  const Digest from = put_blob(text + "!"), none = Digest::of(as_bytes("none"));
  constexpr std::uint64_t kFarthest = std::numeric_limits<std::uint64_t>::max();
  must(put_partially(info, {{2, 2, none, 0},
                            {4, 4, from, 4},
                            {6, 1, from, 6},              // inside of the one in front
                            {8, 40, from, 8},             // after the end of the blob
                            {9, 0, from, 9},              // empty
                            {10, 2, from, 36},            // after the end of its own content
                            {11, 2, from, kFarthest},     //
                            {kFarthest, 2, from, 0},      //
                            {12, kFarthest, from, 12},    //
                            {13, 1, Digest(), 0},         //
                            {7, 3, from, 7},              // half of it is new
                            {6, 8, from, kFarthest - 1},  //
                            {20, 2, from, 20},
                            {1, 1, from, 1}}));
  expect_made();
  EXPECT_THAT(accessor.requests, ElementsAre(std::vector<BlobChunk>{{0, 4}, {10, 10}, {22, 14}}));
}

TEST_F(PartialPut, WrongSpansEndInAFallbackThatLeavesNothing) {
  const Digest wrong = put_blob("WRONG");
  EXPECT_EQ(failure_of(put_partially(info, {{3, 5, wrong, 0}})), Errc::partial_fallback);
  expect_nothing_left();
  must(put_partially(info));
  expect_made();
}

TEST_F(PartialPut, WrongChunksEndInAFallbackThatLeavesNothing) {
  accessor.text[7] = 'X';
  EXPECT_EQ(failure_of(put_partially(info)), Errc::partial_fallback);
  expect_nothing_left();
}

TEST_F(PartialPut, ASourceThatLiesAboutItsChunksIsFoundOut) {
  const Digest from = put_blob("4567");
  const std::vector<SharedSpan> spans = {{4, 4, from, 0}};
  const std::string first = text.substr(0, 4), last = text.substr(8);
  const auto attempt = [&](std::vector<std::string> delivered) {
    accessor.delivered = std::move(delivered);
    return failure_of(put_partially(info, spans));
  };
  // Wrong content may be right as a whole ...
  EXPECT_EQ(attempt({first + "!", last}), Errc::partial_fallback);
  expect_nothing_left();
  EXPECT_EQ(attempt({first, last, "more"}), Errc::partial_fallback);
  expect_nothing_left();
  EXPECT_EQ(attempt({last, first}), Errc::partial_fallback);
  expect_nothing_left();
  // ... and a truncated source may only have been interrupted.
  EXPECT_EQ(attempt({first}), Errc::unexpected_eof);
  EXPECT_EQ(attempt({last.substr(1)}), Errc::unexpected_eof);
  EXPECT_FALSE(must(engine->exists(info.digest)));
  EXPECT_EQ(attempt({"z"}), Errc::partial_fallback);
  expect_nothing_left();
  EXPECT_EQ(attempt({first, last}), std::nullopt);
  expect_made();
}

TEST_F(PartialPut, AWrongSizeIsAFallback) {
  info.size = 20;
  EXPECT_EQ(failure_of(put_partially(info)), Errc::partial_fallback);
  expect_nothing_left();
  info.size.reset();
  EXPECT_EQ(failure_of(put_partially(info)), Errc::partial_fallback);
  expect_nothing_left();
  info.size = 36;
  EXPECT_EQ(failure_of(put_partially({.digest = {}, .size = 36})), Errc::digest_invalid);
}

TEST_F(PartialPut, AnAttemptThatBrokeOffIsGoneOnWith) {
  accessor.available = 15;
  EXPECT_EQ(failure_of(put_partially(info)), Errc::unexpected_eof);
  EXPECT_FALSE(must(engine->exists(info.digest)));
  EXPECT_THAT(uploads(), ElementsAre(upload_id));
  accessor.available = std::string::npos;
  must(put_partially(info));
  expect_made();
  EXPECT_THAT(accessor.requests,
              ElementsAre(std::vector<BlobChunk>{{0, 36}}, std::vector<BlobChunk>{{15, 21}}));
}

TEST_F(PartialPut, WhatIsGoneOnWithTakesWhatIsLeftOfTheSpans) {
  begin_upload(text.substr(0, 10));
  const Digest from = put_blob("..." + text);
  must(put_partially(info, {{2, 4, from, 5}, {8, 4, from, 11}, {20, 2, from, 23}}));
  expect_made();
  EXPECT_THAT(accessor.requests, ElementsAre(std::vector<BlobChunk>{{12, 8}, {22, 14}}));
}

TEST_F(PartialPut, AnAttemptThatIsAllThereNeedsOnlyItsCheck) {
  begin_upload(text);
  must(put_partially(info));
  expect_made();
  EXPECT_THAT(accessor.requests, IsEmpty());
}

TEST_F(PartialPut, AnEarlierAttemptThatIsWrongIsAFallback) {
  begin_upload("01234X6789");
  EXPECT_EQ(failure_of(put_partially(info)), Errc::partial_fallback);
  expect_nothing_left();
  begin_upload(text + "and more");
  EXPECT_EQ(failure_of(put_partially(info)), Errc::partial_fallback);
  expect_nothing_left();
}

TEST_F(PartialPut, AnotherWriterOfItIsAFallback) {
  {
    auto upload = must(engine->start_upload(upload_id));
    must(upload->append(as_bytes("0123")));
    EXPECT_EQ(failure_of(put_partially(info)), Errc::partial_fallback);
    EXPECT_THAT(accessor.requests, IsEmpty());
    EXPECT_EQ(upload->size(), 4u);
  }
  EXPECT_THAT(uploads(), ElementsAre(upload_id));
  must(put_partially(info));
  expect_made();
}

TEST_F(PartialPut, WhatTheSourceRefusesIsAFallbackAndItsOtherErrorsAreHandedOn) {
  for (const Errc code :
       {Errc::bad_partial_request, Errc::unsupported, Errc::corrupt, Errc::partial_fallback}) {
    accessor.failure = Error(code, "no");
    EXPECT_EQ(failure_of(put_partially(info)), Errc::partial_fallback);
    expect_nothing_left();
  }
  for (const Errc code : {Errc::io, Errc::not_found, Errc::denied, Errc::cancelled, Errc::unexpected_eof}) {
    accessor.failure = Error(code, "no");
    EXPECT_EQ(failure_of(put_partially(info)), code);
    // Nothing was gained.
    expect_nothing_left();
  }
  accessor.failure.reset();
  accessor.delivered = std::vector<std::string>{text.substr(32)};
  accessor.stream_failure = Error(Errc::io, "the connection broke");
  begin_upload(text.substr(0, 32));
  EXPECT_EQ(failure_of(put_partially(info)), Errc::io);
  EXPECT_THAT(uploads(), ElementsAre(upload_id));
}

TEST_F(PartialPut, ARequestOfTooManyChunksIsMadeOfFewer) {
  const Digest from = put_blob(text + "!");
  const std::vector<SharedSpan> spans = {
      {2, 1, from, 2}, {4, 5, from, 4}, {12, 2, from, 12}, {20, 4, from, 20}};
  accessor.most_chunks = 3;
  must(put_partially(info, spans));
  expect_made();
  ASSERT_THAT(accessor.requests, SizeIs(2));
  EXPECT_EQ(accessor.requests.back(), (std::vector<BlobChunk>{{0, 4}, {9, 11}, {24, 12}}));
  EXPECT_TRUE(must(engine->delete_blob(info.digest)));
  const Digest part = put_blob(text.substr(0, 35));
  accessor.most_chunks = 1;
  std::vector<SharedSpan> again = spans;
  for (SharedSpan& span : again) span.from = part;
  must(put_partially(info, again));
  expect_made();
  EXPECT_EQ(accessor.requests.back(), (std::vector<BlobChunk>{{0, 36}}));
}

TEST_F(PartialPut, WhatIsStoppedCanBeGoneOnWith) {
  std::stop_source stop;
  stop.request_stop();
  begin_upload(text.substr(0, 4));
  EXPECT_EQ(failure_of(put_partially(info, {}, nullptr, {.stop = stop.get_token()})), Errc::cancelled);
  EXPECT_THAT(uploads(), ElementsAre(upload_id));
  must(put_partially(info));
  EXPECT_THAT(accessor.requests, ElementsAre(std::vector<BlobChunk>{{4, 32}}));
  expect_made();
}

TEST_F(PartialPut, RandomSharesOfLargeBlobsMakeTheBlob) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 20; ++round) {
    std::string large, from;
    for (int i = 0; i < 700'000; ++i) large += static_cast<char>(random());
    std::vector<SharedSpan> spans;
    for (std::size_t at = random() % 20'000; at < large.size(); at += random() % 100'000) {
      const std::size_t length = std::min<std::size_t>(random() % 400'000, large.size() - at);
      from += std::string(random() % 100, '-');
      spans.push_back({at, length, {}, from.size()});
      from += large.substr(at, length);
      at += length;
    }
    const Digest digest = put_blob(from);
    for (SharedSpan& span : spans) span.from = digest;
    accessor.text = text = large;
    info = info_of(text);
    upload_id = info.digest.hex().substr(0, 32);
    if (round % 3 == 0) begin_upload(text.substr(0, random() % text.size()));
    must(put_partially(info, spans));
    expect_made();
  }
}

}  // namespace
}  // namespace layoutfs::testing
