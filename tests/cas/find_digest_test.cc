// Short digests among the blobs and entries of a layout.
#include "core/cas/find_digest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "layoutfs/open.h"
#include "tests/support/layout_writer.h"

namespace layoutfs {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::LayoutWriter;
using testing::TempDir;

const std::string kHex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(TextOfAShortDigest, HasSevenDigitsAndMayHaveAnAlgorithm) {
  const auto digest = Digest::parse("sha256:" + kHex).value();
  for (const std::string& text :
       {kHex.substr(0, 7), kHex.substr(0, 12), kHex, "sha256:" + kHex.substr(0, 7), "sha256:" + kHex}) {
    EXPECT_TRUE(is_short_digest(text)) << text;
    EXPECT_TRUE(begins_digest(text, digest)) << text;
    EXPECT_FALSE(begins_digest(text, Digest())) << text;
  }
  for (const std::string& text : {"sha512:" + kHex.substr(0, 7), std::string("ba7816c")}) {
    EXPECT_TRUE(is_short_digest(text)) << text;
    EXPECT_FALSE(begins_digest(text, digest)) << text;
  }
  for (const std::string& text :
       {kHex.substr(0, 6), std::string(), std::string("sha256:"), "sha256:" + kHex.substr(0, 6),
        std::string("BA7816BF"), std::string("ba7816bg"), "md5:" + kHex.substr(0, 7), ":" + kHex.substr(0, 7),
        std::string(129, 'a'), "sha256:" + kHex + "0"}) {
    EXPECT_FALSE(is_short_digest(text)) << text;
    EXPECT_FALSE(begins_digest(text, digest)) << text;
  }
}

class AShortDigest : public ::testing::Test {
 protected:
  // Files by these names; their content does not matter.
  void add_blob(const std::string& hex, const std::string& algorithm = "sha256") {
    testing::write_file(layout.path() + "/blobs/" + algorithm + "/" + hex, "x");
  }
  // Returns the digest, or the error's message.
  std::string found(const std::string& text) {
    const auto engine = open_dir(layout.path()).value();
    const auto digest = find_digest(*engine, text);
    code = digest ? std::nullopt : std::optional(digest.error().code());
    return digest ? digest->str() : digest.error().message();
  }

  TempDir directory;
  LayoutWriter layout{directory / "layout"};
  std::optional<Errc> code;
};

TEST_F(AShortDigest, IsThatOfTheOnlyBlobOrEntryThatItBegins) {
  const std::string one = "1234567" + std::string(57, '0'), two = "1234568" + std::string(57, '0');
  add_blob(one);
  layout.write_index(
      {Descriptor{.media_type = "a/b", .digest = Digest::parse("sha256:" + two).value(), .size = 1}});
  EXPECT_EQ(found("1234567"), "sha256:" + one);
  EXPECT_EQ(found("sha256:12345670"), "sha256:" + one);
  EXPECT_EQ(found("1234568"), "sha256:" + two) << "an entry without a blob";
  EXPECT_EQ(found("sha512:1234567"), "sha512:1234567: no such digest in the layout");
  EXPECT_EQ(code, Errc::not_found);
}

TEST_F(AShortDigest, OfSeveralDigestsIsAmbiguousAndListsThem) {
  const std::string one = "1234567" + std::string(57, '0'), two = "1234567" + std::string(57, '1');
  const std::string other = "1234567" + std::string(121, '0');
  add_blob(one);
  add_blob(two);
  add_blob(other, "sha512");
  EXPECT_THAT(found("1234567"), AllOf(HasSubstr("'1234567' is the beginning of 3 digests: "), HasSubstr(one),
                                      HasSubstr(two), HasSubstr("sha512:" + other)));
  EXPECT_EQ(code, Errc::ambiguous);
  EXPECT_EQ(found("12345671"), "sha256:" + two);
  EXPECT_EQ(found("sha512:1234567"), "sha512:" + other);
}

TEST_F(AShortDigest, ThatIsWholeNeedNotExist) {
  EXPECT_EQ(found("sha256:" + kHex), "sha256:" + kHex);
  EXPECT_THAT(found(kHex), HasSubstr("no such digest")) << "without an algorithm it does";
}

TEST_F(AShortDigest, ThatIsMalformedIsAnError) {
  for (const char* text : {"", "123456", "sha256:123456", "sha256:12345G7"}) {
    found(text);
    EXPECT_EQ(code, Errc::digest_invalid) << text;
  }
}

}  // namespace
}  // namespace layoutfs
