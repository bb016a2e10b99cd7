#include "core/explain/file_origins.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/image/merged.h"

namespace layoutfs {
namespace {

using testing::image_of;
using testing::index_of;
using testing::TarWriter;

using OriginLines = std::vector<std::string>;

std::vector<std::shared_ptr<const LayerIndex>> indexes_of(const std::vector<TarWriter>& layers) {
  std::vector<std::shared_ptr<const LayerIndex>> indexes;
  for (const TarWriter& layer : layers) indexes.push_back(index_of(layer.bytes()));
  return indexes;
}

// "1 /path", with the layer of the content if it is another one: "1<0 /path".
OriginLines origins(const std::vector<TarWriter>& layers, std::string_view path = "") {
  OriginLines lines;
  const auto visited = visit_origins(indexes_of(layers), path, [&](const FileOrigin& file) -> Status {
    std::string line = std::to_string(file.layer);
    if (file.content_layer != file.layer) line += "<" + std::to_string(file.content_layer);
    lines.push_back(line + " /" + std::string(file.path));
    return {};
  });
  if (!visited) lines.push_back(visited.error().message());
  return lines;
}

// "whiteout 0 1 /path": layer 0 had it, layer 1 took it away.
OriginLines lost(const std::vector<TarWriter>& layers, std::string_view path = "") {
  OriginLines lines;
  constexpr const char* kCauses[] = {"whiteout", "opaque", "replaced"};
  EXPECT_TRUE(visit_lost_files(indexes_of(layers), path, [&](const LostFile& file) -> Status {
    lines.push_back(std::string(kCauses[static_cast<std::size_t>(file.cause)]) + " " +
                    std::to_string(file.layer) + " " + std::to_string(file.lost_in) + " /" +
                    std::string(file.path));
    return {};
  }));
  return lines;
}

TEST(FileOrigins, TheLastEntryOfAPathDecides) {
  const std::vector<TarWriter> layers{
      TarWriter().dir("d").file("d/a", "1").file("d/b", "1").symlink("link", "d").device("null", '3', 1, 3),
      TarWriter().file("d/a", "2").file("e/implied"),
      TarWriter().dir("d", {.mode = 0700}).symlink("link", "e")};
  EXPECT_EQ(origins(layers),
            (OriginLines{"0 /", "2 /d", "1 /d/a", "0 /d/b", "1 /e", "1 /e/implied", "2 /link", "0 /null"}));
}

TEST(FileOrigins, AnEntryBelowDoesNotGiveTheDirectory) {
  EXPECT_EQ(origins({TarWriter().dir("d"), TarWriter().file("d/a")}), (OriginLines{"0 /", "0 /d", "1 /d/a"}));
  EXPECT_EQ(origins({TarWriter().dir(""), TarWriter().file("a"), TarWriter().dir("")}),
            (OriginLines{"2 /", "1 /a"}));
}

TEST(FileOrigins, AHardLinkHasTheContentOfAnotherLayer) {
  EXPECT_EQ(origins({TarWriter().file("a", "x"), TarWriter().hardlink("b", "a")}),
            (OriginLines{"0 /", "0 /a", "1<0 /b"}));
}

TEST(FileOrigins, EntriesThroughSymlinksCountWhereTheyAre) {
  const std::vector<TarWriter> layers{
      TarWriter().dir("usr").dir("usr/bin").symlink("bin", "usr/bin").file("usr/bin/a"),
      TarWriter().file("bin/b").file("bin/a")};
  EXPECT_EQ(origins(layers),
            (OriginLines{"0 /", "0 /bin", "0 /usr", "0 /usr/bin", "1 /usr/bin/a", "1 /usr/bin/b"}));
  EXPECT_EQ(lost(layers), (OriginLines{"replaced 0 1 /usr/bin/a"}));
  EXPECT_EQ(lost({layers[0], TarWriter().whiteout("bin/a")}), (OriginLines{"whiteout 0 1 /usr/bin/a"}));
}

TEST(FileOrigins, APathLimitsTheVisit) {
  const std::vector<TarWriter> layers{TarWriter().dir("d").dir("d/e").file("d/e/a").file("d/f").file("d-")};
  EXPECT_EQ(origins(layers, "d/e"), (OriginLines{"0 /d/e", "0 /d/e/a"}));
  EXPECT_EQ(origins(layers, "d/f"), (OriginLines{"0 /d/f"}));
  EXPECT_EQ(origins(layers, "d/x"), (OriginLines{"d/x: no such file in the image"}));
  EXPECT_EQ(origins(layers, "d/f/x"), (OriginLines{"d/f/x: no such file in the image"}));
}

TEST(FileOrigins, AnImageWithoutLayersHasNone) {
  EXPECT_EQ(origins({}), OriginLines());
  EXPECT_EQ(origins({}, "x"), OriginLines{"x: no such file in the image"});
  EXPECT_EQ(lost({}), OriginLines());
}

TEST(FileOrigins, FilesAreThoseOfTheMergedTree) {
  const std::vector<TarWriter> layers{
      TarWriter().dir("d").file("d/a").file("d/b").file("gone").file("x"),
      TarWriter().opaque("d").file("d/c").whiteout("gone").dir("x").file("x/y").hardlink("no", "nothing")};
  OriginLines paths = origins(layers);
  for (std::string& line : paths) line.erase(0, line.find('/'));
  OriginLines expected{"/"};
  for (const std::string& line : testing::listing(*testing::merged(layers)))
    expected.push_back("/" + line.substr(line.find(' ') + 1));
  EXPECT_EQ(paths, expected);
}

TEST(LostFiles, WhiteoutsOpaqueMarksAndReplacementsAreTold) {
  const TarWriter base = TarWriter().dir("d").file("d/a").dir("d/e").file("d/e/b").file("f").file("g");
  EXPECT_EQ(lost({base, TarWriter().whiteout("f")}), (OriginLines{"whiteout 0 1 /f"}));
  EXPECT_EQ(lost({base, TarWriter().file("f", "new")}), (OriginLines{"replaced 0 1 /f"}));
  EXPECT_EQ(lost({base, TarWriter().opaque("d")}),
            (OriginLines{"opaque 0 1 /d/a", "opaque 0 1 /d/e", "opaque 0 1 /d/e/b"}));
  EXPECT_EQ(
      lost({base, TarWriter().whiteout("d")}),
      (OriginLines{"whiteout 0 1 /d", "whiteout 0 1 /d/a", "whiteout 0 1 /d/e", "whiteout 0 1 /d/e/b"}));
  EXPECT_EQ(lost({base, TarWriter().file("d")}), (OriginLines{"replaced 0 1 /d", "replaced 0 1 /d/a",
                                                              "replaced 0 1 /d/e", "replaced 0 1 /d/e/b"}));
  EXPECT_EQ(lost({base, TarWriter().dir("f")}), (OriginLines{"replaced 0 1 /f"}));
}

TEST(LostFiles, ADirectoryThatIsListedAgainIsNotLost) {
  EXPECT_EQ(lost({TarWriter().dir("d").file("d/a"), TarWriter().dir("d", {.mode = 0700}).file("d/b")}),
            OriginLines());
}

TEST(LostFiles, APathIsLostAsOftenAsItWasThere) {
  EXPECT_EQ(lost({TarWriter().file("a", "1"), TarWriter().file("a", "2"), TarWriter().whiteout("a"),
                  TarWriter().whiteout("a"), TarWriter().file("a", "3")}),
            (OriginLines{"replaced 0 1 /a", "whiteout 1 2 /a"}));
}

TEST(LostFiles, NamesOfTheSameLayerAreNotLost) {
  EXPECT_EQ(lost({TarWriter().file("a", "1").file("a", "2").dir("d").file("d/b").file("d")}), OriginLines());
  // The directory is used, then replaced, in the same layer.
  EXPECT_EQ(lost({TarWriter().dir("d").file("d/a"), TarWriter().file("d/b").file("d")}),
            (OriginLines{"replaced 0 1 /d", "replaced 0 1 /d/a"}));
  EXPECT_EQ(lost({TarWriter().dir("d").file("d/a"), TarWriter().dir("d").file("d/b").file("d")}),
            (OriginLines{"replaced 0 1 /d/a"}));
}

TEST(LostFiles, ADirectoryThatALayerDeletesAndUsesIsNew) {
  const TarWriter base = TarWriter().dir("d", {.mode = 0700}).file("d/a");
  for (const TarWriter& top :
       {TarWriter().file("d/b").whiteout("d"), TarWriter().whiteout("d").file("d/b")}) {
    OriginLines lines = lost({base, top});
    std::ranges::sort(lines);
    EXPECT_EQ(lines, (OriginLines{"whiteout 0 1 /d", "whiteout 0 1 /d/a"}));
    EXPECT_EQ(origins({base, top}), (OriginLines{"0 /", "1 /d", "1 /d/b"}));
  }
}

TEST(LostFiles, APathLimitsTheVisit) {
  const std::vector<TarWriter> layers{TarWriter().dir("d").dir("d/e").file("d/e/a").file("d/f").file("d-"),
                                      TarWriter().whiteout("d").whiteout("d-")};
  EXPECT_EQ(lost(layers, "d/e"), (OriginLines{"whiteout 0 1 /d/e", "whiteout 0 1 /d/e/a"}));
  EXPECT_EQ(lost(layers, "d-"), (OriginLines{"whiteout 0 1 /d-"}));
  EXPECT_EQ(lost(layers, "other"), OriginLines());
}

TEST(LostFiles, DirectoriesInLostDirectoriesHaveTheirPaths) {
  EXPECT_EQ(
      lost({TarWriter().dir("a").dir("a/b").file("a/b/c").file("a/b/d"), TarWriter().whiteout("a/b/c"),
            TarWriter().whiteout("a/b"), TarWriter().file("a")}),
      (OriginLines{"whiteout 0 1 /a/b/c", "whiteout 0 2 /a/b", "whiteout 0 2 /a/b/d", "replaced 0 3 /a"}));
}

TEST(FileOrigins, SymlinksInDirectoriesOfAPathAreResolved) {
  const Image image = image_of({TarWriter()
                                    .dir("usr")
                                    .dir("usr/bin")
                                    .file("usr/bin/a")
                                    .symlink("bin", "usr/bin")
                                    .symlink("usr/bin/l", "a")});
  EXPECT_EQ(path_without_symlinks(image, "/bin/a"), "usr/bin/a");
  EXPECT_EQ(path_without_symlinks(image, "bin/none"), "usr/bin/none");
  EXPECT_EQ(path_without_symlinks(image, "bin"), "bin");
  EXPECT_EQ(path_without_symlinks(image, "bin/l"), "usr/bin/l");
  EXPECT_EQ(path_without_symlinks(image, "none/x/"), "none/x");
  EXPECT_EQ(path_without_symlinks(image, "/"), "");
}

}  // namespace
}  // namespace layoutfs
