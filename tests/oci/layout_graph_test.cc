// The graph of one layout.
#include "core/oci/layout_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "layoutfs/open.h"
#include "tests/support/documents.h"
#include "tests/support/referrer_layouts.h"
#include "tests/support/store.h"

namespace layoutfs {
namespace {

using testing::artifact_text;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::index_document;
using ::testing::IsEmpty;
using testing::LayoutWriter;
using testing::manifest_text;
using testing::TempDir;

class LayoutGraphOf : public ::testing::Test {
 protected:
  void remove(const Digest& digest) const { std::filesystem::remove(layout.blob_path(digest)); }
  static std::vector<Digest> found_in(const LayoutReferrers& referrers) {
    std::vector<Digest> digests;
    for (const auto& [subject, referrer] : referrers.by_subject) digests.push_back(referrer.named.digest);
    std::ranges::sort(digests);
    return digests;
  }

  TempDir directory;
  LayoutWriter layout{directory / "layout"};
  std::unique_ptr<Engine> engine = open_dir(layout.path()).value();
  LayoutGraph graph{*engine};
  Descriptor config = layout.config({});
  Descriptor layer = layout.blob("layer", testing::kTarType);
  Descriptor manifest = layout.manifest(config, {layer});
};

// A removed blob cannot be read, so the answer comes from the graph.
TEST_F(LayoutGraphOf, ALayoutReadsEachDocumentOnce) {
  const auto index = layout.index({manifest});
  EXPECT_FALSE(graph.was_read(index.digest)) << "nothing is read that nobody asked about";
  ASSERT_TRUE(graph.index(index));
  ASSERT_TRUE(graph.manifest(manifest));
  ASSERT_TRUE(graph.config(config));
  for (const Descriptor& document : {index, manifest, config}) remove(document.digest);
  EXPECT_THAT(graph.index(index).value()->manifests, ElementsAre(manifest));
  EXPECT_EQ(graph.manifest(manifest).value()->layers.at(0).digest, layer.digest);
  EXPECT_EQ(graph.config(config).value()->platform.os, "linux");
  EXPECT_TRUE(std::holds_alternative<Manifest>(graph.read(manifest).value()->node));
  graph.release();
  EXPECT_FALSE(graph.was_read(index.digest));
  EXPECT_EQ(graph.index(index).error().code(), Errc::not_found);
}

TEST_F(LayoutGraphOf, ALayoutReadsADocumentOnceWhetherItsTypeIsToldOrNot) {
  const auto document = graph.read(manifest.digest);
  ASSERT_TRUE(document) << document.error().message();
  EXPECT_EQ((*document)->media_type, testing::kManifestType);
  EXPECT_EQ((*document)->size, manifest.size);
  remove(manifest.digest);
  EXPECT_TRUE(graph.manifest(manifest));
  const auto bare = layout.blob(artifact_text({}, &manifest), "");
  EXPECT_EQ(graph.read(bare).value()->media_type, media_type::kOciArtifactManifest) << "it tells none";
}

TEST_F(LayoutGraphOf, ALayoutTellsWhatIsWrongWithADocumentAlone) {
  const auto broken = layout.blob("{", testing::kManifestType);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(graph.manifest(broken).error().code(), Errc::invalid_image);
    EXPECT_EQ(graph.read(broken).error().code(), Errc::invalid_image);
    remove(broken.digest);
  }
  Descriptor wrong = manifest;
  ++wrong.size;
  EXPECT_EQ(graph.manifest(wrong).error().code(), Errc::corrupt);
  ASSERT_TRUE(graph.manifest(manifest));
  EXPECT_EQ(graph.manifest(wrong).error().code(), Errc::corrupt) << "also of a document that is known";
  const auto large = layout.blob("{" + std::string(std::size_t{5} << 20, ' ') + "}", testing::kIndexType);
  EXPECT_EQ(graph.index(large).error().code(), Errc::unsupported);
  EXPECT_TRUE(graph.manifest(manifest));
  EXPECT_EQ(graph.read(config).value()->node.index(), 0u) << "a configuration leads nowhere";
}

TEST_F(LayoutGraphOf, ALayoutReadsAgainWhatWasMissingOrDamaged) {
  const std::string text = testing::file_text(layout.blob_path(manifest.digest));
  remove(manifest.digest);
  EXPECT_EQ(graph.manifest(manifest).error().code(), Errc::not_found);
  testing::write_file(layout.blob_path(manifest.digest), std::string(text.size(), 'x'));
  EXPECT_EQ(graph.manifest(manifest).error().code(), Errc::corrupt);
  EXPECT_FALSE(graph.was_read(manifest.digest));
  testing::write_file(layout.blob_path(manifest.digest), text);
  EXPECT_TRUE(graph.manifest(manifest));
}

TEST_F(LayoutGraphOf, ALayoutKnowsWhatAnUnknownDocumentMentionsByTheBlobsOfTheMoment) {
  const auto later = testing::descriptor_of("later", "");
  const auto unknown =
      layout.blob(R"({"uses":[")" + layer.digest.str() + R"(",")" + later.digest.str() + "\"]}", "a/new");
  const auto mentioned = [&] {
    std::vector<Digest> digests;
    for (const Descriptor& child : children_of(graph.read(unknown).value()->node))
      digests.push_back(child.digest);
    return digests;
  };
  EXPECT_THAT(mentioned(), ElementsAre(layer.digest));
  layout.blob("later", "");
  EXPECT_THAT(mentioned(), ::testing::UnorderedElementsAre(layer.digest, later.digest));
}

TEST_F(LayoutGraphOf, ALayoutHoldsDocumentsWithinItsBudget) {
  constexpr std::size_t kBudget = std::size_t{64} << 10;
  const auto cache = std::make_shared<DocumentCache>(kBudget);
  const LayoutGraph bounded(*engine, {.cache = cache});
  std::vector<Descriptor> manifests;
  for (int i = 0; i < 100; ++i)
    manifests.push_back(layout.manifest(config, {layout.blob(std::to_string(i), testing::kTarType)}));
  for (const Descriptor& each : manifests) {
    ASSERT_TRUE(bounded.manifest(each));
    EXPECT_LE(cache->bytes(), kBudget);
  }
  EXPECT_GT(cache->bytes(), kBudget / 2);
  EXPECT_TRUE(bounded.leads_nowhere(manifests.front())) << "which stays known";
  remove(manifests.front().digest);
  remove(manifests.back().digest);
  EXPECT_EQ(bounded.manifest(manifests.front()).error().code(), Errc::not_found) << "the first was dropped";
  EXPECT_TRUE(bounded.manifest(manifests.back()));
}

TEST_F(LayoutGraphOf, ALayoutStopsOnRequest) {
  std::stop_source stop;
  stop.request_stop();
  const Context stopped{.stop = stop.get_token(), .deadline = {}};
  EXPECT_EQ(graph.manifest(manifest, stopped).error().code(), Errc::cancelled);
  EXPECT_EQ(find_referrers(graph, std::vector{manifest}, stopped).error().code(), Errc::cancelled);
  EXPECT_TRUE(graph.manifest(manifest));
}

TEST_F(LayoutGraphOf, ALayoutKeepsTextAndMentionsForWhoAsks) {
  const LayoutGraph whole(*engine, {.keeps_text = true, .finds_mentions = true});
  const auto document = whole.read(manifest).value();
  EXPECT_EQ(as_text(document->text), testing::file_text(layout.blob_path(manifest.digest)));
  EXPECT_THAT(document->mentions, ::testing::UnorderedElementsAre(config.digest, layer.digest));
  EXPECT_THAT(graph.read(manifest).value()->text, IsEmpty());
  EXPECT_THAT(graph.read(manifest).value()->mentions, IsEmpty());
}

TEST_F(LayoutGraphOf, ALayoutFindsReferrersWhereverTheyAre) {
  for (const auto& each : testing::referrer_layouts()) {
    SCOPED_TRACE(each.name);
    const auto written = each.write(layout, manifest);
    std::vector<Descriptor> roots = written.entries;
    roots.push_back(manifest);
    const auto found = find_referrers(graph, roots);
    ASSERT_TRUE(found) << found.error().message();
    EXPECT_EQ(found_in(*found), written.digests());
    EXPECT_FALSE(found->is_open);
    EXPECT_FALSE(found->problem);
    for (const auto& [subject, referrer] : found->by_subject)
      EXPECT_FALSE(referrer.listed.media_type.empty()) << referrer.named.digest.str();
  }
}

// After a change of index.json only new documents are read.
TEST_F(LayoutGraphOf, ALayoutFindsReferrersAgainWithoutReadingImagesAgain) {
  const auto artifact = layout.blob(artifact_text({}, &manifest), testing::kArtifactType);
  ASSERT_TRUE(find_referrers(graph, std::vector{manifest, artifact}));
  EXPECT_TRUE(graph.leads_nowhere(manifest));
  EXPECT_FALSE(graph.leads_nowhere(artifact));
  remove(manifest.digest);
  const auto other = layout.blob(artifact_text({layer}, &manifest), testing::kArtifactType);
  const auto found = find_referrers(graph, std::vector{manifest, artifact, other}).value();
  std::vector<Digest> expected{artifact.digest, other.digest};
  std::ranges::sort(expected);
  EXPECT_EQ(found_in(found), expected);
  EXPECT_FALSE(found.is_open);
}

TEST_F(LayoutGraphOf, ALayoutFindsReferrersBesideWhatCannotBeRead) {
  const auto artifact = layout.blob(artifact_text({}, &manifest), testing::kArtifactType);
  const auto broken = layout.blob("{", testing::kManifestType);
  const auto absent = testing::descriptor_of("nobody put this", testing::kManifestType);
  const auto found = find_referrers(graph, std::vector{broken, absent, artifact}).value();
  EXPECT_THAT(found_in(found), ElementsAre(artifact.digest));
  EXPECT_TRUE(found.is_open);
  ASSERT_TRUE(found.problem);
  EXPECT_EQ(found.problem->code(), Errc::invalid_image);
}

// Of so many, several threads read the documents.
TEST_F(LayoutGraphOf, ALayoutFindsReferrersOfManyImages) {
  std::vector<Descriptor> roots;
  std::vector<Digest> expected, broken;
  for (int i = 0; i < 300; ++i) {
    const std::string name = std::to_string(i);
    roots.push_back(layout.manifest(config, {layout.blob(name, testing::kTarType)}));
    if (i % 3 == 0) {
      roots.push_back(layout.blob(artifact_text({}, &roots.back()), testing::kArtifactType));
      expected.push_back(roots.back().digest);
    }
    if (i % 10 == 0)
      broken.push_back(roots.emplace_back(layout.blob("{" + name, testing::kManifestType)).digest);
  }
  std::ranges::sort(expected);
  const auto found = find_referrers(graph, roots).value();
  EXPECT_EQ(found_in(found), expected);
  ASSERT_TRUE(found.problem);
  EXPECT_THAT(found.problem->message(), HasSubstr(std::ranges::min(broken).str()));
}

TEST_F(LayoutGraphOf, ALayoutMayBeReadByManyThreadsAtOnce) {
  constexpr int kThreads = 4, kManifests = 50;
  std::vector<Descriptor> manifests;
  for (int i = 0; i < kManifests; ++i)
    manifests.push_back(layout.manifest(config, {layout.blob(std::to_string(i), testing::kTarType)}));
  // Small enough that documents are dropped while others read them.
  const LayoutGraph shared(*engine, {.cache = std::make_shared<DocumentCache>(std::size_t{32} << 10)});
  std::atomic<int> failures = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&] {
        for (const Descriptor& each : manifests) {
          const auto document = shared.manifest(each);
          if (!document || (*document)->config.digest != config.digest) ++failures;
        }
        if (!find_referrers(shared, manifests)) ++failures;
      });
  }
  EXPECT_EQ(failures, 0);
}

}  // namespace
}  // namespace layoutfs
