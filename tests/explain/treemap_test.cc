// The picture of sizes: escaped names, bounds, and the areas of files.
#include "core/explain/treemap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/image/merged.h"

namespace layoutfs {
namespace {

using ::testing::HasSubstr;
using testing::index_of;
using testing::merged;
using ::testing::Not;
using testing::TarWriter;

std::string drawn(const std::vector<TarWriter>& layers) {
  const auto tree = merged(layers);
  std::vector<std::shared_ptr<const LayerEntries>> entries;
  for (const TarWriter& layer : layers) entries.push_back(index_of(layer.bytes())->entries());
  return draw_treemap(*tree, DirectorySizes(*tree, kRootInode), usage_of(*tree, entries),
                      {.title = "<image>", .layers = {"RUN \"a\" & b"}, .size_text = [](std::uint64_t bytes) {
                         return std::to_string(bytes) + " B";
                       }});
}

std::size_t count_of(const std::string& text, std::string_view word) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos; ++at) ++count;
  return count;
}

TEST(Treemap, FilesHaveTheColourOfTheirLayerAndATitle) {
  const std::string svg = drawn({TarWriter().file("etc/a", "12345"), TarWriter().file("b", "123")});
  EXPECT_THAT(svg, HasSubstr("<rect class=\"file l0\""));
  EXPECT_THAT(svg, HasSubstr("<title>/etc/a\n5 B, layer 0</title>"));
  EXPECT_THAT(svg, HasSubstr("<title>/b\n3 B, layer 1</title>"));
  EXPECT_THAT(svg, HasSubstr(">layer 0: RUN &quot;a&quot; &amp; b"));
  EXPECT_THAT(svg, HasSubstr("prefers-color-scheme:dark"));
}

TEST(Treemap, WastedBytesHaveTheirOwnArea) {
  const std::string svg = drawn({TarWriter().file("a", "12345"), TarWriter().whiteout("a").file("b", "1")});
  EXPECT_THAT(svg, HasSubstr("<title>/a\n5 B wasted, layer 0</title>"));
  EXPECT_THAT(svg, HasSubstr("1 B in the root filesystem, 5 B in layers only"));
  EXPECT_THAT(drawn({TarWriter().file("a", "1")}), Not(HasSubstr("<rect class=\"dir wasted\"")));
}

TEST(Treemap, NamesAreEscaped) {
  const std::string svg = drawn({TarWriter().file("<script>&\"\x01\xff", "content")});
  EXPECT_THAT(svg, HasSubstr("/&lt;script&gt;&amp;&quot;\\x01\\xff\n"));
  EXPECT_THAT(svg, Not(HasSubstr("<script")));
  EXPECT_THAT(svg, HasSubstr("<title>&lt;image&gt;</title>"));
  EXPECT_EQ(svg_text("a\nb\xef\xbf\xbe"), "a\nb?");
}

TEST(Treemap, ManySmallFilesAreJoined) {
  TarWriter tar;
  for (int i = 0; i < 30'000; ++i) tar.file("d" + std::to_string(i % 7) + "/" + std::to_string(i), "x");
  const std::string svg = drawn({tar});
  EXPECT_LT(count_of(svg, "<rect"), 20'000u);
  EXPECT_THAT(svg, HasSubstr(" more</text>"));
}

TEST(Treemap, JoinedFilesHaveTheColourOfTheLayerWithMostBytes) {
  TarWriter base, top;
  for (int i = 0; i < 3000; ++i) (i % 3 == 0 ? base : top).file("d/" + std::to_string(i), "xxxx");
  const std::string svg = drawn({base.file("large", std::string(1'000'000, 'x')), top});
  EXPECT_THAT(svg, HasSubstr("<rect class=\"rest l1\""));
  EXPECT_THAT(svg, Not(HasSubstr("<rect class=\"rest l0\"")));
}

TEST(Treemap, DeepDirectoriesEnd) {
  std::string path = "a";
  for (int i = 0; i < 3'000; ++i) path += "/a";
  const std::string svg = drawn({TarWriter().file(path, "x")});
  EXPECT_LT(count_of(svg, "<rect"), 1'000u);
  EXPECT_EQ(count_of(svg, "<rect"), count_of(svg, "</rect>") + 1);  // one is the background
}

TEST(Treemap, AnEmptyImageHasNoAreas) {
  const std::string svg = drawn({});
  EXPECT_EQ(count_of(svg, "<rect"), 1u);
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
}

}  // namespace
}  // namespace layoutfs
