// Reading of command lines, and the help.
#include "tools/cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace layoutfs::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// A program with the commands `put` and `store ls`.
struct Program {
  Program() : line("prog", "Do things", "prog 1.0") {
    const Command put = line.program().start_group("Files").add_subcommand("put", "Put files");
    put.add_option("LAYOUT", layout, "").required();
    put.add_option("FILE", files, "");
    put.add_option("-o,--output", output, "Write to FILE").type_name("FILE").not_empty();
    const Option force = put.add_flag("-f,--force", is_forced, "Replace files");
    put.add_flag("-n,--dry-run", is_dry, "Only print").excludes(force);
    put.start_group("Names");
    put.add_option("--tag", tags, "Name it; may be repeated").type_name("TAG").needs(force);
    put.example("prog put ./img file", "one file");
    put.explain("--overwrite", "use --force");
    put.callback([this] { has_run = true; });
    const Command store = line.program().start_group("Stores").add_subcommand("store", "Manage stores");
    store.suggest("list", "ls");
    store.add_subcommand("ls", "List stores").callback([this] { running = running_command(); });
    line.add_help_command();
  }

  CommandLine line;
  std::string layout, output, running;
  std::vector<std::string> files, tags;
  bool is_forced = false, is_dry = false, has_run = false;
};

std::string answer_of(std::vector<std::string> arguments) {
  Program program;
  const auto parsed = program.line.parse(std::move(arguments));
  return parsed ? parsed->answer : "error: " + parsed.error().message();
}

TEST(CommandLine, ARunningCommandHasItsNameWithoutTheProgram) {
  Program program;
  ASSERT_TRUE(program.line.parse({"store", "ls"}).has_value());
  EXPECT_EQ(program.running, "store ls");
}

TEST(CommandLine, OptionsAreReadInEveryForm) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"put", "img", "-f", "-o", "out", "a", "--tag", "x", "--tag=y", "b"},
        {"put", "-fo", "out", "--tag", "x", "img", "a", "b", "--tag", "y"},
        {"put", "-foout", "--tag=x", "--tag=y", "img", "--", "a", "b"},
        {"put", "--force", "--output=out", "--tag=x", "--tag=y", "--", "img", "a", "b"}}) {
    Program program;
    const auto parsed = program.line.parse(arguments);
    ASSERT_TRUE(parsed.has_value()) << parsed.error().message();
    EXPECT_EQ(parsed->outcome, CommandLine::Outcome::ran);
    EXPECT_TRUE(program.has_run);
    EXPECT_TRUE(program.is_forced);
    EXPECT_EQ(program.layout, "img");
    EXPECT_EQ(program.output, "out");
    EXPECT_THAT(program.files, ElementsAre("a", "b"));
    EXPECT_THAT(program.tags, ElementsAre("x", "y"));
  }
}

TEST(CommandLine, OperandsAreTakenAsTheyAre) {
  Program program;
  ASSERT_TRUE(program.line.parse({"put", "[a,b]", "-", "", "--", "-f", "--", "{}"}).has_value());
  EXPECT_EQ(program.layout, "[a,b]");
  EXPECT_THAT(program.files, ElementsAre("-", "", "-f", "--", "{}"));
  EXPECT_FALSE(program.is_forced);
}

TEST(CommandLine, WhatFollowsTheFirstOperandCanBeKeptFromTheOptions) {
  CommandLine line("prog", "Do things", "prog 1.0");
  std::vector<std::string> operands;
  bool is_quiet = false;
  const Command run = line.program().add_subcommand("run", "Run a command");
  run.add_option("COMMAND", operands, "");
  run.add_flag("-q", is_quiet, "Print less");
  run.end_options_at_operand();
  ASSERT_TRUE(line.parse({"run", "-q", "ls", "-q", "--help", "--"}).has_value());
  EXPECT_TRUE(is_quiet);
  EXPECT_THAT(operands, ElementsAre("ls", "-q", "--help", "--"));
}

TEST(CommandLine, AMistakeIsNamedAndNothingRuns) {
  struct Case {
    std::vector<std::string> arguments;
    std::string message, hint;
  };
  const std::string usage = "usage: prog put [OPTIONS] LAYOUT [FILE...]";
  const Case cases[] = {
      {{"putt"}, "unknown command 'putt'; did you mean 'put'?", ""},
      {{"xyzzy"}, "unknown command 'xyzzy'", "list the commands with: prog help"},
      {{"store", "sl"}, "store: unknown command 'sl'; did you mean 'ls'?", ""},
      {{"store", "list"}, "store: unknown command 'list'; did you mean 'ls'?", ""},
      {{"store", "xyzzy"}, "store: unknown command 'xyzzy'", "list the commands with: prog help store"},
      {{"help", "store", "list"}, "store: unknown command 'list'; did you mean 'ls'?", ""},
      {{"--versoin"}, "unknown option '--versoin'; did you mean '--version'?", ""},
      {{"put"}, "put: missing operand LAYOUT", usage},
      {{"put", "--forse"}, "put: unknown option '--forse'; did you mean '--force'?", ""},
      {{"put", "-dry-run"}, "put: unknown option '-dry-run'; did you mean '--dry-run'?", ""},
      {{"put", "-x"}, "put: unknown option '-x'", "list the options with: prog help put"},
      {{"put", "--overwrite"}, "put: unknown option '--overwrite'", "use --force"},
      {{"put", "--force=yes", "img"}, "put: option '--force' takes no value", ""},
      {{"put", "img", "--output"}, "put: option '--output' needs a value: FILE", ""},
      {{"put", "img", "--output="}, "put: option '--output' needs a value that is not empty", ""},
      {{"put", "img", "-o1", "-o2"}, "put: option '--output' is given more than once", ""},
      {{"put", "img", "--tag", "x"}, "put: '--tag' needs '--force'", ""},
      {{"put", "img", "-nf"}, "put: '--dry-run' and '--force' cannot be combined", ""},
      {{"store", "ls", "a", "b"}, "store ls: unexpected operands: a b", "usage: prog store ls [OPTIONS]"},
  };
  for (const Case& each : cases) {
    Program program;
    const auto parsed = program.line.parse(each.arguments);
    const std::string words = ::testing::PrintToString(each.arguments);
    ASSERT_FALSE(parsed.has_value()) << words;
    EXPECT_EQ(parsed.error().code(), Errc::invalid_argument) << words;
    EXPECT_EQ(parsed.error().message(), each.message) << words;
    EXPECT_EQ(parsed.error().hint(), each.hint) << words;
    EXPECT_FALSE(program.has_run) << words;
  }
}

TEST(CommandLine, TheHelpShowsUsageOptionsByGroupsAndExamples) {
  EXPECT_EQ(answer_of({"put", "img", "-h", "--unknown"}),
            "usage: prog put [OPTIONS] LAYOUT [FILE...]\n"
            "\n"
            "Put files.\n"
            "\n"
            "Options:\n"
            "  -o, --output FILE  Write to FILE\n"
            "  -f, --force        Replace files\n"
            "  -n, --dry-run      Only print\n"
            "\n"
            "Names:\n"
            "  --tag TAG  Name it; may be repeated\n"
            "\n"
            "Output:\n"
            "  -h, --help  Print this help\n"
            "\n"
            "Examples:\n"
            "  # one file\n"
            "  prog put ./img file\n");
}

TEST(CommandLine, TheHelpListsCommandsByGroups) {
  const std::string help = answer_of({"--help"});
  EXPECT_THAT(help, StartsWith("usage: prog COMMAND ...\n\nDo things.\n\nFiles:\n  put  Put files\n"));
  EXPECT_THAT(help, HasSubstr("\nStores:\n  store  Manage stores\n"));
  EXPECT_EQ(answer_of({"help"}), help);
  EXPECT_EQ(answer_of({}), help);
  EXPECT_EQ(answer_of({"help", "store"}), answer_of({"store"}));
  EXPECT_EQ(answer_of({"help", "store", "ls"}), answer_of({"store", "ls", "--help"}));
  EXPECT_EQ(answer_of({"-V"}), "prog 1.0\n");
}

TEST(CommandLine, LinesOfTheHelpAreAtMost80ColumnsWide) {
  CommandLine line("prog", "Do things", "prog 1.0");
  std::string text;
  for (std::size_t i = 0; i < 40; ++i) text += (i == 0 ? "" : " ") + std::string(1 + i % 13, 'x');
  bool flag = false;
  line.program().add_subcommand("run", text).add_flag("--flag-with-a-name-that-is-too-long", flag, text);
  const auto parsed = line.parse({"run", "--help"});
  ASSERT_TRUE(parsed.has_value());
  std::size_t lines = 0;
  for (std::string_view rest = parsed->answer; !rest.empty(); ++lines) {
    const auto end = rest.find('\n');
    EXPECT_LE(end, 80u);
    rest.remove_prefix(end + 1);
  }
  EXPECT_GT(lines, 12u);
}

}  // namespace
}  // namespace layoutfs::tools
