#include "core/engines/layout_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/engines/storage_names.h"
#include "layoutfs/open.h"
#include "tests/support/layout_writer.h"
#include "tests/support/tar_writer.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using testing::for_platform;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::LayoutWriter;
using testing::named;
using testing::TarWriter;
using testing::TempDir;
using ::testing::UnorderedElementsAre;

const Platform kAmd64{"linux", "amd64", ""}, kArm64{"linux", "arm64", "v8"};

class LayoutImagesTest : public ::testing::Test {
 protected:
  Descriptor layer(const std::string& file) {
    return writer_.blob(TarWriter().file(file).bytes(), testing::kTarType);
  }
  // An image of layers that are not compressed.
  Descriptor image(const std::vector<Descriptor>& layers, const Platform& platform = kAmd64) {
    std::vector<Digest> diff_ids;
    for (const Descriptor& each : layers) diff_ids.push_back(each.digest);
    return writer_.manifest(writer_.config(diff_ids, platform), layers);
  }
  LayoutImages read(const std::vector<Descriptor>& entries) {
    writer_.write_index(entries);
    const auto reader = open_dir(writer_.path()).value();
    const LayoutGraph graph(*reader);
    return read_layout_images(graph, *reader->references().value(), "localhost/img", kAmd64).value();
  }
  static std::vector<std::string> names_of(const LayoutImages& images) {
    std::vector<std::string> names;
    for (const LayoutImage& each : images.images) {
      std::string line;
      for (const std::string& name : each.record.names) line += (line.empty() ? "" : " ") + name;
      names.push_back(line);
    }
    return names;
  }

  TempDir dir_;
  LayoutWriter writer_{dir_ / "layout"};
};

TEST_F(LayoutImagesTest, AnImageHasItsDocumentsAndLayers) {
  const Descriptor a = layer("a"), b = layer("b"), manifest = image({a, b});
  const auto images = read({named(manifest, "1.0"), named(manifest, "latest")});
  EXPECT_THAT(images.broken, IsEmpty());
  ASSERT_EQ(images.images.size(), 1u);
  const LayoutImage& found = images.images[0];
  EXPECT_THAT(found.record.names, ElementsAre("localhost/img:1.0", "localhost/img:latest"));
  EXPECT_EQ(found.record.manifest, manifest.digest);
  const std::vector<Digest> diff_ids{a.digest, b.digest};
  EXPECT_EQ(found.layer_ids, storage_layer_ids(diff_ids));
  EXPECT_EQ(found.record.top_layer, found.layer_ids.back());
  std::vector<std::string> keys;
  for (const StorageItem& item : found.record.items) keys.push_back(item.key);
  EXPECT_THAT(keys,
              ElementsAre("manifest", "manifest-" + manifest.digest.str(), "sha256:" + found.record.id));
  EXPECT_EQ(digest_of(*found.stack), digest_of(std::vector<Descriptor>{a, b}));
}

TEST_F(LayoutImagesTest, OfAnIndexTheImageOfThePlatformIsShown) {
  const Descriptor here = image({layer("a")}), other = image({layer("b")}, kArm64);
  const Descriptor index = writer_.index({for_platform(other, kArm64), for_platform(here, kAmd64)});
  // oras and cosign list the manifests as well.
  const auto images = read({named(index, "1.0"), here, other});
  EXPECT_THAT(names_of(images), ElementsAre("localhost/img:1.0"));
  EXPECT_EQ(images.images[0].record.manifest, here.digest);
  EXPECT_EQ(images.images[0].record.items.at(2).key, "manifest-" + index.digest.str());
  EXPECT_THAT(images.broken, IsEmpty());
}

TEST_F(LayoutImagesTest, OfEntriesThatDifferInThePlatformOneIsShown) {
  const Descriptor here = image({layer("a")}), other = image({layer("b")}, kArm64);
  const auto images =
      read({named(for_platform(other, kArm64), "1.0"), named(for_platform(here, kAmd64), "1.0")});
  EXPECT_THAT(names_of(images), ElementsAre("localhost/img:1.0"));
  EXPECT_EQ(images.images[0].record.manifest, here.digest);
}

TEST_F(LayoutImagesTest, OfImagesWithOneNameTheFirstKeepsIt) {
  EXPECT_THAT(names_of(read({named(image({layer("a")}), "1.0"), named(image({layer("b")}), "1.0")})),
              ElementsAre("localhost/img:1.0", ""));
}

TEST_F(LayoutImagesTest, AnImageWithoutANameIsShown) {
  EXPECT_THAT(names_of(read({image({layer("a")}), named(image({layer("b")}), "Not A Name")})),
              ElementsAre("", ""));
}

TEST_F(LayoutImagesTest, ManifestsOfOneConfigAreOneImage) {
  const Descriptor a = layer("a");
  const Descriptor first = image({a});
  const Descriptor second = writer_.manifest(writer_.config({a.digest}), {a, a});  // broken
  const Descriptor third = writer_.index({for_platform(first, kAmd64)});
  const auto images = read({named(first, "1"), named(third, "2"), named(second, "3")});
  EXPECT_THAT(names_of(images), ElementsAre("localhost/img:1 localhost/img:2"));
  EXPECT_EQ(images.images[0].record.items.size(), 4u);
}

TEST_F(LayoutImagesTest, WhatIsNotAnImageIsLeftOut) {
  const Descriptor config = writer_.blob("{}", "application/vnd.example.config+json");
  const Descriptor blob = writer_.blob("text", "text/plain");
  const Descriptor attestation = for_platform(image({layer("a")}), {"unknown", "unknown", ""});
  const auto images = read({named(writer_.manifest(config, {blob}), "artifact"), named(blob, "blob"),
                            named(attestation, "attestation"),
                            named(writer_.manifest(writer_.config({}), {blob}), "signature")});
  EXPECT_THAT(images.images, IsEmpty());
  EXPECT_THAT(images.broken, IsEmpty());
}

TEST_F(LayoutImagesTest, ABrokenImageSaysWhy) {
  const Descriptor gone = layer("gone"), a = layer("a");
  const Descriptor good = image({a});
  const Descriptor without_layer = image({a, gone});
  std::filesystem::remove(writer_.blob_path(gone.digest));
  const Descriptor two_ids = writer_.manifest(writer_.config({a.digest, a.digest}), {a});
  const Descriptor no_image = writer_.index({for_platform(image({a}, kArm64), kArm64)});
  const Descriptor bad_json = writer_.blob("{", testing::kManifestType);
  Descriptor missing = image({layer("b")});
  std::filesystem::remove(writer_.blob_path(missing.digest));
  const auto images = read({named(without_layer, "layer"), named(two_ids, "ids"), named(no_image, "platform"),
                            named(bad_json, "json"), missing, named(good, "good")});
  EXPECT_THAT(names_of(images), ElementsAre("localhost/img:good"));
  std::map<std::string, std::string> broken;
  for (const auto& [name, why] : images.broken) broken.emplace(name, why);
  EXPECT_EQ(broken.size(), 5u);
  EXPECT_EQ(broken["layer"], "layer 1: blob " + gone.digest.str() + " is missing");
  EXPECT_EQ(broken["ids"], "the config has 2 diff_ids for 1 layers");
  EXPECT_THAT(broken["platform"], HasSubstr("no image for linux/amd64"));
  EXPECT_THAT(broken["json"], HasSubstr(bad_json.digest.str()));
  EXPECT_THAT(broken[missing.digest.str()], HasSubstr(missing.digest.str()));
}

TEST_F(LayoutImagesTest, LayersAreNotRead) {
  const Descriptor a = layer("a");
  const Descriptor manifest = image({a});
  testing::write_file(writer_.blob_path(a.digest), std::string(a.size, 'x'));
  EXPECT_THAT(names_of(read({named(manifest, "1")})), ElementsAre("localhost/img:1"));
}

}  // namespace
}  // namespace layoutfs
