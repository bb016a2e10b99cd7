#include "core/engines/storage_documents.h"

#include <gtest/gtest.h>

namespace layoutfs {
namespace {

Digest digest(char c) { return Digest::parse("sha256:" + std::string(64, c)).value(); }
std::string hex(char c) { return std::string(64, c); }

StorageImage sample_image() {
  return {.id = hex('c'),
          .manifest = digest('a'),
          .names = {"localhost/img:1", "localhost/img:2"},
          .top_layer = hex('1'),
          .created = "2024-02-29T01:02:03.5Z",
          .items = {{"manifest", digest('a'), 10}, {"sha256:" + hex('c'), digest('c'), 20}}};
}

StorageLayer sample_layer() {
  return {.id = hex('1'),
          .parent = "",
          .created = "",
          .blob = digest('b'),
          .blob_size = 5,
          .compression = Compression::gzip,
          .diff_id = digest('d'),
          .diff_size = 1024};
}

TEST(StorageDocuments, AnImageHasAllMembersOfContainersStorage) {
  EXPECT_EQ(storage_images_json({}), "[]");
  const StorageImage image = sample_image();
  EXPECT_EQ(storage_images_json(std::span(&image, 1)),
            R"([{"id":")" + hex('c') + R"(","digest":"sha256:)" + hex('a') +
                R"(","names":["localhost/img:1","localhost/img:2"],"layer":")" + hex('1') +
                R"(","metadata":"{}","big-data-names":["manifest","sha256:)" + hex('c') +
                R"("],"big-data-sizes":{"manifest":10,"sha256:)" + hex('c') +
                R"(":20},"big-data-digests":{"manifest":"sha256:)" + hex('a') + R"(","sha256:)" + hex('c') +
                R"(":"sha256:)" + hex('c') + R"("},"created":"2024-02-29T01:02:03.5Z"}])");
}

TEST(StorageDocuments, ALayerHasItsParentUnlessItIsTheBase) {
  std::vector<StorageLayer> layers{sample_layer(), sample_layer()};
  layers[1].id = hex('2');
  layers[1].parent = hex('1');
  layers[1].compression = Compression::none;
  const std::string ends = R"("compressed-diff-digest":"sha256:)" + hex('b') +
                           R"(","compressed-size":5,"diff-digest":"sha256:)" + hex('d') +
                           R"(","diff-size":1024,"compression":)";
  EXPECT_EQ(storage_layers_json(layers),
            R"([{"id":")" + hex('1') + R"(",)" + ends + R"(2,"uidset":[0],"gidset":[0]},{"id":")" + hex('2') +
                R"(","parent":")" + hex('1') + R"(",)" + ends + R"(0,"uidset":[0],"gidset":[0]}])");
}

// Go refuses a whole document for one such time.
TEST(StorageDocuments, OnlyTimesThatGoParsesAreWritten) {
  for (const char* good :
       {"2024-02-29T01:02:03Z", "2024-02-29T01:02:03.123456789+02:00", "0001-01-01T00:00:00Z"})
    EXPECT_TRUE(is_storage_time(good)) << good;
  for (const char* bad :
       {"", "yesterday", "2023-02-29T01:02:03Z", "2024-02-30T01:02:03Z", "2024-13-01T01:02:03Z",
        "2024-01-01T24:00:00Z", "2024-01-01T01:02:03", "2024-01-01 01:02:03Z", "2024-01-01T01:02:03.Z",
        "2024-01-01T01:02:03+2:00", "2024-01-01T01:02:03+24:00", "2024-01-01T01:02:03+02:60"})
    EXPECT_FALSE(is_storage_time(bad)) << bad;
  StorageImage image = sample_image();
  image.created = "yesterday";
  EXPECT_FALSE(storage_images_json(std::span(&image, 1)).contains("created"));
}

TEST(StorageDocuments, ALockHas64BytesThatDependOnTheDocument) {
  EXPECT_EQ(storage_lock("[]").size(), 64u);
  EXPECT_NE(storage_lock("[]"), storage_lock("[{}]"));
}

}  // namespace
}  // namespace layoutfs
