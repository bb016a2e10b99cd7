// The conditions of find(1). tests/e2e/find.sh compares them with find(1) itself.
#include "core/explain/find_expression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/split.h"
#include "tests/image/merged.h"

namespace layoutfs {
namespace {

using testing::merged;
using testing::TarWriter;

std::shared_ptr<const ImageTree> some_tree() {
  static const auto tree = merged(
      {TarWriter()
           .dir("etc", {.mode = 01777})
           .file("etc/a.conf", std::string(1025, 'x'),
                 {.mode = 0644, .uid = 7, .gid = 8, .mtime = 1'000'000'000})
           .file("etc/B.CONF", "", {.mode = 04755})
           .dir("etc/empty")
           .symlink("etc/link", "/etc/a.conf")
           .fifo("etc/pipe")
           .device("etc/null", '3', 1, 3)
           .hardlink("etc/z", "etc/a.conf", {.mode = 0644, .uid = 7, .gid = 8, .mtime = 1'000'000'000}),
       TarWriter().file("etc/[x]", "1")});
  return tree;
}

// The paths of the files that match, joined by blanks; or the error.
std::string found(const std::vector<std::string>& words) {
  const auto expression = FindExpression::parse(words);
  if (!expression) return expression.error().message();
  std::string paths;
  const auto tree = some_tree();
  const auto done = walk_files(*tree, kRootInode, "/", [&](const WalkedFile& file) -> Result<Descend> {
    if (file.depth >= expression->min_depth() && file.depth <= expression->max_depth() &&
        expression->matches(*tree, file))
      paths += (paths.empty() ? "" : " ") + std::string(file.path);
    return Descend::yes;
  });
  EXPECT_TRUE(done);
  return paths;
}
std::string found(std::string_view words) {
  return found(words.empty() ? std::vector<std::string>() : split(words, ' '));
}

TEST(FindExpression, NoneIsTrueForEveryFile) {
  EXPECT_EQ(found(""),
            "/ /etc /etc/B.CONF /etc/[x] /etc/a.conf /etc/empty /etc/link /etc/null /etc/pipe /etc/z");
}

TEST(FindExpression, Patterns) {
  EXPECT_EQ(found("-name *.conf"), "/etc/a.conf");
  EXPECT_EQ(found("-iname *.conf"), "/etc/B.CONF /etc/a.conf");
  EXPECT_EQ(found("-name \\[x\\]"), "/etc/[x]");
  EXPECT_EQ(found("-name /"), "/");
  EXPECT_EQ(found("-path /e*f"), "/etc/a.conf");
  EXPECT_EQ(found("-path etc*"), "");
  EXPECT_EQ(found("-ipath /ETC/Z"), "/etc/z");
  EXPECT_EQ(found("-lname */a.*"), "/etc/link");
  EXPECT_EQ(found("-ilname */A.*"), "/etc/link");
}

TEST(FindExpression, Types) {
  EXPECT_EQ(found("-type d"), "/ /etc /etc/empty");
  EXPECT_EQ(found("-type l,p"), "/etc/link /etc/pipe");
  EXPECT_EQ(found("-type c"), "/etc/null");
  EXPECT_EQ(found("-type s"), "");
  EXPECT_EQ(found("-type x"), "-type x: expected letters of f, d, l, p, c, b, separated by commas");
  EXPECT_EQ(found("-type -"), "-type -: expected letters of f, d, l, p, c, b, separated by commas");
  EXPECT_EQ(found("-type f,"), "-type 'f,': expected a letter of f, d, l, p, c, b");
}

TEST(FindExpression, SizesAreRoundedUp) {
  EXPECT_EQ(found("-size 3"), "/etc/a.conf /etc/z");
  EXPECT_EQ(found("-size 2k"), "/etc/a.conf /etc/z");
  EXPECT_EQ(found("-size +1k"), "/etc/a.conf /etc/z");
  EXPECT_EQ(found("-type f -size -1M"), "/etc/B.CONF");
  EXPECT_EQ(found("-size 1c"), "/etc/[x]");
  EXPECT_EQ(found("-type l -size 11c"), "/etc/link");
  EXPECT_EQ(found("-size 1x"), "-size 1x: expected [+-]N[cwbkMG]");
  EXPECT_EQ(found("-size k"), "-size k: expected [+-]N[cwbkMG]");
  EXPECT_EQ(found("-size 99999999999999999999"), "-size 99999999999999999999: expected [+-]N[cwbkMG]");
  EXPECT_EQ(found("-size -18446744073709551615G -type l"), "/etc/link");
}

TEST(FindExpression, OwnersModesLinksAndTimes) {
  EXPECT_EQ(found("-uid 7 -gid 8"), "/etc/a.conf /etc/z");
  EXPECT_EQ(found("-user +6"), "/etc/a.conf /etc/z");
  EXPECT_EQ(found("-group root"), "-group root: expected a number");
  EXPECT_EQ(found("-perm 4755"), "/etc/B.CONF");
  EXPECT_EQ(found("-perm -4000"), "/etc/B.CONF");
  EXPECT_EQ(found("-perm /5000"), "/etc /etc/B.CONF");
  EXPECT_EQ(found("-type p -perm /0"), "/etc/pipe");
  EXPECT_EQ(found("-perm 888"), "-perm 888: expected a mode in octal, as in 644, -4000 or /222");
  EXPECT_EQ(found("-type f -links 2"), "/etc/a.conf /etc/z");
  EXPECT_EQ(found("-type f -newermt 2010-01-01"), "/etc/B.CONF /etc/[x]");
  EXPECT_EQ(found("-type f ! -newermt @1000000000"), "/etc/a.conf /etc/z");
  EXPECT_EQ(found({"-type", "f", "!", "-newermt", "2001-09-09 01:46:39"}), "");
  EXPECT_EQ(found({"-type", "f", "!", "-newermt", "2001-09-09 01:46:40"}), "/etc/a.conf /etc/z");
  EXPECT_EQ(found("-newermt yesterday"),
            "-newermt yesterday: expected YYYY-MM-DD, 'YYYY-MM-DD HH:MM:SS' (UTC) or @SECONDS");
  EXPECT_EQ(found("-newermt 2001-02-31"),
            "-newermt 2001-02-31: expected YYYY-MM-DD, 'YYYY-MM-DD HH:MM:SS' (UTC) or @SECONDS");
}

TEST(FindExpression, EmptyFilesAndLayers) {
  EXPECT_EQ(found("-empty"), "/etc/B.CONF /etc/empty");
  EXPECT_EQ(found("-layer 1"), "/etc/[x]");
  EXPECT_EQ(found("-layer +1"), "-layer +1: expected the number of a layer");
}

TEST(FindExpression, OperatorsHaveTheirPrecedence) {
  EXPECT_EQ(found("-name z -o -type f -name a*"), "/etc/a.conf /etc/z");
  EXPECT_EQ(found("( -name z -o -type f ) -a -name z"), "/etc/z");
  EXPECT_EQ(found("-type f ! ( -name *f -or -name z )"), "/etc/B.CONF /etc/[x]");
  EXPECT_EQ(found("! ! -name z"), "/etc/z");
  EXPECT_EQ(found("-not ! ( ! -name z ) -and -true"),
            "/ /etc /etc/B.CONF /etc/[x] /etc/a.conf /etc/empty /etc/link /etc/null /etc/pipe");
  EXPECT_EQ(found("-false -o -name z"), "/etc/z");
}

TEST(FindExpression, DepthsApplyToTheWholeExpression) {
  EXPECT_EQ(found("-maxdepth 1"), "/ /etc");
  EXPECT_EQ(found("-name z -o -mindepth 1 -maxdepth 1"), "/etc");
}

TEST(FindExpression, TheLastWordMayChooseTheFormat) {
  using enum FindExpression::Format;
  EXPECT_EQ(FindExpression::parse({})->format(), unspecified);
  EXPECT_EQ(FindExpression::parse(std::vector<std::string>{"-name", "x", "-print0"})->format(), nul);
  EXPECT_EQ(FindExpression::parse(std::vector<std::string>{"-ls"})->format(), attributes);
  EXPECT_EQ(found("-print -name x"), "'-print' must be the last word; it applies to the whole expression");
}

TEST(FindExpression, MistakesAreNamed) {
  EXPECT_EQ(found("-nmae x"), "unknown condition '-nmae'; did you mean '-name'?");
  EXPECT_EQ(found("-name"), "'-name' needs a value: GLOB");
  EXPECT_EQ(found("-maxdepth x"), "-maxdepth x: expected a plain number");
  EXPECT_EQ(found("-mindepth"), "'-mindepth' needs a value: N");
  EXPECT_EQ(found("( -name x"), "'(' without ')'");
  EXPECT_EQ(found("-name x )"), "')' without '('");
  EXPECT_EQ(found("( )"), "a condition is missing between '(' and ')'");
  EXPECT_EQ(found("-name x -o"), "a condition is missing after '-o'");
  EXPECT_EQ(found("-o -name x"), "'-o' without a condition before it");
  EXPECT_EQ(found("!"), "a condition is missing after '!'");
  EXPECT_EQ(found("-name a b"), "unexpected word 'b'");
  EXPECT_EQ(found("-name a --json"), "unexpected option '--json'");
  EXPECT_EQ(found("-delete"), "'-delete': an image cannot be changed, and nothing is run for its files");
}

TEST(FindExpression, ParenthesesAreBounded) {
  const auto nested = [](std::size_t depth) {
    std::vector<std::string> words(depth, "(");
    words.insert(words.end(), {"-name", "z"});
    words.insert(words.end(), depth, ")");
    return words;
  };
  EXPECT_EQ(found(nested(FindExpression::kMaxNesting)), "/etc/z");
  EXPECT_EQ(found(nested(1'000'000)), "more than 200 parentheses are open");
  std::vector<std::string> many;
  for (int i = 0; i < 100'000; ++i) many.insert(many.end(), {"!", "-false", i % 2 == 0 ? "-a" : "-o"});
  many.emplace_back("-true");
  EXPECT_NE(found(many), "");
}

}  // namespace
}  // namespace layoutfs
