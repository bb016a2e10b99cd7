// Layers made to cost more than they are worth: work is counted in steps, and too much of it is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "core/layer/limits.h"
#include "tests/image/merged.h"

namespace layoutfs {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;
using testing::TarWriter;

struct Outcome {
  Result<Bytes> tree;
  std::uint64_t steps;
};

Outcome merge(const std::vector<TarWriter>& layers, const MergeLimits& limits = {}) {
  std::vector<std::shared_ptr<const LayerIndex>> indexes;
  for (const TarWriter& layer : layers) indexes.push_back(testing::index_of(layer.bytes()));
  MergeCost cost;
  auto tree = merge_layers(testing::kSomeImage, indexes, Whiteouts::apply, limits, &cost);
  return {std::move(tree), cost.steps};
}

std::string numbered(const char* name, int number) { return name + std::to_string(number); }

std::string repeated(const std::string& text, std::size_t size) {
  std::string out;
  while (out.size() + text.size() <= size) out += text;
  return out;
}

// s0 points to a directory, each other one to the preceding one, through as many components as fit: a path
// through the last one has about 80,000.
void add_chain(TarWriter& tar, const std::string& prefix, int length = 40) {
  tar.dir("d");
  for (int i = 0; i < length; ++i)
    tar.symlink(prefix + std::to_string(i),
                repeated("d/../", 4000) + (i == 0 ? "d" : prefix + std::to_string(i - 1)));
}

// ---- Layers with cached or linear cost: they are merged ----

struct Cheap {
  const char* name;
  int entries;
  std::uint64_t steps_per_entry;
  std::function<void(TarWriter&, int)> add;
  std::function<void(TarWriter&)> begin = [](TarWriter&) {};
};
void PrintTo(const Cheap& c, std::ostream* out) { *out << c.name; }

class CheapLayer : public ::testing::TestWithParam<Cheap> {};

TEST_P(CheapLayer, TakesFewStepsForEachEntry) {
  const Cheap& c = GetParam();
  TarWriter lower, upper;
  c.begin(lower);
  const std::uint64_t before = merge({lower}).steps;
  for (int i = 0; i < c.entries; ++i) c.add(upper, i);
  const Outcome outcome = merge({lower, upper});
  ASSERT_TRUE(outcome.tree) << outcome.tree.error().message();
  const std::uint64_t once = 1'000'000;  // resolved only once
  EXPECT_LE(outcome.steps - before, once + static_cast<std::uint64_t>(c.entries) * c.steps_per_entry);
}

INSTANTIATE_TEST_SUITE_P(
    Layers, CheapLayer,
    ::testing::Values(
        Cheap{"SymlinkChain", 2000, 60, [](TarWriter& tar, int i) { tar.file("s39/" + std::to_string(i)); },
              [](TarWriter& tar) { add_chain(tar, "s"); }},
        Cheap{"SymlinkChainToManyDirectories", 2000, 80,
              [](TarWriter& tar, int i) { tar.file("s39/" + std::to_string(i) + "/f"); },
              [](TarWriter& tar) { add_chain(tar, "s"); }},
        Cheap{"TwoSymlinkChainsByTurns", 2000, 60,
              [](TarWriter& tar, int i) { tar.file((i % 2 == 0 ? "s39/" : "t39/") + std::to_string(i)); },
              [](TarWriter& tar) {
                add_chain(tar, "s");
                add_chain(tar, "t");
              }},
        Cheap{"HardLinksThroughASymlinkChain", 2000, 80,
              [](TarWriter& tar, int i) { tar.hardlink(std::to_string(i), "s39/f"); },
              [](TarWriter& tar) {
                add_chain(tar, "s");
                tar.file("d/f");
              }},
        Cheap{"WhiteoutsThroughASymlinkChain", 2000, 60,
              [](TarWriter& tar, int i) { tar.whiteout("s39/" + std::to_string(i)); },
              [](TarWriter& tar) { add_chain(tar, "s"); }},
        Cheap{"DeepParents", 500, 60,
              [](TarWriter& tar, int i) { tar.file(repeated("d/", 4000) + std::to_string(i)); }},
        Cheap{"OpaqueMarksOfALargeDirectory", 2000, 60, [](TarWriter& tar, int) { tar.opaque("d"); },
              [](TarWriter& tar) {
                for (int i = 0; i < 2000; ++i) tar.file(numbered("d/", i));
              }},
        Cheap{"WhiteoutsOfOneLargeDirectory", 2000, 60,
              [](TarWriter& tar, int i) { i == 0 ? tar.file("d/d/new") : tar.whiteout("d"); },
              [](TarWriter& tar) {
                for (int i = 0; i < 2000; ++i) tar.file(numbered("d/d/", i));
              }},
        Cheap{"OneNameAgainAndAgain", 2000, 60, [](TarWriter& tar, int) { tar.dir("d").file("d/f"); }},
        Cheap{"ReplacingFilesOfALowerLayer", 2000, 60,
              [](TarWriter& tar, int i) { tar.file(numbered("usr/share/doc/package/", i)); },
              [](TarWriter& tar) {
                for (int i = 0; i < 2000; ++i) tar.file(numbered("usr/share/doc/package/", i));
              }}),
    [](const auto& test) { return test.param.name; });

// ---- Layers that are refused ----

struct Costly {
  const char* name;
  int entries;
  std::function<void(TarWriter&, int)> add;
  const char* entry;  // a part of the message
};
void PrintTo(const Costly& c, std::ostream* out) { *out << c.name; }

class CostlyLayer : public ::testing::TestWithParam<Costly> {};

TEST_P(CostlyLayer, IsRefusedAtTheBoundAndNamesTheEntry) {
  TarWriter tar;
  for (int i = 0; i < GetParam().entries; ++i) GetParam().add(tar, i);
  const MergeLimits limits{.layer_steps = kMergeSteps / 10};
  const Outcome outcome = merge({TarWriter().file("base"), tar}, limits);
  ASSERT_FALSE(outcome.tree);
  EXPECT_EQ(outcome.tree.error().code(), Errc::unsupported);
  EXPECT_THAT(outcome.tree.error().message(), StartsWith(std::string("layer 1: ") + GetParam().entry));
  EXPECT_THAT(outcome.tree.error().message(), HasSubstr("too many steps"));
  EXPECT_LE(outcome.tree.error().message().size(), kMaxProblemSize);
  const auto entries = testing::index_of(tar.bytes())->entry_count();
  EXPECT_LE(outcome.steps, 2 * limits.layer_steps + (entries + 1) * limits.entry_steps);
}

INSTANTIATE_TEST_SUITE_P(Layers, CostlyLayer,
                         ::testing::Values(
                             // The caches are invalidated by each entry.
                             Costly{"SymlinkChainThatChanges", 300,
                                    [](TarWriter& tar, int i) {
                                      if (i == 0) add_chain(tar, "s", 39);
                                      tar.symlink("x", "s38");
                                      tar.file("x/" + std::to_string(i));
                                    },
                                    "x/"},
                             Costly{"SymlinkLoop", 300,
                                    [](TarWriter& tar, int i) {
                                      if (i == 0) {
                                        tar.dir("d");
                                        tar.symlink("x", repeated("d/../", 4000) + "x");
                                      }
                                      tar.file("x/" + std::to_string(i));
                                    },
                                    "x/"},
                             Costly{"DeepParentsByTurns", 300,
                                    [](TarWriter& tar, int i) {
                                      tar.file((i % 2 == 0 ? "a/" : "b/") + repeated("d/", 4000) +
                                               std::to_string(i));
                                    },
                                    ""},
                             Costly{"HardLinksToAChainOfHardLinks", 4000,
                                    [](TarWriter& tar, int i) {
                                      if (i == 0)
                                        tar.file(".wh.x/0");
                                      else if (i < 2000)
                                        tar.hardlink(".wh.x/" + std::to_string(i),
                                                     ".wh.x/" + std::to_string(i - 1));
                                      else
                                        tar.hardlink(std::to_string(i), ".wh.x/1999");
                                    },
                                    ""}),
                         [](const auto& test) { return test.param.name; });

// ---- Other bounds ----

TEST(MergeLimits, XattrsThatHardLinksAddAreBounded) {
  TarWriter tar;
  tar.file("f");
  for (int i = 15'000; i-- > 0;)
    tar.hardlink(numbered("l", i), "f", {.xattrs = {{numbered("user.a", 10'000 + i), "x"}}});
  const Outcome outcome = merge({tar});
  ASSERT_TRUE(outcome.tree);
  const auto tree = ImageTree::open(SharedBytes::of(Bytes(*outcome.tree)), testing::kSomeImage).value();
  std::size_t names_size = 0;
  const InodeView file = tree->inode(tree->find(kRootInode, "f").value());
  for (std::uint32_t i = 0; i < file.xattr_count; ++i)
    names_size += tree->xattr(file.first_xattr + i).first.size() + 1;
  EXPECT_LE(names_size, kMaxXattrNames);
  EXPECT_GT(names_size, kMaxXattrNames - 100);
  ASSERT_THAT(tree->problems(), SizeIs(ImageTree::kMaxProblems));
  EXPECT_THAT(tree->problems().front(), HasSubstr("the names of the xattrs of one file"));
}

TEST(MergeLimits, ProblemsOfLongPathsAreCut) {
  TarWriter tar;
  const std::string path = repeated("d/", 200'000);
  for (int i = 0; i < 10; ++i) tar.hardlink(numbered("l", i), path + "f");
  const auto tree = testing::merged({tar});
  ASSERT_THAT(tree->problems(), SizeIs(10));
  for (const std::string& problem : tree->problems()) EXPECT_LE(problem.size(), kMaxProblemSize);
}

TEST(MergeLimits, AComponentOfASymlinkMayNotBecomeALongName) {
  const auto tree = testing::merged({TarWriter().symlink("s", std::string(256, 'n')).file("s/f")});
  ASSERT_THAT(tree->problems(), SizeIs(1));
  EXPECT_THAT(tree->problems().front(), HasSubstr("exceeds 255 bytes"));
}

TEST(MergeLimits, TargetsAndXattrsThatRepeatAreStoredOnce) {
  TarWriter tar;
  const std::string value(20'000, 'v');
  for (int i = 0; i < 100; ++i) {
    tar.symlink(numbered("s", i), std::string(4000, 't'));
    tar.file(numbered("f", i), "", {.xattrs = {{"user.v", value}}});
  }
  EXPECT_LE(testing::merged_file({tar}).size(), value.size() + 4000 + 200 * 200);
}

TEST(MergeLimits, TheLayersOfAnImageShareABound) {
  std::vector<TarWriter> layers(50);
  for (TarWriter& layer : layers)
    for (int i = 0; i < 20; ++i) layer.file(numbered("a/b/c/", i));
  const std::uint64_t steps = merge(layers).steps;
  EXPECT_TRUE(merge(layers, {.image_steps = steps}).tree);
  const Outcome outcome = merge(layers, {.image_steps = steps - 1});
  ASSERT_FALSE(outcome.tree);
  EXPECT_EQ(outcome.tree.error().code(), Errc::unsupported);
  EXPECT_EQ(outcome.tree.error().message(), "layer 49: a/b/c/19: merging the layers takes too many steps");
}

}  // namespace
}  // namespace layoutfs
