// The command line: which commands there are, what options and operands each takes, and what was given of
// them. CLI11, which understands it, is known to command_line.cc alone: every command includes this file, and
// none is to be built with the whole of that library.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "layoutfs/error.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace layoutfs::tools {

// An option, a flag or an operand of a command: a handle, to be copied, good for as long as its CommandLine.
// What is said of one returns it again.
class Option {
 public:
  // What stands in a usage for its value; completion goes by it too, see tools/commands/complete.h. TEXT
  // unless told.
  Option type_name(const std::string& name) const;
  // Without it the command does not run.
  Option required() const;
  // An empty value is refused.
  Option not_empty() const;
  // One value each time that it is given, though it may be given again: what follows is an operand.
  Option one_value_each() const;
  // It is given only beside `other`, or never.
  Option needs(Option other) const;
  Option excludes(Option other) const;

  // Whether it was; known once the command runs.
  bool is_given() const;

 private:
  friend class Command;
  explicit Option(CLI::Option* option) : option_(option) {}

  CLI::Option* option_;
};

// What people are told of an option, a flag or an operand.
struct OptionDescription {
  std::vector<std::string> names;  // "--layout", "-l"; an operand has none
  std::string kind;                // the type name; of an operand without one, its name
  std::string description;
  bool is_operand = false;
  bool takes_value = false;
  bool is_repeated = false;  // takes several values
};

// The same of a command, with those below it; everything in the order in which it was added.
struct CommandDescription {
  std::string name;
  std::string description;
  std::vector<OptionDescription> options;
  std::vector<CommandDescription> commands;
};

// A command, or the program itself: a handle, as Option. It has the option --help.
class Command {
 public:
  Command add_subcommand(const std::string& name, const std::string& description) const;
  // One of those below it must be given.
  void require_subcommand() const;

  // `name` is "-s,--long" for an option, NAME for an operand. `value` is set if it is given, before the
  // command runs, and must live until then; a vector takes several values.
  Option add_option(const std::string& name, std::string& value, const std::string& description) const;
  Option add_option(const std::string& name, std::vector<std::string>& value,
                    const std::string& description) const;
  Option add_flag(const std::string& name, bool& value, const std::string& description) const;
  // What follows the first operand is an operand too, also where it begins with '-'.
  void end_options_at_operand() const;

  // Called as soon as its name was read, whatever comes of the rest.
  void when_named(std::function<void()> function) const;
  // Called where it was given, and nothing was wrong.
  void callback(std::function<void()> function) const;

  CommandDescription describe() const;
  // Calls `add` with every command that has none below it.
  void for_each_command(const std::function<void(Command)>& add) const;

 private:
  friend class CommandLine;
  explicit Command(CLI::App* app) : app_(app) {}

  CLI::App* app_;
};

class CommandLine {
 public:
  // `version` is the line that --version prints.
  CommandLine(const std::string& name, const std::string& description, const std::string& version);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // What the commands are added to.
  Command program() const { return Command(app_.get()); }

  enum class Outcome {
    ran,         // the command that was given
    answered,    // --help or --version, on stdout
    no_command,  // nothing was given
  };
  // `arguments` are those behind the program's name. To be called once.
  // Errc::invalid_argument, where the commands do not take them; then none has run.
  Result<Outcome> parse(std::vector<std::string> arguments);

 private:
  std::unique_ptr<CLI::App> app_;
};

}  // namespace layoutfs::tools
