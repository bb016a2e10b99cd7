#include "core/image/image_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "layoutfs/open.h"
#include "tests/support/layout_writer.h"
#include "tests/support/referrer_layouts.h"
#include "tests/support/tar_writer.h"
#include "tests/support/temp_dir.h"

namespace layoutfs::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Images : public ::testing::Test {
 protected:
  Descriptor layer(const std::string& name) { return layout_.blob(TarWriter().file(name).bytes(), kTarType); }
  Descriptor image(const std::vector<Descriptor>& layers) {
    std::vector<Digest> diff_ids;
    for (const Descriptor& each : layers) diff_ids.push_back(each.digest);  // they are not compressed
    return layout_.manifest(layout_.config(diff_ids), layers);
  }
  ImageSet find(const std::vector<Descriptor>& entries) {
    layout_.write_index(entries);
    return all_images(*open_dir(layout_.path()).value()).value();
  }
  void remove(const Descriptor& blob) { std::filesystem::remove(layout_.blob_path(blob.digest)); }
  static std::vector<Digest> manifests(const ImageSet& set) {
    std::vector<Digest> digests;
    for (const ImageSet::Image& each : set.images) digests.push_back(each.manifest.digest);
    return digests;
  }

  TempDir dir_;
  LayoutWriter layout_{dir_ / "layout"};
};

TEST_F(Images, AreFoundByWhateverRefersToThem) {
  const Descriptor subject = image({layer("one")});
  for (const auto& each : referrer_layouts()) {
    SCOPED_TRACE(each.name);
    const ImageSet set = find(each.write(layout_, subject).entries);
    EXPECT_THAT(manifests(set), ::testing::Contains(subject.digest));
    EXPECT_THAT(set.problems, IsEmpty());
  }
}

TEST_F(Images, AreAllThatTheReferencesLeadToEachOnce) {
  const Descriptor shared = layer("shared"), own = layer("own");
  const Descriptor one = image({shared}), two = image({shared, own}), three = image({own});
  const Descriptor nested = layout_.index({layout_.index({two}), one});
  const ImageSet set = find({named(one, "one"), named(one, "again"), named(nested, "nested"), three});
  EXPECT_THAT(manifests(set), ElementsAre(one.digest, two.digest, three.digest));
  EXPECT_THAT(set.problems, IsEmpty());
  const auto layers = set.layers();
  ASSERT_EQ(layers.size(), 2u);
  EXPECT_EQ(layers[0].digest, shared.digest);
  EXPECT_EQ(layers[1].digest, own.digest);
}

TEST_F(Images, AreNoArtifactsAndNoAttestations) {
  const Descriptor artifact =
      layout_.manifest(layout_.blob("{}", "application/vnd.example"), {layout_.blob("x", "text/plain")});
  const Descriptor statement = image({layout_.blob("{}", "application/vnd.in-toto+json")});
  const Descriptor good = image({layer("a")});
  const ImageSet set =
      find({layout_.index({good, for_platform(statement, {"unknown", "unknown", ""})}), artifact});
  EXPECT_THAT(manifests(set), ElementsAre(good.digest));
  EXPECT_THAT(set.problems, IsEmpty());
}

TEST_F(Images, APlatformThatIsNotThereIsNoProblemAndWhatAReferenceNamesIs) {
  const Descriptor good = image({layer("a")}), absent = image({layer("b")}), missing = image({layer("c")});
  remove(absent);
  EXPECT_THAT(find({layout_.index({absent, good})}).problems, IsEmpty());
  remove(missing);
  const ImageSet set = find({missing, good});
  EXPECT_THAT(manifests(set), ElementsAre(good.digest));
  ASSERT_EQ(set.problems.size(), 1u);
  EXPECT_EQ(set.problems[0].code(), Errc::not_found);
}

TEST_F(Images, WhatCannotBeReadLeavesTheOthersAlone) {
  const Descriptor good = image({layer("a")}), damaged = image({layer("b")});
  write_file(layout_.blob_path(damaged.digest), std::string(damaged.size, 'x'));
  const Descriptor broken = layout_.blob("{", kManifestType);
  const ImageSet set = find({damaged, layout_.index({broken}), good});
  EXPECT_THAT(manifests(set), ElementsAre(good.digest));
  ASSERT_EQ(set.problems.size(), 2u);
  EXPECT_EQ(set.problems[0].code(), Errc::corrupt);
  EXPECT_EQ(set.problems[1].code(), Errc::invalid_image);
}

TEST_F(Images, OneOfThemIsItsManifest) {
  const Descriptor first = layer("a"), second = layer("b");
  const Descriptor manifest = image({first, second});
  const auto engine = open_dir(layout_.path()).value();
  const ImageSet set = one_image(*engine, manifest).value();
  EXPECT_THAT(manifests(set), ElementsAre(manifest.digest));
  EXPECT_EQ(set.layers().size(), 2u);
  const Descriptor artifact =
      layout_.manifest(layout_.blob("{}", "application/vnd.example"), {layout_.blob("x", "text/plain")});
  EXPECT_EQ(one_image(*engine, artifact).error().code(), Errc::unsupported);
}

}  // namespace
}  // namespace layoutfs::testing
