// Content that must match its descriptor.
#include "core/cas/verifying_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace layoutfs {
namespace {

using ::testing::HasSubstr;

const std::string kContent(1'000'003, 'x');

// Counts the bytes read from it.
class CountingSource final : public ByteSource {
 public:
  explicit CountingSource(std::string_view text) : source_(as_bytes(text)) {}
  Result<std::size_t> read(std::span<std::byte> out) override {
    auto size = source_.read(out.first(std::min<std::size_t>(out.size(), 50'001)));
    taken += *size;
    return size;
  }
  std::size_t taken = 0;

 private:
  MemorySource source_;
};

struct Outcome {
  std::size_t delivered = 0;
  std::string error;  // empty at a good end
};
Outcome read_to_end(VerifyingSource& source) {
  Outcome outcome;
  Bytes buffer(77'777);
  for (;;) {
    const auto got = source.read(buffer);
    if (!got) outcome.error = got.error().message();
    if (!got || *got == 0) return outcome;
    outcome.delivered += *got;
  }
}

TEST(VerifyingSource, HandsOnWhatIsRight) {
  for (const std::string& content : {kContent, std::string(), std::string("x")}) {
    CountingSource inner(content);
    VerifyingSource source(inner, Digest::of(as_bytes(content)), content.size());
    const auto outcome = read_to_end(source);
    EXPECT_EQ(outcome.delivered, content.size());
    EXPECT_EQ(outcome.error, "");
    EXPECT_TRUE(source.close());
    CountingSource again(content);
    VerifyingSource unsized(again, Digest::of(as_bytes(content)), std::nullopt);
    EXPECT_EQ(read_to_end(unsized).delivered, content.size());
    EXPECT_TRUE(unsized.close());
  }
}

TEST(VerifyingSource, ClosingReadsTheRest) {
  CountingSource inner(kContent);
  VerifyingSource source(inner, Digest::of(as_bytes(kContent)), kContent.size());
  Bytes half(500'000);
  ASSERT_TRUE(source.read(half));
  EXPECT_TRUE(source.close());
  EXPECT_EQ(inner.taken, kContent.size());
}

TEST(VerifyingSource, FindsAnotherDigestAtTheEndAndOnClosing) {
  CountingSource inner(kContent);
  VerifyingSource source(inner, Digest::of(as_bytes("other")), kContent.size());
  const auto outcome = read_to_end(source);
  EXPECT_EQ(outcome.delivered, kContent.size());
  EXPECT_THAT(outcome.error, HasSubstr("content has digest " + Digest::of(as_bytes(kContent)).str()));
  EXPECT_EQ(source.close().error().code(), Errc::corrupt);

  CountingSource again(kContent);
  VerifyingSource unread(again, Digest::of(as_bytes("other")), kContent.size());
  EXPECT_EQ(unread.close().error().code(), Errc::corrupt);
}

TEST(VerifyingSource, TakesOneByteMoreThanTheSizeAndNotASecond) {
  CountingSource inner(kContent);
  VerifyingSource source(inner, Digest::of(as_bytes(kContent)), 1000);
  const auto outcome = read_to_end(source);
  EXPECT_THAT(outcome.error, HasSubstr("longer than 1000 bytes"));
  EXPECT_EQ(inner.taken, 1001u);
  EXPECT_FALSE(source.close());
  EXPECT_EQ(inner.taken, 1001u);
}

TEST(VerifyingSource, FindsThatItIsShorterButNamesAnotherDigestFirst) {
  CountingSource inner(kContent);
  VerifyingSource source(inner, Digest::of(as_bytes(kContent)), kContent.size() + 1);
  EXPECT_THAT(read_to_end(source).error, HasSubstr("1000003 bytes instead of 1000004"));

  CountingSource again(kContent);
  VerifyingSource both(again, Digest::of(as_bytes("other")), kContent.size() + 1);
  EXPECT_THAT(read_to_end(both).error, HasSubstr("content has digest"));
}

TEST(VerifyingSource, HandsOnTheErrorOfItsSourceForGood) {
  class Broken final : public ByteSource {
   public:
    Result<std::size_t> read(std::span<std::byte>) override {
      return ++calls_ == 1 ? Result<std::size_t>(fail(Errc::io, "broken")) : Result<std::size_t>(0);
    }

   private:
    int calls_ = 0;
  } broken;
  VerifyingSource source(broken, Digest::of({}), 0);
  EXPECT_EQ(read_to_end(source).error, "broken");
  EXPECT_EQ(read_to_end(source).error, "broken");
}

}  // namespace
}  // namespace layoutfs
