#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/remote/toml_document.h"
#include "core/remote/toml_table.h"
#include "tests/support/results.h"
#include "tests/support/temp_dir.h"

namespace layoutfs {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::failure_of;
using ::testing::HasSubstr;
using testing::must;
using ::testing::Not;
using ::testing::StartsWith;
using testing::TempDir;
using testing::write_file;

std::string repeated(std::string_view text, std::size_t count) {
  std::string all;
  while (count-- > 0) all += text;
  return all;
}

Result<TomlDocument> parse(std::string_view text) { return TomlDocument::parse("file", text); }

TEST(Toml, MembersAreInTheOrderOfTheirLines) {
  const auto document = must(parse("z = 1\n[host.'https://b']\n[host.a.header]\nx = 1\n[host.0]\n"));
  EXPECT_THAT(document.root.names, ElementsAre("z", "host"));
  EXPECT_THAT(document.root.find("host")->names, ElementsAre("https://b", "a", "0"));
  EXPECT_EQ(document.root.find("host")->find("0")->line, 5u);
  EXPECT_EQ(document.root.find("a"), nullptr);
  const auto one_line = must(parse("t = {b = 1, a = 2, c = 3}"));
  EXPECT_THAT(one_line.root.find("t")->names, ElementsAre("b", "a", "c"));
}

TEST(Toml, TablesCheckTypes) {
  const auto document =
      must(parse("text = 'x'\nflag = true\ntexts = ['a', \"b\"]\nmixed = ['a', 1]\n"
                 "[table]\n[[tables]]\ntext = 'y'\n[[tables]]\n"));
  const TomlTable table(document);
  EXPECT_EQ(must(table.text("text")), "x");
  EXPECT_EQ(must(table.flag("flag")), true);
  EXPECT_THAT(must(table.texts("texts")), ElementsAre("a", "b"));
  EXPECT_THAT(must(table.texts("text")), ElementsAre("x"));
  ASSERT_EQ(must(table.tables("tables")).size(), 2u);
  EXPECT_EQ(must(must(table.tables("tables"))[0].text("text")), "y");
  EXPECT_EQ(must(table.tables("tables"))[1].place(), "file:8");
  EXPECT_TRUE(must(table.table("table")));

  EXPECT_EQ(must(table.text("none")), "");
  EXPECT_EQ(must(table.flag("none")), std::nullopt);
  EXPECT_FALSE(must(table.table("none")));

  EXPECT_EQ(failure_of(table.text("flag")), Errc::invalid_argument);
  EXPECT_EQ(failure_of(table.texts("flag")), Errc::invalid_argument);
  EXPECT_EQ(failure_of(table.tables("table")), Errc::invalid_argument);
  EXPECT_EQ(failure_of(table.tables("texts")), Errc::invalid_argument);
  EXPECT_EQ(failure_of(table.table("text")), Errc::invalid_argument);
  EXPECT_THAT(table.flag("text").error().message(), StartsWith("file:1: text: "));
  EXPECT_THAT(table.texts("mixed").error().message(), StartsWith("file:4: mixed: "));
}

TEST(Toml, ErrorsHaveALineAndNoContent) {
  for (const char* const text : {"a = 1\nb = SECRET\n", "a = 1\nb = 'SECRET\n", "a = 1\na.b = 'SECRET'\n",
                                 "a = 1\n[SECRET\n", "a = 1\n= 'SECRET'\n"}) {
    const auto document = parse(text);
    ASSERT_EQ(failure_of(document), Errc::invalid_argument) << text;
    EXPECT_THAT(document.error().message(), AllOf(StartsWith("file:"), Not(HasSubstr("\n")),
                                                  Not(HasSubstr("SECRET")), Not(HasSubstr("toml::"))))
        << text;
  }
  EXPECT_THAT(parse("a = 1\nb = \n").error().message(), StartsWith("file:2: "));
}

TEST(Toml, TextIsUtf8) {
  EXPECT_EQ(must(parse("a = 'x\xc3\xa9'")).root.find("a")->text, "x\xc3\xa9");
  for (const char* const text : {"a = 'x\xff'", "a = \"x\xc3\"", "# \xed\xa0\x80", "a = [\"\"\"\xc3\"\"\"]"})
    EXPECT_EQ(failure_of(parse(text)), Errc::invalid_argument) << text;
}

TEST(Toml, NestingIsLimited) {
  EXPECT_TRUE(parse("a = " + repeated("[", 32) + repeated("]", 32)));
  EXPECT_FALSE(parse("a = " + repeated("[", 33) + repeated("]", 33)));
  EXPECT_FALSE(parse("a = '#'\nb = " + repeated("{a=", 100'000)));
  EXPECT_FALSE(parse(repeated("a.", 100'000) + "a = 1"));
  EXPECT_THAT(parse("a = '''\n'''\n# [\nb = " + repeated("[", 50'000)).error().message(),
              StartsWith("file:4: "));
  // Brackets and dots in strings and comments do not count.
  EXPECT_TRUE(parse("a = \"\\\"" + repeated("[.", 100) + "\"\nb = '" + repeated("{", 100) + "'\n# " +
                    repeated("[", 100)));
  EXPECT_TRUE(
      parse("a = \"\"\"\n\"" + repeated("[", 100) + "\n\"\"\"\nb = '''" + repeated("[", 100) + "'''\n"));
}

TEST(Toml, SizesAreLimited) {
  EXPECT_TRUE(parse("a = [" + repeated("'x',", 9'000) + "]"));
  EXPECT_FALSE(parse("a = [" + repeated("'x',", 10'000) + "]"));
  EXPECT_FALSE(parse(std::string(300'000, ' ')));
  std::string many;
  for (int i = 0; i < 10'001; ++i) many += "k" + std::to_string(i) + " = 1\n";
  EXPECT_FALSE(parse(many));
}

TEST(Toml, AFileMayBeMissing) {
  const TempDir directory;
  EXPECT_EQ(must(TomlDocument::read(directory / "a.toml")), std::nullopt);
  EXPECT_FALSE(TomlDocument::read(directory.path()));
  write_file(directory / "a.toml", "a = 'x'");
  EXPECT_EQ(must(TomlDocument::read(directory / "a.toml"))->root.find("a")->text, "x");
  write_file(directory / "a.toml", "");
  EXPECT_TRUE(must(TomlDocument::read(directory / "a.toml"))->root.names.empty());
}

}  // namespace
}  // namespace layoutfs
