// Tables, and text in them.
#include "tools/cli/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace layoutfs::tools {
namespace {

using enum Table::Align;

Table sample() {
  Table table({{"N", right}, {"NAME"}, {"COMMAND"}});
  table.add_row({"1", "short", "a"});
  table.add_row({"123", "a longer name", "RUN apt-get install everything"});
  return table;
}

TEST(Table, AlignsColumnsUnderTheirHeaders) {
  EXPECT_EQ(sample().text({}),
            "  N  NAME           COMMAND\n"
            "  1  short          a\n"
            "123  a longer name  RUN apt-get install everything\n");
}

TEST(Table, CutsTheLastColumnToTheWidth) {
  EXPECT_EQ(sample().text({.width = 40}),
            "  N  NAME           COMMAND\n"
            "  1  short          a\n"
            "123  a longer name  RUN apt-get insta...\n");
}

TEST(Table, KeepsSomeOfTheLastColumnHoweverNarrowTheTerminal) {
  EXPECT_EQ(sample().text({.width = 10}), sample().text({.width = 20 + Table::kLeastWidth}));
}

TEST(Table, CutsNothingIfTheWholeIsAskedFor) {
  EXPECT_EQ(sample().text({.width = 10}, true), sample().text({}));
}

TEST(Table, IsAHeaderAloneWithoutRows) {
  const Table table({{"A"}, {"B"}});
  EXPECT_TRUE(table.empty());
  EXPECT_EQ(table.text({}), "A  B\n");
}

TEST(Table, CountsCharactersAndNotBytes) {
  Table table({{"NAME"}, {"X"}});
  table.add_row({"größe", "1"});
  table.add_row({"abcde", "2"});
  EXPECT_EQ(table.text({}), "NAME   X\ngröße  1\nabcde  2\n");
}

TEST(Table, MarksTheHeaderIfThereAreColours) {
  Table table({{"A"}});
  table.add_row({"1"});
  EXPECT_EQ(table.text({.is_coloured = true}), "\x1b[1mA\x1b[0m\n1\n");
  EXPECT_EQ(emphasized("A", {.is_coloured = true}), "\x1b[1mA\x1b[0m");
  EXPECT_EQ(emphasized("A", {}), "A");
}

TEST(OneLine, JoinsBlanksAndKeepsTheTerminalOut) {
  EXPECT_EQ(one_line("  a\n\tb\r\n c ", 80), "a b c");
  EXPECT_EQ(one_line("a\x1b[2Jb", 80), "a\\x1b[2Jb");
  EXPECT_EQ(one_line("", 80), "");
}

TEST(OneLine, EndsInDotsIfItIsTooLong) {
  EXPECT_EQ(one_line("0123456789", 10), "0123456789");
  EXPECT_EQ(one_line("01234567890", 10), "0123456...");
  EXPECT_EQ(one_line("ääääää", 5), "ää...");
  EXPECT_EQ(one_line("abcdef", 2), "ab");
}

}  // namespace
}  // namespace layoutfs::tools
