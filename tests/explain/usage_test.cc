// The bytes of layers and directories.
#include "core/explain/usage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/image/merged.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using testing::index_of;
using testing::merged;
using testing::TarWriter;

struct Explained {
  std::shared_ptr<const ImageTree> tree;
  std::vector<std::shared_ptr<const LayerEntries>> entries;
  ImageUsage usage;
};

Explained explain(const std::vector<TarWriter>& layers) {
  Explained result{.tree = merged(layers), .entries = {}, .usage = {}};
  for (const TarWriter& layer : layers) result.entries.push_back(index_of(layer.bytes())->entries());
  result.usage = usage_of(*result.tree, result.entries);
  return result;
}

// "path bytes copies layer" of each.
std::vector<std::string> wasted_of(const ImageUsage& usage) {
  std::vector<std::string> lines;
  for (const WastedFile& file : usage.wasted)
    lines.push_back(std::string(file.path) + " " + std::to_string(file.bytes) + " " +
                    std::to_string(file.copies) + " " + std::to_string(file.layer));
  return lines;
}

std::string text(std::size_t size) { return std::string(size, 'x'); }

TEST(Usage, ReplacedRemovedAndHiddenFilesAreWasted) {
  const auto [tree, entries, usage] =
      explain({TarWriter().file("a", text(10)).file("b", text(20)).file("d/x", text(5)).file("keep", text(7)),
               TarWriter().file("a", text(1)).whiteout("b").opaque("d"), TarWriter().file("a", text(3))});
  EXPECT_EQ(usage.all.bytes, 46u);
  EXPECT_EQ(usage.all.visible, 10u);
  EXPECT_THAT(wasted_of(usage), ElementsAre("b 20 1 0", "a 11 2 1", "d/x 5 1 0"));
  EXPECT_EQ(usage.layers[0].wasted(), 35u);
  EXPECT_EQ(usage.layers[1].wasted(), 1u);
  EXPECT_EQ(usage.layers[2].wasted(), 0u);
}

TEST(Usage, AHardLinkKeepsTheContentOfARemovedName) {
  const auto [tree, entries, usage] =
      explain({TarWriter().file("a", text(10)).hardlink("b", "a"), TarWriter().whiteout("a")});
  EXPECT_EQ(usage.all.bytes, 10u);
  EXPECT_EQ(usage.all.wasted(), 0u);
}

TEST(Usage, ASecondEntryOfTheSameTarReplacesTheFirst) {
  const auto [tree, entries, usage] = explain({TarWriter().file("a", text(10)).file("a", text(4))});
  EXPECT_EQ(usage.all.bytes, 14u);
  EXPECT_THAT(wasted_of(usage), ElementsAre("a 10 1 0"));
}

TEST(Usage, ALayerThatOccursTwiceCountsTwice) {
  const TarWriter layer = TarWriter().file("a", text(10));
  const auto [tree, entries, usage] = explain({layer, layer});
  EXPECT_EQ(usage.all.bytes, 20u);
  EXPECT_EQ(usage.layers[0].wasted(), 10u);
  EXPECT_EQ(usage.layers[1].wasted(), 0u);
}

TEST(Usage, AnImageWithoutLayersHasNone) {
  const auto [tree, entries, usage] = explain({});
  EXPECT_EQ(usage.all.bytes, 0u);
  EXPECT_TRUE(usage.layers.empty());
  EXPECT_EQ(DirectorySizes(*tree, kRootInode).rows().size(), 1u);
}

// "path bytes files layers" of the directories and files up to a depth.
std::vector<std::string> rows_of(const DirectorySizes& sizes, std::size_t max_depth) {
  const auto layers = sizes.bytes_by_layer(max_depth);
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    std::string line = "/" + sizes.path(i) + " " + std::to_string(sizes.rows()[i].bytes) + " " +
                       std::to_string(sizes.rows()[i].files);
    for (const LayerBytes& each : layers[i])
      line += " " + std::to_string(each.layer) + ":" + std::to_string(each.bytes);
    lines.push_back(line);
  }
  return lines;
}

TEST(DirectorySizes, DirectoriesHaveTheSumOfAllBelow) {
  const auto tree = merged({TarWriter().dir("e").file("a/b/c", text(1)).file("a/d", text(2)),
                            TarWriter().file("a/b/e/f", text(4)).symlink("l", "a").fifo("p")});
  const DirectorySizes sizes(*tree, kRootInode);
  EXPECT_THAT(rows_of(sizes, 1), ElementsAre("/ 7 3 0:3 1:4", "/a 7 3 0:3 1:4", "/e 0 0"));
  EXPECT_THAT(rows_of(sizes, 9),
              ElementsAre("/ 7 3 0:3 1:4", "/a 7 3 0:3 1:4", "/e 0 0", "/a/b 5 2 0:1 1:4", "/a/d 2 1 0:2",
                          "/a/b/c 1 1 0:1", "/a/b/e 4 1 1:4", "/a/b/e/f 4 1 1:4"));
}

TEST(DirectorySizes, ASecondNameDoesNotCount) {
  const auto tree =
      merged({TarWriter().file("z/a", text(5)).hardlink("b/c/d", "z/a").hardlink("z/e", "z/a")});
  const DirectorySizes sizes(*tree, kRootInode);
  EXPECT_THAT(rows_of(sizes, 1), ElementsAre("/ 5 1 0:5", "/b 0 0", "/z 5 1 0:5"));
  const DirectorySizes below(*tree, *tree->find(kRootInode, "b"));
  EXPECT_THAT(rows_of(below, 0), ElementsAre("/ 5 1 0:5"));
}

TEST(DirectorySizes, OtherLayersCanBeIgnored) {
  const auto tree = merged({TarWriter().file("a", text(1)), TarWriter().file("b", text(2))});
  EXPECT_THAT(rows_of(DirectorySizes(*tree, kRootInode, 1), 1), ElementsAre("/ 2 1 1:2", "/b 2 1 1:2"));
}

TEST(DirectorySizes, AFileIsTheOnlyRow) {
  const auto tree = merged({TarWriter().file("a", text(3))});
  EXPECT_THAT(rows_of(DirectorySizes(*tree, *tree->find(kRootInode, "a")), 0), ElementsAre("/ 3 1 0:3"));
}

// A model: each path has one content, in one layer; directories are implied.
TEST(Usage, RandomLayersAgreeWithAModel) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 40; ++round) {
    std::map<std::string, std::pair<std::uint32_t, std::size_t>> files;  // by path: layer and size
    std::vector<TarWriter> layers;
    std::uint64_t all = 0;
    const auto count = static_cast<std::uint32_t>(1 + random() % 5);
    for (std::uint32_t layer = 0; layer < count; ++layer) {
      TarWriter tar;
      for (auto i = random() % 12; i > 0; --i) {
        const std::string directory = "d" + std::to_string(random() % 3);
        const std::string path = directory + "/f" + std::to_string(random() % 4);
        const auto remove = [&](const std::string& prefix) {
          std::erase_if(files, [&](const auto& file) {
            return file.first.starts_with(prefix) && file.second.first < layer;
          });
        };
        switch (random() % 5) {
          case 0:
            tar.whiteout(path);
            if (files.contains(path) && files[path].first < layer) files.erase(path);
            break;
          case 1:
            tar.opaque(directory);
            remove(directory + "/");
            break;
          case 2:
            tar.whiteout(directory);
            remove(directory + "/");
            break;
          default: {
            const std::size_t size = random() % 100;
            tar.file(path, text(size));
            files[path] = {layer, size};
            all += size;
          }
        }
      }
      layers.push_back(tar);
    }
    const auto [tree, entries, usage] = explain(layers);
    std::uint64_t visible = 0;
    std::vector<std::uint64_t> by_layer(count);
    std::map<std::string, std::uint64_t> by_directory;
    for (const auto& [path, file] : files) {
      visible += file.second;
      by_layer[file.first] += file.second;
      by_directory[path.substr(0, 2)] += file.second;
    }
    EXPECT_EQ(usage.all.bytes, all);
    EXPECT_EQ(usage.all.visible, visible);
    for (std::uint32_t layer = 0; layer < count; ++layer)
      EXPECT_EQ(usage.layers[layer].visible, by_layer[layer]);
    std::uint64_t wasted = 0;
    for (const WastedFile& file : usage.wasted) wasted += file.bytes;
    EXPECT_EQ(wasted, all - visible);
    const DirectorySizes sizes(*tree, kRootInode);
    EXPECT_EQ(sizes.rows()[0].bytes, visible);
    for (std::size_t i = 1; i < sizes.rows().size() && sizes.rows()[i].depth == 1; ++i)
      EXPECT_EQ(sizes.rows()[i].bytes, by_directory[sizes.path(i)]) << sizes.path(i);
  }
}

}  // namespace
}  // namespace layoutfs
