#include "core/explain/tree_differences.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/image/merged.h"

namespace layoutfs {
namespace {

using testing::EntryAttributes;
using testing::image_of;
using testing::merged;
using testing::TarWriter;

constexpr const char* kChangeNames[kChangeCount] = {"type",    "mode",   "owner",  "time",   "xattrs",
                                                    "content", "target", "device", "opaque", "whiteout"};

// "M mode,content path".
std::string line_of(const Difference& difference) {
  std::string line(1, "ADM"[static_cast<std::size_t>(difference.kind)]);
  std::string changes;
  for (std::size_t i = 0; i < kChangeCount; ++i)
    if (difference.changes.contains(static_cast<Change>(i)))
      changes += (changes.empty() ? "" : ",") + std::string(kChangeNames[i]);
  if (!changes.empty()) line += " " + changes;
  return line + " /" + std::string(difference.path);
}

using Lines = std::vector<std::string>;

struct Side {
  std::vector<TarWriter> layers;
  Whiteouts whiteouts = Whiteouts::apply;

  std::vector<Digest> streams() const {
    std::vector<Digest> digests;
    for (const TarWriter& layer : layers) digests.push_back(Digest::of(layer.bytes()));
    return digests;
  }
};

std::string content_of(const Image& image, Inode inode) {
  Bytes out(image.tree().inode(inode).size);
  EXPECT_EQ(image.read(inode, out, 0).value(), out.size());
  return std::string(as_text(out));
}

struct Found {
  Lines lines;
  int looked = 0;  // comparisons of content
};

Found differences(const Side& before, const Side& after, const CompareOptions& options = {}) {
  const auto left = merged(before.layers, before.whiteouts), right = merged(after.layers, after.whiteouts);
  const Image left_image = image_of(before.layers), right_image = image_of(after.layers);
  Found found;
  const auto are_equal = [&](Inode a, Inode b) {
    ++found.looked;
    return content_of(left_image, a) == content_of(right_image, b);
  };
  const auto visited = visit_differences({*left, before.streams(), before.whiteouts}, kRootInode,
                                         {*right, after.streams(), after.whiteouts}, kRootInode, "", options,
                                         are_equal, [&](const Difference& difference) -> Status {
                                           found.lines.push_back(line_of(difference));
                                           return {};
                                         });
  EXPECT_TRUE(visited);
  return found;
}

Lines layer_differences(const TarWriter& before, const TarWriter& after) {
  return differences({{before}, Whiteouts::show}, {{after}, Whiteouts::show}).lines;
}

TEST(TreeDifferences, EachKindOfChangeIsNamed) {
  const EntryAttributes other_mode{.mode = 0600}, other_owner{.uid = 7}, other_group{.gid = 7},
      other_time{.mtime = 1}, xattr{.xattrs = {{"user.a", "1"}}}, other_xattr{.xattrs = {{"user.a", "2"}}};
  const TarWriter before = TarWriter()
                               .file("mode")
                               .file("uid")
                               .file("gid")
                               .file("time")
                               .file("nanoseconds", "", {.pax = {{"mtime", "5.25"}}})
                               .file("xattr", "", xattr)
                               .file("new-xattr")
                               .file("content", "one")
                               .file("size", "one")
                               .symlink("link", "a", {.mode = 0777})
                               .symlink("link-mode", "a", {.mode = 0777})
                               .device("device", '3', 1, 2)
                               .fifo("type")
                               .dir("directory")
                               .file("both", "x")
                               .file("gone");
  const TarWriter after = TarWriter()
                              .file("mode", "", other_mode)
                              .file("uid", "", other_owner)
                              .file("gid", "", other_group)
                              .file("time", "", other_time)
                              .file("nanoseconds", "", {.pax = {{"mtime", "5.5"}}})
                              .file("xattr", "", other_xattr)
                              .file("new-xattr", "", xattr)
                              .file("content", "two")
                              .file("size", "three")
                              .symlink("link", "b", {.mode = 0777})
                              .symlink("link-mode", "a", {.mode = 0700})
                              .device("device", '3', 1, 3)
                              .file("type")
                              .dir("directory", {.mode = 0700})
                              .file("both", "y", other_mode)
                              .file("new");
  EXPECT_EQ(differences({{before}}, {{after}}).lines,
            (Lines{"M mode,content /both", "M content /content", "M device /device", "M mode /directory",
                   "M owner /gid", "D /gone", "M target /link", "M mode /mode", "M time /nanoseconds",
                   "A /new", "M xattrs /new-xattr", "M content /size", "M time /time", "M type /type",
                   "M owner /uid", "M xattrs /xattr"}));
  CompareOptions options{.is_time_ignored = true};
  const Lines lines = differences({{before}}, {{after}}, options).lines;
  EXPECT_EQ(std::ranges::count_if(lines, [](const std::string& line) { return line.contains("time /"); }), 0);
  EXPECT_EQ(lines.size(), 14u);
}

TEST(TreeDifferences, AReplacedDirectoryIsListedWithItsContent) {
  const TarWriter before = TarWriter().dir("a").dir("a/b").file("a/b/c").file("a-b").file("a/d");
  const TarWriter after = TarWriter().file("a").file("a-b");
  EXPECT_EQ(differences({{before}}, {{after}}).lines,
            (Lines{"M type,mode /a", "D /a/b", "D /a/b/c", "D /a/d"}));
  EXPECT_EQ(differences({{after}}, {{before}}).lines,
            (Lines{"M type,mode /a", "A /a/b", "A /a/b/c", "A /a/d"}));
}

TEST(TreeDifferences, ContentIsComparedOnlyIfItIsInDoubt) {
  const TarWriter base = TarWriter().file("same", "1234").file("empty");
  const TarWriter left = TarWriter().file("size", "a").file("doubt", "ab").file("mode", "cd");
  const TarWriter right =
      TarWriter().file("mode", "xy", {.mode = 0600}).file("size", "abc").file("doubt", "ab");
  const Found found = differences({{base, left}}, {{base, right}});
  EXPECT_EQ(found.lines, (Lines{"M mode,content /mode", "M content /size"}));
  EXPECT_EQ(found.looked, 2);
  const Found lazy = differences({{base, left}}, {{base, right}}, {.is_content_last = true});
  EXPECT_EQ(lazy.lines, (Lines{"M mode /mode", "M content /size"}));
  EXPECT_EQ(lazy.looked, 1);
}

TEST(TreeDifferences, EqualStreamsAtAnotherPositionAreNotLookedAt) {
  const TarWriter base = TarWriter().file("same", "1234");
  const TarWriter other = TarWriter().file("other", "1");
  const Found found = differences({{base, other}}, {{other, base}});
  EXPECT_EQ(found.lines, Lines());
  EXPECT_EQ(found.looked, 0);
}

TEST(TreeDifferences, HolesAreZeros) {
  const TarWriter sparse = TarWriter().file(
      "f", "ab",
      {.pax = {{"GNU.sparse.size", "4"}, {"GNU.sparse.numblocks", "1"}, {"GNU.sparse.map", "1,2"}}});
  EXPECT_EQ(differences({{sparse}}, {{TarWriter().file("f", std::string("\0ab\0", 4))}}).lines, Lines());
  EXPECT_EQ(differences({{sparse}}, {{TarWriter().file("f", "xab\0")}}).lines, (Lines{"M content /f"}));
}

TEST(TreeDifferences, HardLinksAreNotDifferences) {
  const TarWriter linked = TarWriter().file("a", "x").hardlink("b", "a");
  EXPECT_EQ(differences({{linked}}, {{TarWriter().file("a", "x").file("b", "x")}}).lines, Lines());
}

TEST(TreeDifferences, WhiteoutsOfALayerAreRemovals) {
  const TarWriter file = TarWriter().file("x");
  const TarWriter whiteout = TarWriter().whiteout("x");
  const TarWriter both = TarWriter().whiteout("x").file("x");
  EXPECT_EQ(layer_differences(file, whiteout), (Lines{"D whiteout /x"}));
  EXPECT_EQ(layer_differences(whiteout, file), (Lines{"A whiteout /x"}));
  EXPECT_EQ(layer_differences(TarWriter(), whiteout), (Lines{"D whiteout /x"}));
  EXPECT_EQ(layer_differences(whiteout, TarWriter()), (Lines{"A whiteout /x"}));
  EXPECT_EQ(layer_differences(file, both), (Lines{"M whiteout /x"}));
  EXPECT_EQ(layer_differences(both, whiteout), (Lines{"D /x"}));
  EXPECT_EQ(layer_differences(whiteout, whiteout), Lines());
}

TEST(TreeDifferences, WhiteoutsAreSortedByTheNameThatTheyRemove) {
  const TarWriter before = TarWriter().dir("d").file("d/a").file("d/x").file("d/z");
  const TarWriter after = TarWriter().dir("d").whiteout("d/x").file("d/z").whiteout("d/.a");
  EXPECT_EQ(layer_differences(before, after), (Lines{"D whiteout /d/.a", "D /d/a", "D whiteout /d/x"}));
}

TEST(TreeDifferences, OpaqueMarksAreChangesOfTheDirectory) {
  const TarWriter before = TarWriter().dir("d").file("d/a");
  const TarWriter after = TarWriter().dir("d").opaque("d").file("d/a");
  EXPECT_EQ(layer_differences(before, after), (Lines{"M opaque /d"}));
  EXPECT_EQ(layer_differences(TarWriter().opaque(""), TarWriter()), (Lines{"M opaque /"}));
}

TEST(TreeDifferences, TheVisitorEndsTheWalk) {
  const auto left = merged({TarWriter().file("a").file("b")}), right = merged({TarWriter()});
  int visited = 0;
  const Status status = visit_differences(
      {*left, {}}, kRootInode, {*right, {}}, kRootInode, "", {}, [](Inode, Inode) { return true; },
      [&](const Difference&) -> Status {
        ++visited;
        return fail(Errc::cancelled, "enough");
      });
  EXPECT_EQ(status.error().code(), Errc::cancelled);
  EXPECT_EQ(visited, 1);
}

TEST(TreeDifferences, AMissingSideIsAddedOrRemoved) {
  const auto tree = merged({TarWriter().dir("d").file("d/a")});
  const auto lines_of = [&](std::optional<Inode> before, std::optional<Inode> after) {
    Lines lines;
    const ComparedTree side{*tree, {}};
    EXPECT_TRUE(visit_differences(
        side, before, side, after, "p", {}, [](Inode, Inode) { return true; },
        [&](const Difference& difference) -> Status {
          lines.push_back(line_of(difference));
          return {};
        }));
    return lines;
  };
  const Inode directory = *tree->find(kRootInode, "d");
  EXPECT_EQ(lines_of({}, directory), (Lines{"A /p", "A /p/a"}));
  EXPECT_EQ(lines_of(directory, {}), (Lines{"D /p", "D /p/a"}));
  EXPECT_EQ(lines_of({}, {}), Lines());
}

// ---- Random trees, with a model that compares two maps of paths ----

struct ModelFile {
  char type = 'f';
  EntryAttributes attributes;
  std::string text;  // content or target
};
// By the components of a path, so that a directory is followed by its content.
using Model = std::map<std::vector<std::string>, ModelFile>;

class RandomTrees {
 public:
  explicit RandomTrees(std::uint32_t seed) : random_(seed) {}

  Model tree() {
    Model model;
    fill(model, {}, 3);
    return model;
  }

  // Changes some of the files.
  Model changed(const Model& from) {
    Model to;
    for (const auto& [path, file] : from) {
      const std::vector<std::string> parent(path.begin(), path.end() - 1);
      if (!parent.empty() && (!to.contains(parent) || to.at(parent).type != 'd')) continue;
      if (one_in(9)) continue;
      ModelFile copy = file;
      if (one_in(8)) copy.attributes.mode = 0700;
      if (one_in(8)) copy.attributes.uid = 5;
      if (one_in(8)) copy.attributes.mtime = 77;
      if (one_in(8)) copy.attributes.xattrs = {{"user.x", "y"}};
      if (one_in(4) && copy.type != 'd') copy.text = text();
      if (one_in(12)) copy = random_file(2);
      const auto beside = parent_with(parent, name());
      if (one_in(9) && !from.contains(beside)) to.insert({beside, random_file(2)});
      to.insert({path, copy});
    }
    return to;
  }

  TarWriter tar_of(const Model& model) {
    // A shuffled order, so that data of equal content has different places.
    std::vector<Model::const_iterator> files;
    for (auto each = model.begin(); each != model.end(); ++each) files.push_back(each);
    std::ranges::shuffle(files, random_);
    // Directories first, parents before children.
    std::ranges::sort(files, {}, [](Model::const_iterator each) {
      return each->second.type == 'd' ? each->first.size() : SIZE_MAX;
    });
    TarWriter tar;
    for (const auto each : files) {
      const auto& [path, file] = *each;
      if (file.type == 'd') tar.dir(joined(path), file.attributes);
      if (file.type == 'f') tar.file(joined(path), file.text, file.attributes);
      if (file.type == 'l') tar.symlink(joined(path), "/" + file.text, file.attributes);
    }
    return tar;
  }

  static std::string joined(const std::vector<std::string>& path) {
    std::string text;
    for (const std::string& name : path) text += (text.empty() ? "" : "/") + name;
    return text;
  }

 private:
  bool one_in(std::uint32_t count) { return random_() % count == 0; }
  std::string name() { return std::string(1, "abc-.Z"[random_() % 6]) + "xy-"[random_() % 3]; }
  std::string text() { return std::string(random_() % 3, "pq"[random_() % 2]); }
  ModelFile random_file(std::uint32_t types) {
    ModelFile file{"flld" [random_() % (types + 1)], {}, text()};
    file.attributes.mode = one_in(5) ? 0700 : 0755;
    return file;
  }
  static std::vector<std::string> parent_with(std::vector<std::string> path, const std::string& name) {
    path.push_back(name);
    return path;
  }
  void fill(Model& model, const std::vector<std::string>& directory, int depth) {
    for (auto i = random_() % 6; i-- > 0;) {
      const auto path = parent_with(directory, name());
      if (model.contains(path)) continue;
      const ModelFile file = random_file(depth > 0 ? 3 : 2);
      model[path] = file;
      if (file.type == 'd') fill(model, path, depth - 1);
    }
  }

  std::mt19937 random_;
};

Lines expected_lines(const Model& before, const Model& after) {
  std::map<std::vector<std::string>, std::string> lines;
  for (const auto& [path, file] : before) {
    const auto other = after.find(path);
    if (other == after.end()) {
      lines[path] = "D";
      continue;
    }
    const EntryAttributes &left = file.attributes, &right = other->second.attributes;
    std::string changes;
    const auto add = [&](bool differs, const std::string& name) {
      if (differs) changes += (changes.empty() ? " " : ",") + name;
    };
    const bool is_link = file.type == 'l' || other->second.type == 'l';
    const bool is_same_type = file.type == other->second.type;
    add(!is_same_type, "type");
    add(!is_link && left.mode != right.mode, "mode");
    add(left.uid != right.uid || left.gid != right.gid, "owner");
    add(left.mtime != right.mtime, "time");
    add(left.xattrs != right.xattrs, "xattrs");
    if (is_same_type && file.type != 'd')
      add(file.text != other->second.text, file.type == 'f' ? "content" : "target");
    if (!changes.empty()) lines[path] = "M" + changes;
  }
  for (const auto& [path, file] : after)
    if (!before.contains(path)) lines[path] = "A";
  Lines expected;
  for (const auto& [path, line] : lines) expected.push_back(line + " /" + RandomTrees::joined(path));
  return expected;
}

TEST(TreeDifferences, RandomTreesDifferAsTheirModels) {
  std::size_t found = 0;
  const std::uint32_t first = std::random_device()();
  for (std::uint32_t round = 0; round < 60; ++round) {
    RandomTrees random(first + round);
    const Model before = random.tree(), after = random.changed(before);
    const Lines expected = expected_lines(before, after);
    ASSERT_EQ(differences({{random.tar_of(before)}}, {{random.tar_of(after)}}).lines, expected)
        << "seed " << first + round;
    found += expected.size();
  }
  EXPECT_GT(found, 60u);
}

}  // namespace
}  // namespace layoutfs
