// Descriptors out of JSON.
#include "layoutfs/descriptor.h"
#include "core/cas/descriptor_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

const std::string kDigest = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

Result<Descriptor> from_text(const std::string& text) { return Descriptor::parse(text); }

// A descriptor with a digest and a size, and `more` members.
Result<Descriptor> with(const std::string& more) {
  return from_text(R"({"digest":")" + kDigest + R"(","size":3,)" + more + "}");
}

TEST(Descriptor, AllFieldsAreRead) {
  const std::string text =
      R"({"mediaType":"a/b","digest":")" + kDigest +
      R"(","size":3,"annotations":{"org.opencontainers.image.ref.name":"app","z":""},)"
      R"("platform":{"os":"linux","architecture":"arm","variant":"v6","os.version":"1","os.features":["f"]},)"
      R"("artifactType":"c/d","data":"YWJj","urls":["https://x/y"],"x":[1,{}]})";
  const auto descriptor = from_text(text);
  ASSERT_TRUE(descriptor);
  EXPECT_EQ(descriptor->media_type, "a/b");
  EXPECT_EQ(descriptor->digest.str(), kDigest);
  EXPECT_EQ(descriptor->size, 3u);
  EXPECT_THAT(descriptor->annotations, ElementsAre(Pair(std::string(kRefName), "app"), Pair("z", "")));
  EXPECT_EQ(descriptor->ref_name(), "app");
  EXPECT_EQ(descriptor->annotation("z"), "");
  EXPECT_EQ(descriptor->annotation("y"), std::nullopt);
  EXPECT_EQ(descriptor->platform, (Platform{"linux", "arm", "v6", "1", {"f"}}));
  EXPECT_EQ(descriptor->data, "YWJj");
  EXPECT_THAT(descriptor->urls, ElementsAre("https://x/y"));
  EXPECT_EQ(descriptor->artifact_type, "c/d");
  EXPECT_EQ(descriptor->json, text);
}

TEST(Descriptor, IsWrittenAsItWasReadUnknownFieldsIncluded) {
  const std::string text =
      R"({"mediaType":"a/b","digest":")" + kDigest +
      R"(","size":3,"urls":["https://x/y"],"annotations":{"z":""},"data":"YWJj",)"
      R"("platform":{"architecture":"arm","os":"linux","os.version":"1","os.features":["f"],"variant":"v6"},)"
      R"("artifactType":"c/d","x":[1,{}],"y":null})";
  JsonWriter writer;
  write_descriptor(writer, *from_text(text));
  EXPECT_EQ(writer.str(), text);
}

TEST(Descriptor, EqualityIsOfMeaningNotOfSpelling) {
  const auto plain = with(R"("mediaType":"a")");
  EXPECT_EQ(*plain, *with(R"("mediaType":"a","urls":[],"annotations":{},"platform":null)"));
  EXPECT_EQ(*plain, *with(R"("annotations":null,  "urls":null, "mediaType":"a")"));
  EXPECT_NE(*plain, *with(R"("mediaType":"a","urls":["x"])"));
  EXPECT_NE(*plain, *with(R"("mediaType":"a","annotations":{"x":""})"));
  EXPECT_NE(*plain, *with(R"("mediaType":"b")"));
}

TEST(Descriptor, OnlyDigestAndSizeAreRequired) {
  const auto descriptor = with(R"("annotations":null,"platform":null,"mediaType":null)");
  ASSERT_TRUE(descriptor);
  EXPECT_EQ(descriptor->media_type, "");
  EXPECT_TRUE(descriptor->annotations.empty());
  EXPECT_EQ(descriptor->platform, std::nullopt);
  EXPECT_EQ(descriptor->ref_name(), std::nullopt);
}

TEST(Descriptor, WrongFieldsMakeTheImageInvalid) {
  for (const std::string& text :
       {std::string("1"), std::string("[]"), std::string("null"), std::string(R"({"size":1})"),
        R"({"digest":")" + kDigest + R"("})", R"({"digest":")" + kDigest + R"(","size":-1})",
        R"({"digest":")" + kDigest + R"(","size":"1"})", R"({"digest":")" + kDigest + R"(","size":1.5})",
        R"({"digest":")" + kDigest + R"(","size":18446744073709551615})",
        R"({"digest":")" + kDigest + R"(","size":1e300})", std::string(R"({"digest":1,"size":1})"),
        std::string(R"({"digest":"","size":1})"), std::string(R"({"digest":"sha256:../../etc","size":1})")}) {
    const auto descriptor = from_text(text);
    ASSERT_FALSE(descriptor) << text;
    EXPECT_EQ(descriptor.error().code(), Errc::invalid_image) << text;
  }
  for (const char* more : {R"("mediaType":1)", R"("annotations":[])", R"("annotations":{"a":{}})",
                           R"("annotations":{"a":[]})", R"("platform":"linux")", R"("platform":{"os":1})",
                           R"("platform":{"variant":{}})", R"("artifactType":[])"}) {
    const auto descriptor = with(more);
    ASSERT_FALSE(descriptor) << more;
    EXPECT_EQ(descriptor.error().code(), Errc::invalid_image) << more;
    EXPECT_THAT(descriptor.error().message(), HasSubstr(kDigest));
  }
}

TEST(Descriptor, AnnotationsThatAreNoTextAreKeptAndCountAsAbsent) {
  const std::string text = R"({"mediaType":"a/b","digest":")" + kDigest +
                           R"(","size":3,"annotations":{"a":"x","n":null,"i":12.0,"t":true}})";
  auto descriptor = from_text(text);
  ASSERT_TRUE(descriptor);
  EXPECT_THAT(descriptor->annotations, ElementsAre(Pair("a", "x")));
  const auto written = [&] {
    JsonWriter writer;
    write_descriptor(writer, *descriptor);
    return writer.str();
  };
  EXPECT_EQ(written(), text);
  descriptor->annotations["n"] = "now";
  EXPECT_THAT(written(), HasSubstr(R"("annotations":{"a":"x","n":"now","i":12.0,"t":true})"));
  descriptor->annotations.clear();
  EXPECT_THAT(written(), HasSubstr(R"("annotations":{"n":null,"i":12.0,"t":true})"));
}

TEST(Descriptor, WritesNothingThatItWouldNotRead) {
  for (const char* json : {R"({"x":1,"x":2})", R"({"Digest":"x","SIZE":1,"platform":{"OS":"x"}})"}) {
    auto descriptor = with(R"("platform":{"os":"linux"})").value();
    descriptor.json = json;
    JsonWriter writer;
    write_descriptor(writer, descriptor);
    EXPECT_EQ(*from_text(writer.str()), descriptor) << json;
  }
}

TEST(Descriptor, NullsInListsCountAsNothing) {
  const auto descriptor = with(R"("urls":[null,"u"],"platform":{"os":null,"os.features":["f",null]})");
  ASSERT_TRUE(descriptor);
  EXPECT_THAT(descriptor->urls, ElementsAre("u"));
  EXPECT_THAT(descriptor->platform->os_features, ElementsAre("f"));
}

TEST(Descriptor, TheSizeIsAWholeNumberHoweverItIsWritten) {
  for (const char* size : {"12.0", "1.2e1", "12"})
    EXPECT_EQ(from_text(R"({"digest":")" + kDigest + R"(","size":)" + size + "}")->size, 12u) << size;
}

TEST(Descriptor, UnknownMembersOfItsPlatformAreWrittenAgain) {
  const std::string text =
      R"({"mediaType":"","digest":")" + kDigest +
      R"(","size":3,"platform":{"architecture":"a","os":"o","features":["sse4"],"x":{"y":1,"z":2}}})";
  JsonWriter writer;
  write_descriptor(writer, *from_text(text));
  EXPECT_EQ(writer.str(), text);
}

TEST(Descriptor, MembersThatReadersUnderstandDifferentlyMakeItInvalid) {
  for (const char* more : {R"("Digest":"x")", R"("SIZE":4)", R"("Annotations":{})",
                           R"("platform":{"os":"linux","OS":"windows"})", R"("platform":{"Os.Version":"1"})",
                           "\"\u017fize\":4", R"("URLs":[])"}) {
    const auto descriptor = with(more);
    ASSERT_FALSE(descriptor) << more;
    EXPECT_EQ(descriptor.error().code(), Errc::invalid_image) << more;
    EXPECT_THAT(descriptor.error().message(), HasSubstr("only in case"));
  }
  // Annotations have no names but their own.
  EXPECT_THAT(with(R"("annotations":{"a":"1","A":"2"})")->annotations,
              ElementsAre(Pair("A", "2"), Pair("a", "1")));
}

TEST(Descriptor, AnUnknownDigestAlgorithmIsUnsupported) {
  EXPECT_EQ(from_text(R"({"digest":"md5:00","size":1})").error().code(), Errc::unsupported);
}

TEST(DescriptorList, KeepsWhatCanBeUnderstood) {
  const std::string good = R"({"digest":")" + kDigest + R"(","size":3})";
  const auto document =
      JsonDocument::parse(as_bytes(R"({"manifests":[1,)" + good + R"(,{"size":1},)" + good + "]}")).value();
  const auto list = DescriptorList::from_member(document.root(), "manifests").value();
  EXPECT_EQ(list.entries.size(), 2u);
  EXPECT_THAT(list.problems,
              ElementsAre("entry 0: descriptor is not an object", "entry 2: digest is missing"));
}

TEST(DescriptorList, ProblemsOfAHostileListAreLimited) {
  std::string text = "[0";
  for (int i = 0; i < 100'000; ++i) text += ",0";
  const auto document = JsonDocument::parse(as_bytes("{\"manifests\":" + text + "]}")).value();
  EXPECT_EQ(DescriptorList::from_member(document.root(), "manifests")->problems.size(), 1000u);
}

}  // namespace
}  // namespace layoutfs
