#include "core/check/index_verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/erofs/stored_erofs.h"
#include "core/image/cached_tables.h"
#include "core/image/image_library.h"
#include "core/image/merge.h"
#include "core/layer/indexer.h"
#include "layoutfs/open.h"
#include "tests/support/layout_writer.h"
#include "tests/support/stream_index_builder.h"
#include "tests/support/tar_writer.h"
#include "tests/support/temp_dir.h"

namespace layoutfs::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using CachedKind = IndexProblem::Kind;

// An image of two layers with all cached files: two indexes, the image's tree, and the trees of both layers.
class VerifyKept : public ::testing::Test {
 protected:
  VerifyKept() {
    for (const TarWriter& tar : tars_) layers_.push_back(layout_.blob(tar.bytes(), kTarType));
    manifest_ = layout_.manifest(layout_.config({layers_[0].digest, layers_[1].digest}), layers_);
    layout_.write_index({manifest_});
    ImageLibrary library(engine(), cache_, {});
    EXPECT_TRUE(library.image(manifest_));
    for (const Descriptor& layer : layers_) EXPECT_TRUE(library.layer_tree(layer));
  }
  std::shared_ptr<const LayoutReader> engine() const { return open_dir(layout_.path()).value(); }
  VerifyReport verify() const {
    const auto layout = engine();
    return verify_indexes(*layout, cache_.directory()).value();
  }
  void expect_problem(CachedKind kind, const Digest& digest, const std::string& sentence) const {
    const VerifyReport report = verify();
    ASSERT_EQ(report.problems.size(), 1u);
    EXPECT_EQ(report.problems[0].kind, kind);
    EXPECT_EQ(report.problems[0].digest, digest);
    EXPECT_THAT(report.problems[0].message, HasSubstr(sentence));
  }
  // Without the layer the trees cannot be compared, but that is reported only once.
  void expect_index_problem(const Digest& digest, const std::string& sentence) const {
    expect_problem(CachedKind::index, digest, sentence);
  }
  // The index of another tar under the name of a layer, with a right checksum.
  std::shared_ptr<const LayerIndex> foreign_index(const Descriptor& layer) {
    LayerIndexBuilder builder;
    builder.add_point(0, 0, {});
    builder.add_span(0, {1, 2});
    auto file = builder.finish({.blob = layer.digest,
                                .diff_ids = {layer.digest},
                                .blob_size = layer.size,
                                .stream_size = layer.size,
                                .compression = Compression::none});
    return LayerIndex::open(cache_.store(CacheKind::layer_index, layer.digest, std::move(*file)).value(),
                            layer.digest)
        .value();
  }

  TempDir dir_;
  LayoutWriter layout_{dir_ / "layout"};
  IndexCache cache_{dir_ / "cache"};
  std::vector<TarWriter> tars_{TarWriter().file("a", "one").file("b"), TarWriter().whiteout("b").file("c")};
  std::vector<Descriptor> layers_;
  Descriptor manifest_;
};

TEST_F(VerifyKept, WhatWasBuiltIsRight) {
  const VerifyReport report = verify();
  EXPECT_EQ(report.indexes, 2u);
  EXPECT_EQ(report.trees, 3u);
  EXPECT_EQ(report.missing, 0u);
  EXPECT_THAT(report.problems, IsEmpty());
}

TEST_F(VerifyKept, WhatIsNotKeptIsNoProblem) {
  cache_.remove(CacheKind::layer_index, layers_[0].digest).value();
  VerifyReport report = verify();  // the trees are still compared with the layer's
  EXPECT_EQ(report.indexes, 1u);
  EXPECT_EQ(report.trees, 3u);
  EXPECT_EQ(report.missing, 1u);
  EXPECT_THAT(report.problems, IsEmpty());
  for (const CacheKind kind : {CacheKind::layer_index, CacheKind::layer_tree, CacheKind::image_tree})
    for (const Digest& digest : {layers_[0].digest, layers_[1].digest, manifest_.digest})
      cache_.remove(kind, digest).value();
  report = verify();
  EXPECT_EQ(report.indexes + report.trees, 0u);
  EXPECT_EQ(report.missing, 2u);
  EXPECT_THAT(report.problems, IsEmpty());
}

TEST_F(VerifyKept, FindsAnIndexThatIsNotTrue) {
  foreign_index(layers_[1]);
  expect_problem(CachedKind::index, layers_[1].digest, "decoded bytes differ from the index");
}

TEST_F(VerifyKept, FindsADamagedFile) {
  const std::string file = dir_ / ("cache/layers/sha256/" + layers_[0].digest.hex());
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 1);
  expect_problem(CachedKind::index, layers_[0].digest, "wrong size");
}

TEST_F(VerifyKept, FindsBitRotOfABlob) {
  write_file(layout_.blob_path(layers_[1].digest), std::string(layers_[1].size, 'x'));
  expect_index_problem(layers_[1].digest, "has digest");
}

TEST_F(VerifyKept, FindsABlobThatIsGone) {
  std::filesystem::remove(layout_.blob_path(layers_[1].digest));
  expect_index_problem(layers_[1].digest, "no such blob");
}

TEST_F(VerifyKept, FindsTreesThatAreNotThoseOfTheirLayers) {
  const auto index = [&](std::size_t i) { return open_cached_index(cache_, layers_[i]).value().tables; };
  // The layers in the wrong order.
  const std::vector<std::shared_ptr<const LayerIndex>> turned{index(1), index(0)};
  cache_.store(CacheKind::image_tree, manifest_.digest, merge_layers(manifest_.digest, turned).value())
      .value();
  expect_problem(CachedKind::image_tree, manifest_.digest, "tree differs from the image's layers");
  cache_.remove(CacheKind::image_tree, manifest_.digest).value();
  // Whiteouts that act.
  const std::vector<std::shared_ptr<const LayerIndex>> alone{index(1)};
  cache_.store(CacheKind::layer_tree, layers_[1].digest, merge_layers(layers_[1].digest, alone).value())
      .value();
  expect_problem(CachedKind::layer_tree, layers_[1].digest, "tree differs from the layer");
}

TEST_F(VerifyKept, ChecksTheFilesForContainerEngines) {
  const std::uint64_t trees = verify().trees;
  const Digest stack = digest_of(layers_), lowest = digest_of(std::span(layers_).first(1));
  const auto index = [&](std::size_t i) { return open_cached_index(cache_, layers_[i]).value().tables; };
  const std::vector<std::shared_ptr<const LayerIndex>> both{index(0), index(1)}, turned{index(1), index(0)};
  cache_.store(CacheKind::stack_tree, stack, merge_layers(stack, both).value()).value();
  EXPECT_EQ(verify().trees, trees + 1);
  EXPECT_THAT(verify().problems, IsEmpty());
  cache_.store(CacheKind::stack_tree, stack, merge_layers(stack, turned).value()).value();
  expect_problem(CachedKind::stack_tree, stack, "tree differs from the image's layers");
  cache_.remove(CacheKind::stack_tree, stack).value();
  const std::string record =
      "not a record, but longer than the header of such a file" + std::string(128, '.');
  cache_.store(CacheKind::tar_split, lowest, Bytes(as_bytes(record).begin(), as_bytes(record).end())).value();
  expect_problem(CachedKind::tar_split, lowest, "wrong magic number");
}

TEST_F(VerifyKept, FindsATreeOfAnotherNumberOfLayers) {
  const std::vector<std::shared_ptr<const LayerIndex>> one{open_cached_index(cache_, layers_[0])->tables};
  cache_.store(CacheKind::image_tree, manifest_.digest, merge_layers(manifest_.digest, one).value()).value();
  expect_problem(CachedKind::image_tree, manifest_.digest, "layer count mismatch");
}

TEST_F(VerifyKept, ComparesErofsMetadataOfALayer) {
  const ErofsForm form{ErofsPlacement::appended, ErofsContent::layer};
  const auto tree_of = [&](std::size_t i) {
    return open_cached_tree(cache_, CacheKind::layer_tree, layers_[i].digest, 1).value().tables;
  };
  ASSERT_TRUE(open_erofs(cache_, *tree_of(1), layers_[1].digest, form));
  EXPECT_EQ(verify().filesystems, 1u);
  EXPECT_THAT(verify().problems, IsEmpty());
  cache_.remove(CacheKind::layer_erofs, layers_[1].digest).value();
  ASSERT_TRUE(open_erofs(cache_, *tree_of(0), layers_[1].digest, form));
  expect_problem(CachedKind::erofs, layers_[1].digest, "EROFS metadata differs from the layer");
}

TEST_F(VerifyKept, ComparesErofsMetadataWithTheLayers) {
  const auto store = [&](const ImageTree& tree) {
    for (const ErofsPlacement placement : {ErofsPlacement::two_devices, ErofsPlacement::appended}) {
      cache_.remove(cache_kind_of(placement), manifest_.digest).value();
      ASSERT_TRUE(open_erofs(cache_, tree, manifest_.digest, placement));
    }
  };
  const auto tree = open_cached_tree(cache_, CacheKind::image_tree, manifest_.digest, 2).value();
  store(*tree.tables);
  EXPECT_EQ(verify().filesystems, 2u);
  EXPECT_THAT(verify().problems, IsEmpty());
  // Without the tree it is still compared.
  cache_.remove(CacheKind::image_tree, manifest_.digest).value();
  EXPECT_THAT(verify().problems, IsEmpty());

  // A tree without the whiteout.
  const std::vector<std::shared_ptr<const LayerIndex>> first{open_cached_index(cache_, layers_[0])->tables};
  const Bytes other = merge_layers(manifest_.digest, first).value();
  store(*ImageTree::open(SharedBytes::of(other), manifest_.digest).value());
  const VerifyReport report = verify();
  ASSERT_EQ(report.problems.size(), 2u);
  for (const IndexProblem& problem : report.problems) {
    EXPECT_EQ(name_of(problem.kind), "erofs");
    EXPECT_EQ(problem.message, "EROFS metadata differs from the image's layers");
  }
  cache_.remove(CacheKind::erofs, manifest_.digest).value();
  const std::string file = dir_ / ("cache/erofs-files/sha256/" + manifest_.digest.hex());
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 1);
  expect_problem(CachedKind::erofs, manifest_.digest, "wrong magic number");
}

}  // namespace
}  // namespace layoutfs::testing
