// Configs, diffIDs, sizes and chain ids of images.
#include "core/oci/image_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "layoutfs/open.h"
#include "tests/support/documents.h"
#include "tests/support/store.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ImageFacts : public ::testing::Test {
 protected:
  testing::TempDir directory;
  testing::LayoutWriter layout{directory / "layout"};
  std::unique_ptr<Engine> engine = open_dir(layout.path()).value();
  Descriptor layer = layout.blob("layer", testing::kTarType);
  Descriptor config = layout.config({layer.digest});
  Descriptor manifest = layout.manifest(config, {layer});
  std::uint64_t manifest_size = manifest.size + config.size + layer.size;
};

TEST_F(ImageFacts, TheConfigIsTheManifestsAndHasTheDiffIds) {
  const auto found = config_of(*engine, manifest);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->digest, config.digest);
  EXPECT_THAT(diff_ids_of(*engine, *found).value(), ElementsAre(layer.digest));
  EXPECT_THAT(diff_ids_of(*engine, layout.blob("{}", testing::kConfigType)).value(), IsEmpty());
}

TEST_F(ImageFacts, WhatIsNoManifestHasNoConfig) {
  EXPECT_EQ(config_of(*engine, layout.index({manifest})).error().code(), Errc::invalid_argument);
  EXPECT_EQ(config_of(*engine, config).error().code(), Errc::invalid_argument);
}

TEST_F(ImageFacts, TheSizeIsThatOfAllThatAnImageLeadsTo) {
  EXPECT_EQ(size_of_image(*engine, manifest), manifest_size);
  // A repeated child counts twice.
  const auto index = layout.index({manifest, manifest, manifest, manifest, manifest});
  EXPECT_EQ(size_of_image(*engine, index), index.size + 5 * manifest_size);
  EXPECT_EQ(size_of_image(*engine, layer), layer.size);
}

TEST_F(ImageFacts, TheSizeOfTheBlobsCountsEachOnce) {
  auto again = layer;
  again.media_type = "application/x-own";
  auto docker = manifest;
  docker.media_type = "application/vnd.docker.distribution.manifest.v2+json";
  const auto twice = layout.manifest(config, {layer, again, layer});
  EXPECT_EQ(size_of_image(*engine, twice), twice.size + config.size + 3 * layer.size);
  EXPECT_EQ(size_of_blobs(*engine, twice), twice.size + config.size + layer.size);
  const auto index = layout.index({manifest, docker, manifest});
  EXPECT_EQ(size_of_blobs(*engine, index), index.size + manifest_size);
}

TEST_F(ImageFacts, AManifestThatIsMissingIsAnErrorUnlessItMayBe) {
  auto missing = manifest;
  missing.digest = Digest::of(as_bytes("nobody put this"));
  const auto index = layout.index({manifest, missing});
  EXPECT_EQ(size_of_image(*engine, index).error().code(), Errc::not_found);
  EXPECT_EQ(size_of_image(*engine, index, Missing::leaf), index.size + manifest_size + missing.size);
}

TEST_F(ImageFacts, SizesThatCannotBeAddedAreAnError) {
  auto huge = layer;
  huge.size = std::uint64_t{1} << 63;
  EXPECT_EQ(size_of_image(*engine, layout.manifest(config, {huge, huge})).error().code(),
            Errc::invalid_image);
}

// image-spec config.md, "Layer ChainID".
TEST(ChainIds, HangOnTheLayersBelow) {
  const auto a = Digest::of(as_bytes("a")), b = Digest::of(as_bytes("b")), c = Digest::of(as_bytes("c"));
  const auto both = [](const Digest& lower, const Digest& upper) {
    return Digest::of(as_bytes(lower.str() + " " + upper.str()));
  };
  EXPECT_THAT(chain_ids_of({}), IsEmpty());
  EXPECT_THAT(chain_ids_of(std::vector{a}), ElementsAre(a));
  EXPECT_THAT(chain_ids_of(std::vector{a, b, c}), ElementsAre(a, both(a, b), both(both(a, b), c)));
}

TEST(HistoryOfLayers, PassesOverEmptyLayers) {
  const HistoryEntry full{}, empty{.is_empty_layer = true};
  const std::vector<HistoryEntry> history{empty, full, empty, full};
  EXPECT_THAT(history_of_layers(history, 2), ElementsAre(1, 3));
}

TEST(HistoryOfLayers, IsEmptyIfTheNumbersDiffer) {
  const std::vector<HistoryEntry> history(2);
  EXPECT_THAT(history_of_layers(history, 1), IsEmpty());
  EXPECT_THAT(history_of_layers(history, 3), IsEmpty());
  EXPECT_THAT(history_of_layers({}, 1), IsEmpty());
}

}  // namespace
}  // namespace layoutfs
