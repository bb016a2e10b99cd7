// The command line: the commands of the program, with their options and operands. The commands register
// themselves here once. The parser, the help (help.h) and the completion of shells
// (tools/commands/complete.h) all use these descriptions.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "layoutfs/error.h"

namespace layoutfs::tools {

// The description of an option, a flag or an operand, for the help and for completion.
struct OptionDescription {
  std::vector<std::string> names;  // "-l", "--layout"; empty for an operand
  std::string operand;             // the name of an operand: "MOUNTPOINT"
  std::string kind;                // the kind of the value: "DIR", "on|off"; by default the operand's name
  std::string description;
  std::string group;  // the heading in the help
  bool is_operand = false;
  bool takes_value = false;
  bool is_repeated = false;  // an operand takes all remaining words; an option may be repeated
  bool is_required = false;
  bool answers = false;  // --help and --version: parsing stops there
};

struct Example {
  std::string command_line;
  std::string meaning;  // a phrase; may be empty
};

// The description of a command and its subcommands, each list in the order of registration.
struct CommandDescription {
  std::string name;  // "put"
  std::string path;  // "layoutfs blob put"
  std::string description;
  std::string group;                // the heading in the help of the parent command
  std::vector<std::string> usages;  // the operands of each usage line; empty: derived from `options`
  std::vector<Example> examples;
  std::vector<OptionDescription> options;
  std::vector<CommandDescription> commands;
  bool ends_options_at_operand = false;
};

// The headings of options that several commands share. "Output" comes last in each help.
inline constexpr const char* kImageGroup = "Which image";
inline constexpr const char* kCacheGroup = "Cache";
inline constexpr const char* kRemoteGroup = "Registries";
inline constexpr const char* kStoreGroup = "Store of names";
inline constexpr const char* kOutputGroup = "Output";

struct OptionData;
struct CommandData;

// A handle to an option, a flag or an operand of a command, valid while its CommandLine exists. Its functions
// return the same handle.
class Option {
 public:
  // Sets the kind of the value, for the help, the usage line and completion. Every option with a value needs
  // one; the kind of an operand is its name.
  Option type_name(const std::string& name) const;
  // Sets the heading in the help. Default: the group that start_group() began.
  Option group(const std::string& heading) const;
  // Makes its absence an error.
  Option required() const;
  // Makes an empty value an error.
  Option not_empty() const;
  // needs(): an error if `other` is absent. excludes(): an error if `other` is given too.
  Option needs(Option other) const;
  Option excludes(Option other) const;

  // Returns whether the option was given. Call it only from the command's callback.
  bool is_given() const;

 private:
  friend class Command;
  explicit Option(OptionData* data) : data_(data) {}

  OptionData* data_;
};

// A handle to a command, or to the program itself, like Option. Every command has the option --help.
class Command {
 public:
  // `description` is an imperative sentence without a full stop.
  Command add_subcommand(const std::string& name, const std::string& description) const;
  // Puts the commands and options that follow under this heading in the help.
  Command start_group(const std::string& heading) const;
  // Adds a usage line with the operands "LAYOUT[:REF|@DIGEST] MOUNTPOINT". Needed only if the operands' names
  // are not enough.
  Command usage(const std::string& operands) const;
  // Adds an example to the help: `command_line` as a user types it, `meaning` as a phrase.
  Command example(const std::string& command_line, const std::string& meaning = "") const;
  // Help for an unknown command or option `word`, for example one of another tool: suggest() adds "did you
  // mean 'INSTEAD'?", explain() adds a hint. The hint of the empty `word` is for all unknown words that
  // resemble no known one.
  Command suggest(const std::string& word, const std::string& instead) const;
  Command explain(const std::string& word, const std::string& hint) const;

  // `name` is "-s,--long" for an option, NAME for an operand. `value` must live until the command runs; it is
  // set before that if the option is given. With a vector, an option may be repeated, and an operand, which
  // must be the last one, takes all remaining words.
  Option add_option(const std::string& name, std::string& value, const std::string& description) const;
  Option add_option(const std::string& name, std::vector<std::string>& value,
                    const std::string& description) const;
  Option add_flag(const std::string& name, bool& value, const std::string& description) const;
  // Makes every word after the first operand an operand, even one that begins with '-'.
  void end_options_at_operand() const;

  // Called as soon as the command's name is read, even if a later argument is wrong.
  void when_named(std::function<void()> function) const;
  // Called if the command was given and all arguments are valid.
  void callback(std::function<void()> function) const;

  CommandDescription describe() const;
  // Calls `add` with every command that has no subcommands.
  void for_each_command(const std::function<void(Command)>& add) const;

 private:
  friend class CommandLine;
  explicit Command(CommandData* data) : data_(data) {}
  Option add(const std::string& name, const std::string& description) const;

  CommandData* data_;
};

// Returns the name of the running command without the program's, as in "blob put"; empty before it runs.
const std::string& running_command() noexcept;

class CommandLine {
 public:
  // `version` is the line that --version prints.
  CommandLine(const std::string& name, const std::string& description, const std::string& version);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // The root, to which commands are added.
  Command program() const { return Command(program_.get()); }
  // Adds `help [COMMAND [SUBCOMMAND]]`, which prints the same as `COMMAND SUBCOMMAND --help`.
  Command add_help_command();

  enum class Outcome {
    ran,         // the given command
    answered,    // --help or --version
    no_command,  // no command was given, or no command of a group
  };
  struct Parsed {
    Outcome outcome;
    std::string answer;  // for stdout: the version, or the help of the program or of the group
  };
  // Parses `arguments`, which exclude the program's name, and runs the command. Call it once.
  // Errc::invalid_argument if the arguments are wrong; then no command ran.
  Result<Parsed> parse(std::vector<std::string> arguments);

 private:
  const std::string version_;
  std::unique_ptr<CommandData> program_;
};

}  // namespace layoutfs::tools
