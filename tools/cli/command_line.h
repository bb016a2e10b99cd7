// The command line: the commands of the program, and the options and operands of each. The commands describe
// themselves here once; reading the arguments, the help (help.h) and the completion of shells
// (tools/commands/complete.h) go by that description.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "layoutfs/error.h"

namespace layoutfs::tools {

// What people are told of an option, a flag or an operand.
struct OptionDescription {
  std::vector<std::string> names;  // "-l", "--layout"; an operand has none
  std::string operand;             // the name of an operand: "MOUNTPOINT"
  std::string kind;                // of the value: "DIR", "on|off"; by default the operand's name
  std::string description;
  std::string group;  // the heading in the help
  bool is_operand = false;
  bool takes_value = false;
  bool is_repeated = false;  // an operand takes all that follow; an option may be given again
  bool is_required = false;
  bool answers = false;  // --help and --version: the rest of the line does not matter
};

struct Example {
  std::string command_line;
  std::string meaning;  // a phrase; may be empty
};

// The same of a command, with those below it; everything in the order in which it was added.
struct CommandDescription {
  std::string name;  // "put"
  std::string path;  // "layoutfs blob put"
  std::string description;
  std::string group;                // the heading in the help of the command above
  std::vector<std::string> usages;  // the operands of each form; empty: by the operands
  std::vector<Example> examples;
  std::vector<OptionDescription> options;
  std::vector<CommandDescription> commands;
};

// The headings of options that several commands have. "Output" comes last in each help.
inline constexpr const char* kImageGroup = "Which image";
inline constexpr const char* kCacheGroup = "Cache";
inline constexpr const char* kStoreGroup = "Store of names";
inline constexpr const char* kOutputGroup = "Output";

struct OptionData;
struct CommandData;

// An option, a flag or an operand of a command: a handle, to be copied, good for as long as its CommandLine.
// Its functions return it again.
class Option {
 public:
  // The kind of its value, as the help and the usage show it; completion goes by it too. Every option that
  // takes a value needs one; an operand has its name.
  Option type_name(const std::string& name) const;
  // The heading in the help, if not that of the group that was started.
  Option group(const std::string& heading) const;
  // The command does not run without it.
  Option required() const;
  // An empty value is refused.
  Option not_empty() const;
  // It is given only with `other`, or never.
  Option needs(Option other) const;
  Option excludes(Option other) const;

  // Returns whether it was given; known once the command runs.
  bool is_given() const;

 private:
  friend class Command;
  explicit Option(OptionData* data) : data_(data) {}

  OptionData* data_;
};

// A command, or the program itself: a handle, as Option. It has the option --help.
class Command {
 public:
  // `description` is an imperative sentence without a full stop.
  Command add_subcommand(const std::string& name, const std::string& description) const;
  // The commands and options that are added from here on stand under this heading in the help.
  Command start_group(const std::string& heading) const;
  // The operands as the usage line shows them, "LAYOUT[:REF|@DIGEST] MOUNTPOINT", if the operands' names do
  // not say it. Each call adds a line.
  Command usage(const std::string& operands) const;
  // `command_line` as a user types it; `meaning` says what it does.
  Command example(const std::string& command_line, const std::string& meaning = "") const;
  // For an unknown command or option `word`, as of another tool: "did you mean 'INSTEAD'?", or a hint. The
  // hint of an empty `word` is for all others that no known word is near to.
  Command suggest(const std::string& word, const std::string& instead) const;
  Command explain(const std::string& word, const std::string& hint) const;

  // `name` is "-s,--long" for an option, NAME for an operand. `value` is set if it is given, before the
  // command runs, and must live until then. With a vector, an option may be given again, and an operand,
  // the last one then, takes all that follow.
  Option add_option(const std::string& name, std::string& value, const std::string& description) const;
  Option add_option(const std::string& name, std::vector<std::string>& value,
                    const std::string& description) const;
  Option add_flag(const std::string& name, bool& value, const std::string& description) const;
  // Everything behind the first operand is an operand too, also if it begins with '-'.
  void end_options_at_operand() const;

  // Called as soon as its name was read, also if the rest turns out to be wrong.
  void when_named(std::function<void()> function) const;
  // Called if it was given, and nothing was wrong.
  void callback(std::function<void()> function) const;

  CommandDescription describe() const;
  // Calls `add` with every command that has none below it.
  void for_each_command(const std::function<void(Command)>& add) const;

 private:
  friend class CommandLine;
  explicit Command(CommandData* data) : data_(data) {}
  Option add(const std::string& name, const std::string& description) const;

  CommandData* data_;
};

class CommandLine {
 public:
  // `version` is the line that --version prints.
  CommandLine(const std::string& name, const std::string& description, const std::string& version);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // What the commands are added to.
  Command program() const { return Command(program_.get()); }
  // Adds `help [COMMAND [SUBCOMMAND]]`, which answers as `COMMAND SUBCOMMAND --help`.
  Command add_help_command();

  enum class Outcome {
    ran,         // the command that was given
    answered,    // --help or --version
    no_command,  // none was given, or none of a group
  };
  struct Parsed {
    Outcome outcome;
    std::string answer;  // for stdout: the version, or the help of the program or the group
  };
  // `arguments` are those behind the program's name. To be called once.
  // Errc::invalid_argument if the commands do not take them; then none has run.
  Result<Parsed> parse(std::vector<std::string> arguments);

 private:
  const std::string version_;
  std::unique_ptr<CommandData> program_;
};

}  // namespace layoutfs::tools
