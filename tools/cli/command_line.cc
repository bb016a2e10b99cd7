#include "tools/cli/command_line.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <string_view>
#include <utility>
#include <variant>

#include "core/base/nearest_word.h"
#include "core/base/split.h"
#include "tools/cli/help.h"
#include "tools/cli/suggestion.h"

namespace layoutfs::tools {

struct OptionData {
  OptionDescription description;
  std::variant<bool*, std::string*, std::vector<std::string>*> target;
  bool refuses_empty = false;
  std::vector<const OptionData*> needed, excluded;
  std::vector<std::string> given;  // the values; an empty one each time a flag is given
};

struct CommandData {
  CommandDescription description;  // without options and commands, which are below
  std::vector<std::unique_ptr<OptionData>> options;
  std::vector<std::unique_ptr<CommandData>> commands;
  std::string started_group;
  std::map<std::string, std::string, std::less<>> suggestions, hints;  // by unknown word
  std::function<void()> named, run;
};

namespace {

constexpr const char* kHelpCommand = "help";
constexpr const char* kShortHelp = "-h";

bool has_name(const OptionData& option, std::string_view name) {
  return std::ranges::find(option.description.names, name) != option.description.names.end();
}

OptionData* find_option(const CommandData& command, std::string_view name) {
  const auto found = std::ranges::find_if(command.options, [&](const auto& o) { return has_name(*o, name); });
  return found == command.options.end() ? nullptr : found->get();
}

CommandData* find_command(const CommandData& command, std::string_view name) {
  const auto found =
      std::ranges::find_if(command.commands, [&](const auto& c) { return c->description.name == name; });
  return found == command.commands.end() ? nullptr : found->get();
}

CommandDescription description_of(const CommandData& command) {
  CommandDescription described = command.description;
  for (const auto& option : command.options) described.options.push_back(option->description);
  for (const auto& below : command.commands) described.commands.push_back(description_of(*below));
  return described;
}

std::string& running() noexcept {
  static std::string command;
  return command;
}

// Returns "blob put" for "layoutfs blob put", and an empty string for the program itself.
std::string path_below_program(const std::string& path) {
  const auto blank = path.find(' ');
  return blank == std::string::npos ? "" : path.substr(blank + 1);
}

// Returns the option's name for messages: '--layout', MOUNTPOINT.
std::string quoted(const OptionData& option) {
  if (option.description.is_operand) return option.description.operand;
  return "'" + option.description.names.back() + "'";
}

// Parses the arguments of one command line, from left to right.
class Reader {
 public:
  Reader(CommandData& program, const std::vector<std::string>& arguments)
      : command_(&program), arguments_(arguments) {}

  // Reads all arguments. Stops at --help and --version.
  Status read() {
    while (next_ < arguments_.size() && wanted_ == nullptr) {
      const std::string& word = arguments_[next_++];
      const bool is_option = !have_options_ended_ && word.size() > 1 && word.starts_with('-');
      if (is_option && word == "--")
        have_options_ended_ = true;
      else if (auto done = is_option                    ? read_option(word)
                           : command_->commands.empty() ? add_operand(word)
                                                        : enter(word);
               !done)
        return done;
    }
    return {};
  }

  // Completes the checks after read(), and sets the targets.
  Status finish() {
    if (auto assigned = assign_operands(); !assigned) return assigned;
    for (const auto& option : command_->options)
      if (auto checked = check(*option); !checked) return checked;
    for (const auto& option : command_->options) set(*option);
    return {};
  }

  const CommandData& command() const { return *command_; }
  // Returns --help or --version if it was given, else null.
  const OptionData* wanted() const { return wanted_; }

 private:
  // Returns an error of the current command: "blob put: MESSAGE".
  Error mistake(const std::string& message) const {
    const std::string command = path_below_program(command_->description.path);
    return {Errc::invalid_argument, command.empty() ? message : command + ": " + message};
  }

  Error usage_mistake(const std::string& message) const {
    const std::string usage = usage_of(description_of(*command_));
    return mistake(message).with_hint(usage.substr(0, usage.find('\n')));
  }

  // Returns the error for an unknown command or option, with a suggestion if there is one.
  Error unknown(const std::string& noun, const std::string& word,
                const std::vector<std::string>& known) const {
    const std::string message = "unknown " + noun + " '" + word + "'";
    if (const auto hint = command_->hints.find(word); hint != command_->hints.end())
      return mistake(message).with_hint(hint->second);
    const auto suggestion = command_->suggestions.find(word);
    std::string meant = suggestion != command_->suggestions.end() ? suggestion->second : "";
    if (meant.empty()) meant = synonym_of(word, known);
    if (meant.empty()) meant = nearest_word(word, known);
    if (!meant.empty()) return mistake(message + "; did you mean '" + meant + "'?");
    if (const auto hint = command_->hints.find(""); hint != command_->hints.end())
      return mistake(message).with_hint(hint->second);
    const std::string& path = command_->description.path;
    const auto blank = path.find(' ');
    return mistake(message).with_hint("list the " + noun + "s with: " + path.substr(0, blank) + " help" +
                                      (blank == std::string::npos ? "" : path.substr(blank)));
  }

  Error unknown_option(const std::string& name) const {
    std::vector<std::string> known;
    for (const auto& option : command_->options)
      for (const std::string& each : option->description.names)
        if (each.starts_with("--")) known.push_back(each);
    // Short options are too short for a suggestion.
    return unknown("option", name, name.starts_with("--") ? known : std::vector<std::string>());
  }

  Status enter(const std::string& word) {
    if (CommandData* const below = find_command(*command_, word)) {
      command_ = below;
      first_ = next_;
      if (command_->named) command_->named();
      return {};
    }
    std::vector<std::string> known;
    for (const auto& below : command_->commands) known.push_back(below->description.name);
    return fail(unknown("command", word, known));
  }

  Status add_operand(const std::string& word) {
    operands_.push_back(word);
    have_options_ended_ |= command_->description.ends_options_at_operand;
    return {};
  }

  Status read_option(const std::string& word) {
    return word.starts_with("--") ? read_long(word) : read_short(word);
  }

  Status read_long(const std::string& word) {
    const auto equals = word.find('=');
    const std::string name = word.substr(0, equals);
    OptionData* const option = find_option(*command_, name);
    if (option == nullptr) return fail(unknown_option(name));
    if (equals == std::string::npos) return give(*option, name);
    if (!option->description.takes_value) return fail(mistake("option '" + name + "' takes no value"));
    option->given.push_back(word.substr(equals + 1));
    return {};
  }

  // A word such as "-lR" or "-oVALUE".
  Status read_short(const std::string& word) {
    if (word == kShortHelp && arguments_.size() == first_ + 1) {
      wanted_ = find_option(*command_, "--help");
      return {};
    }
    for (std::size_t i = 1; i < word.size(); ++i) {
      const std::string name{'-', word[i]};
      OptionData* const option = find_option(*command_, name);
      if (option == nullptr) {
        if (find_option(*command_, "-" + word) != nullptr)
          return fail(mistake("unknown option '" + word + "'; did you mean '-" + word + "'?"));
        return fail(unknown_option(name));
      }
      if (option->description.takes_value && i + 1 < word.size()) {
        option->given.push_back(word.substr(i + 1));
        return {};
      }
      if (auto given = give(*option, name); !given) return given;
    }
    return {};
  }

  // Handles an option without a value in the same word.
  Status give(OptionData& option, const std::string& name) {
    if (option.description.answers) {
      wanted_ = &option;
    } else if (!option.description.takes_value) {
      option.given.emplace_back();
    } else if (next_ < arguments_.size()) {
      option.given.push_back(arguments_[next_++]);
    } else {
      return fail(mistake("option '" + name + "' needs a value: " + option.description.kind));
    }
    return {};
  }

  Status assign_operands() {
    std::size_t assigned = 0;
    for (const auto& option : command_->options) {
      const OptionDescription& operand = option->description;
      if (!operand.is_operand) continue;
      const std::size_t left = operands_.size() - assigned;
      if (left == 0 && operand.is_required) return fail(usage_mistake("missing operand " + operand.operand));
      for (std::size_t count = operand.is_repeated ? left : std::min<std::size_t>(left, 1); count > 0;
           --count)
        option->given.push_back(operands_[assigned++]);
    }
    if (assigned == operands_.size()) return {};
    std::string surplus = operands_.size() - assigned == 1 ? "unexpected operand:" : "unexpected operands:";
    for (; assigned < operands_.size(); ++assigned) surplus += " " + operands_[assigned];
    return fail(usage_mistake(surplus));
  }

  Status check(const OptionData& option) const {
    if (option.given.empty()) return {};
    if (option.given.size() > 1 && std::holds_alternative<std::string*>(option.target))
      return fail(mistake("option " + quoted(option) + " is given more than once"));
    if (option.refuses_empty && std::ranges::find(option.given, "") != option.given.end())
      return fail(mistake("option " + quoted(option) + " needs a value that is not empty"));
    for (const OptionData* other : option.needed)
      if (other->given.empty()) return fail(mistake(quoted(option) + " needs " + quoted(*other)));
    for (const OptionData* other : option.excluded)
      if (!other->given.empty())
        return fail(mistake(quoted(option) + " and " + quoted(*other) + " cannot be combined"));
    return {};
  }

  static void set(const OptionData& option) {
    if (option.given.empty()) return;
    if (const auto* const flag = std::get_if<bool*>(&option.target))
      **flag = true;
    else if (const auto* const value = std::get_if<std::string*>(&option.target))
      **value = option.given.back();
    else
      *std::get<std::vector<std::string>*>(option.target) = option.given;
  }

  CommandData* command_;
  const std::vector<std::string>& arguments_;
  std::size_t next_ = 0;
  std::size_t first_ = 0;  // position after the command's name
  std::vector<std::string> operands_;
  bool have_options_ended_ = false;
  const OptionData* wanted_ = nullptr;
};

std::unique_ptr<CommandData> make_command(const std::string& name, const std::string& path,
                                          const std::string& description) {
  auto command = std::make_unique<CommandData>();
  command->description.name = name;
  command->description.path = path;
  command->description.description = description;
  return command;
}

// Adds an option without a target, at which parsing stops.
void add_answer(CommandData& command, std::vector<std::string> names, const std::string& description) {
  auto option = std::make_unique<OptionData>();
  option->description.names = std::move(names);
  option->description.description = description;
  option->description.answers = true;
  command.options.push_back(std::move(option));
}

void add_help_option(CommandData& command) { add_answer(command, {"-h", "--help"}, "Print this help"); }

}  // namespace

const std::string& running_command() noexcept { return running(); }

Option Option::type_name(const std::string& name) const {
  data_->description.kind = name;
  return *this;
}

Option Option::group(const std::string& heading) const {
  data_->description.group = heading;
  return *this;
}

Option Option::required() const {
  data_->description.is_required = true;
  return *this;
}

Option Option::not_empty() const {
  data_->refuses_empty = true;
  return *this;
}

Option Option::needs(Option other) const {
  data_->needed.push_back(other.data_);
  return *this;
}

Option Option::excludes(Option other) const {
  data_->excluded.push_back(other.data_);
  return *this;
}

bool Option::is_given() const { return !data_->given.empty(); }

Command Command::add_subcommand(const std::string& name, const std::string& description) const {
  data_->commands.push_back(make_command(name, data_->description.path + " " + name, description));
  data_->commands.back()->description.group = data_->started_group;
  add_help_option(*data_->commands.back());
  return Command(data_->commands.back().get());
}

Command Command::start_group(const std::string& heading) const {
  data_->started_group = heading;
  return *this;
}

Command Command::usage(const std::string& operands) const {
  data_->description.usages.push_back(operands);
  return *this;
}

Command Command::example(const std::string& command_line, const std::string& meaning) const {
  data_->description.examples.push_back({command_line, meaning});
  return *this;
}

Command Command::suggest(const std::string& word, const std::string& instead) const {
  data_->suggestions.insert_or_assign(word, instead);
  return *this;
}

Command Command::explain(const std::string& word, const std::string& hint) const {
  data_->hints.insert_or_assign(word, hint);
  return *this;
}

Option Command::add(const std::string& name, const std::string& description) const {
  auto option = std::make_unique<OptionData>();
  OptionDescription& described = option->description;
  described.description = description;
  described.group = data_->started_group;
  described.is_operand = !name.starts_with('-');
  if (described.is_operand)
    described.operand = described.kind = name;
  else
    described.names = split(name, ',');
  // If -h is an option of the command, it means help only if it is the only argument.
  if (std::ranges::find(described.names, kShortHelp) != described.names.end())
    std::erase(find_option(*data_, "--help")->description.names, kShortHelp);
  data_->options.push_back(std::move(option));
  return Option(data_->options.back().get());
}

Option Command::add_option(const std::string& name, std::string& value,
                           const std::string& description) const {
  const Option option = add(name, description);
  option.data_->target = &value;
  option.data_->description.takes_value = true;
  return option;
}

Option Command::add_option(const std::string& name, std::vector<std::string>& value,
                           const std::string& description) const {
  const Option option = add(name, description);
  option.data_->target = &value;
  option.data_->description.takes_value = true;
  option.data_->description.is_repeated = true;
  return option;
}

Option Command::add_flag(const std::string& name, bool& value, const std::string& description) const {
  const Option option = add(name, description);
  option.data_->target = &value;
  return option;
}

void Command::end_options_at_operand() const { data_->description.ends_options_at_operand = true; }

void Command::when_named(std::function<void()> function) const { data_->named = std::move(function); }

void Command::callback(std::function<void()> function) const { data_->run = std::move(function); }

CommandDescription Command::describe() const { return description_of(*data_); }

void Command::for_each_command(const std::function<void(Command)>& add) const {
  if (data_->commands.empty()) return add(*this);
  for (const auto& below : data_->commands) Command(below.get()).for_each_command(add);
}

CommandLine::CommandLine(const std::string& name, const std::string& description, const std::string& version)
    : version_(version), program_(make_command(name, name, description)) {
  add_help_option(*program_);
  add_answer(*program_, {"-V", "--version"}, "Print the version");
}

CommandLine::~CommandLine() = default;

Command CommandLine::add_help_command() {
  const Command command = program().add_subcommand(kHelpCommand, "Print the help of a command");
  // Never filled: parse() replaces `help` by `--help`.
  static std::vector<std::string> words;
  command.add_option("COMMAND", words, "");
  return command.usage("[COMMAND [SUBCOMMAND]]");
}

Result<CommandLine::Parsed> CommandLine::parse(std::vector<std::string> arguments) {
  const bool asks_for_help = !arguments.empty() && arguments.front() == kHelpCommand &&
                             !(arguments.size() > 1 && arguments[1].starts_with('-'));
  if (asks_for_help && find_command(*program_, kHelpCommand) != nullptr) {
    arguments.erase(arguments.begin());
    arguments.emplace_back("--help");
  }
  Reader reader(*program_, arguments);
  if (auto done = reader.read(); !done) return fail(std::move(done).error());
  const CommandData& command = reader.command();
  if (reader.wanted() != nullptr)
    return Parsed{Outcome::answered, has_name(*reader.wanted(), "--version")
                                         ? version_ + "\n"
                                         : help_of(description_of(command))};
  if (!command.commands.empty()) return Parsed{Outcome::no_command, help_of(description_of(command))};
  if (auto done = reader.finish(); !done) return fail(std::move(done).error());
  running() = path_below_program(command.description.path);
  if (command.run) command.run();
  return Parsed{Outcome::ran, ""};
}

}  // namespace layoutfs::tools
