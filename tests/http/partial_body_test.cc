// Bodies that are parts of a blob: HTTP 206, multipart or not.
#include "core/http/partial_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "core/http/fields.h"
#include "core/http/multipart.h"
#include "tests/http/streams.h"

namespace layoutfs::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kMultipart = "multipart/byteranges; boundary=AAA";

std::string part(std::string_view range, std::string_view text, std::string_view more_fields = "") {
  std::string whole = "\r\n--AAA\r\n";
  whole += more_fields;
  whole += "Content-Range: ";
  whole += range;
  return whole + "\r\n\r\n" + std::string(text);
}
const std::string kEnd = "\r\n--AAA--\r\n";

Delivered multipart(const std::string& body, std::vector<BlobChunk> chunks, std::size_t piece = 1000) {
  return deliver(split_partial_body(source_of(body, piece), {kMultipart, ""}, std::move(chunks)));
}
Delivered lone(const std::string& body, std::string_view range, std::vector<BlobChunk> chunks) {
  return deliver(split_partial_body(source_of(body), {"text/plain", range}, std::move(chunks)));
}

TEST(PartialBody, PartsAreTheChunksHoweverTheyArrive) {
  const std::string body = part("bytes 1-2/9", "23") + part("bytes 4-4/9", "5") + kEnd;
  for (const std::size_t piece : {1uz, 2uz, 3uz, 7uz, 1000uz}) {
    for (const std::string& text : {body, body.substr(2), "a preamble" + body, body + "an epilogue"}) {
      const auto all = multipart(text, {{1, 2}, {4, 1}}, piece);
      EXPECT_THAT(all.chunks, ElementsAre("23", "5")) << piece << text;
      EXPECT_EQ(all.error, std::nullopt) << all.message;
    }
  }
}

TEST(PartialBody, FieldsMayBeInAnyCaseAndBesideOthers) {
  const std::string more = "Content-Type: text/plain\r\n  folded: further\r\nX:\r\n";
  std::string body = part("BYTES 1-2/*  ", "23", more) + part("bytes   4-9/10", "5\r\n--A", more) + kEnd;
  body.replace(body.find("Content-Range"), 13, "content-RANGE");
  body.replace(body.find("--AAA"), 5, "--AAA \t");
  const auto all = multipart(body, {{1, 2}, {4, 6}});
  EXPECT_THAT(all.chunks, ElementsAre("23", "5\r\n--A"));
  EXPECT_EQ(all.error, std::nullopt) << all.message;
}

TEST(PartialBody, PartsThatWereNotReadArePassedOver) {
  const std::string body = part("bytes 1-4/9", "2345") + part("bytes 6-8/9", "789") + kEnd;
  const auto all =
      deliver(split_partial_body(source_of(body), {kMultipart, ""}, {{1, 4}, {6, kToEnd}}), 7, 1);
  EXPECT_THAT(all.chunks, ElementsAre("2", "7"));
  EXPECT_EQ(all.error, std::nullopt) << all.message;
}

TEST(PartialBody, APartThatIsAnotherRangeIsCorrupt) {
  for (const std::string_view range :
       {"bytes 0-1/9", "bytes 1-3/9", "bytes 1-1/9", "bytes 2-3/9", "bytes 1-2/2", "bytes 1-2/1",
        "bytes 2-1/9", "bytes 1-2", "bytes 1-2/", "bytes 1-2/9 9", "lines 1-2/9", "bytes */9", "bytes -1-2/9",
        "bytes=1-2/9", "", "bytes 1-99999999999999999999/*", "bytes 0x1-2/9", "1-2/9"}) {
    const auto all = multipart(part(range, "23") + kEnd, {{1, 2}});
    EXPECT_EQ(all.error, Errc::corrupt) << range;
    EXPECT_THAT(all.chunks, IsEmpty()) << range;
    EXPECT_EQ(lone("23", range, {{1, 2}}).error, Errc::corrupt) << range;
  }
  const std::string none = "--AAA\r\nContent-Type: text/plain\r\n\r\n23" + kEnd;
  EXPECT_THAT(multipart(none, {{1, 2}}).message, HasSubstr("no Content-Range"));
  const std::string two = part("bytes 1-2/9", "23", "Content-Range: bytes 1-2/9\r\n") + kEnd;
  EXPECT_THAT(multipart(two, {{1, 2}}).message, HasSubstr("two Content-Range fields"));
}

TEST(PartialBody, ARangeThatTheBlobIsTooShortForIsAnUnexpectedEnd) {
  EXPECT_EQ(multipart(part("bytes 1-2/3", "23") + kEnd, {{1, 5}}).error, Errc::unexpected_eof);
  EXPECT_EQ(lone("23", "bytes 1-2/3", {{1, 5}}).error, Errc::unexpected_eof);
  EXPECT_EQ(lone("23", "bytes 1-2/4", {{1, 5}}).error, Errc::corrupt);
}

TEST(PartialBody, ToTheEndMeansTheEndOfTheBlob) {
  EXPECT_THAT(multipart(part("bytes 1-2/3", "23") + kEnd, {{1, kToEnd}}).chunks, ElementsAre("23"));
  EXPECT_THAT(multipart(part("bytes 1-2/*", "23") + kEnd, {{1, kToEnd}}).chunks, ElementsAre("23"));
  EXPECT_EQ(multipart(part("bytes 1-2/4", "23") + kEnd, {{1, kToEnd}}).error, Errc::corrupt);
}

TEST(PartialBody, TooFewAndTooManyPartsAreOneError) {
  const std::string first = part("bytes 0-0/9", "1"), second = part("bytes 2-2/9", "3");
  auto all = multipart(first + kEnd, {{0, 1}, {2, 1}});
  EXPECT_THAT(all.chunks, ElementsAre("1"));
  EXPECT_EQ(all.error, Errc::unexpected_eof);
  EXPECT_THAT(all.message, HasSubstr("too few parts"));
  all = multipart(first + second + kEnd, {{0, 1}});
  EXPECT_THAT(all.chunks, ElementsAre("1"));
  EXPECT_EQ(all.error, Errc::corrupt);
  EXPECT_THAT(all.message, HasSubstr("more parts than the 1"));
  EXPECT_EQ(multipart(kEnd, {{0, 1}}).error, Errc::unexpected_eof);
}

TEST(PartialBody, PartsOfAnotherLengthThanTheirRangeAreErrors) {
  EXPECT_EQ(multipart(part("bytes 1-4/9", "23") + kEnd, {{1, 4}}).error, Errc::unexpected_eof);
  EXPECT_EQ(multipart(part("bytes 1-2/9", "2345") + kEnd, {{1, 2}}).error, Errc::corrupt);
  EXPECT_EQ(lone("23", "bytes 1-4/9", {{1, 4}}).error, Errc::unexpected_eof);
  EXPECT_EQ(lone("2345", "bytes 1-2/9", {{1, 2}}).error, Errc::corrupt);
}

TEST(PartialBody, ABodyThatEndsAnywhereIsAnError) {
  const std::string body = part("bytes 1-2/9", "23") + part("bytes 4-4/9", "5") + "\r\n--AAA--";
  EXPECT_EQ(multipart(body, {{1, 2}, {4, 1}}).error, std::nullopt);
  for (std::size_t size = 0; size < body.size(); ++size) {
    const auto all = multipart(body.substr(0, size), {{1, 2}, {4, 1}});
    EXPECT_EQ(all.error, Errc::unexpected_eof) << size << " " << all.message;
  }
  const Error failure(Errc::io, "the connection broke");
  for (std::size_t size = 0; size < body.size(); ++size) {
    auto cut = std::make_unique<TextSource>(body.substr(0, size), 1000, failure);
    EXPECT_EQ(deliver(split_partial_body(std::move(cut), {kMultipart, ""}, {{1, 2}, {4, 1}})).error,
              Errc::io);
  }
}

TEST(PartialBody, WhatIsNoMultipartIsTakenForOneChunkThatItIs) {
  const auto all = lone("HELLO", "bytes 100-104/200", {{100, 5}});
  EXPECT_THAT(all.chunks, ElementsAre("HELLO"));
  EXPECT_EQ(all.error, std::nullopt) << all.message;
  EXPECT_THAT(lone("HELLO", "bytes 100-104/*", {{100, kToEnd}}).chunks, ElementsAre("HELLO"));
  EXPECT_EQ(lone("HELLO", "", {{100, 5}}).error, Errc::corrupt);
  EXPECT_EQ(lone("HELLO", "bytes 99-103/200", {{100, 5}}).error, Errc::corrupt);
  EXPECT_EQ(lone("HELLO", "bytes 100-104/200", {{100, 2}, {103, 2}}).error, Errc::corrupt);
}

TEST(PartialBody, AMultipartNeedsABoundary) {
  for (const std::string_view type :
       {"multipart/byteranges", "multipart/byteranges; charset=x", "multipart/byteranges; boundary=",
        "multipart/byteranges; boundary=\"\"", " Multipart/byteranges; boundary=@",
        "multipart/byteranges; boundary=a; boundary=b", "multipart/; boundary=a"}) {
    EXPECT_EQ(deliver(split_partial_body(source_of(kEnd), {type, "bytes 0-0/1"}, {{0, 1}})).error,
              Errc::corrupt)
        << type;
  }
  const std::string longest(MultipartReader::kMaxBoundary, 'b');
  const auto with = [&](const std::string& boundary) {
    const std::string body =
        "--" + boundary + "\r\nContent-Range: bytes 0-0/1\r\n\r\nx\r\n--" + boundary + "--";
    return deliver(
        split_partial_body(source_of(body), {"multipart/byteranges; boundary=" + boundary, ""}, {{0, 1}}));
  };
  EXPECT_THAT(with(longest).chunks, ElementsAre("x"));
  EXPECT_EQ(with(longest + "b").error, Errc::corrupt);
}

TEST(PartialBody, AHeaderThatGoesOnForEverIsCorrupt) {
  const std::string line(MultipartReader::kMaxLine + 1, 'x');
  EXPECT_EQ(multipart("--AAA" + line, {{0, 1}}).error, Errc::corrupt);
  EXPECT_EQ(multipart("--AAA\r\n" + line, {{0, 1}}).error, Errc::corrupt);
  EXPECT_EQ(multipart("--AAA\r\n" + line + "\r\n\r\n", {{0, 1}}).error, Errc::corrupt);
  std::string fields;
  for (std::size_t i = 0; i < MultipartReader::kMaxFields + 1; ++i) fields += "a: b\r\n";
  EXPECT_EQ(multipart(part("bytes 0-0/1", "x", fields) + kEnd, {{0, 1}}).error, Errc::corrupt);
  EXPECT_EQ(multipart("--AAA\r\nno field\r\n\r\n", {{0, 1}}).error, Errc::corrupt);
  EXPECT_EQ(multipart("--AAAB\r\n\r\n", {{0, 1}}).error, Errc::corrupt);
  EXPECT_EQ(multipart(std::string(1'000'000, 'p'), {{0, 1}}).error, Errc::corrupt);
}

TEST(PartialBody, RandomBodiesGetThroughWhateverTheyHold) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::string text;
  // Full of text that is almost a boundary.
  while (text.size() < 300'000) text += std::string("\r\n--AA\r\n--A\r\r\n-").substr(0, random() % 16);
  for (int round = 0; round < 30; ++round) {
    std::vector<BlobChunk> chunks;
    std::vector<std::string> wanted;
    std::string body = "preamble";
    for (std::size_t at = random() % 1000; at < text.size(); at += random() % 30'000) {
      const std::size_t length = std::min<std::size_t>(1 + random() % 90'000, text.size() - at);
      chunks.push_back({at, length});
      wanted.push_back(text.substr(at, length));
      body += part("bytes " + std::to_string(at) + "-" + std::to_string(at + length - 1) + "/300000000",
                   wanted.back());
      at += length;
    }
    const auto all =
        deliver(split_partial_body(source_of(body + kEnd, 1 + random() % 100'000), {kMultipart, ""}, chunks),
                1 + random() % 100'000);
    EXPECT_EQ(all.chunks, wanted);
    EXPECT_EQ(all.error, std::nullopt) << all.message;
  }
}

TEST(ContentType, BoundariesAsTheyAreSent) {
  const auto boundary = [](std::string_view text) {
    const auto type = ContentType::parse(text);
    return type ? type->type + " " + type->boundary.value_or("none") : "refused";
  };
  EXPECT_EQ(boundary("multipart/byteranges; boundary=CloudFront:3F750119A2B3"),
            "multipart/byteranges CloudFront:3F750119A2B3");
  EXPECT_EQ(boundary("multipart/byteranges; boundary=00000000000061573284"),
            "multipart/byteranges 00000000000061573284");
  EXPECT_EQ(boundary("multipart/byteranges; foo=bar"), "multipart/byteranges none");
  EXPECT_EQ(boundary("multipart/byteranges; boundary=\"@:\""), "multipart/byteranges @:");
  EXPECT_EQ(boundary("multipart/byteranges; boundary=@"), "refused");
  EXPECT_EQ(boundary("multipart/byteranges; foo=a:b"), "refused");
  EXPECT_EQ(boundary("Multipart/ByteRanges ;; BOUNDARY=\"a\\\"b\" ; x=\"y\""), "multipart/byteranges a\"b");
  EXPECT_EQ(boundary("text/plain"), "text/plain none");
  for (const std::string_view text :
       {"", "text", "text/", "/plain", "text/plain x", "text/plain; a", "text/plain; a=", "text/plain; a=\"",
        "text/plain; a=\"x\\", "text/plain; a=\"\r\n\""})
    EXPECT_EQ(boundary(text), "refused") << text;
}

}  // namespace
}  // namespace layoutfs::testing
