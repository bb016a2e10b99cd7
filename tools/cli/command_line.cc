#include "tools/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstddef>
#include <utility>

namespace layoutfs::tools {

Option Option::type_name(const std::string& name) const {
  option_->type_name(name);
  return *this;
}

Option Option::required() const {
  option_->required();
  return *this;
}

Option Option::not_empty() const {
  option_->check([](const std::string& value) {
    return value.empty() ? std::string("needs a value that is not empty") : std::string();
  });
  return *this;
}

Option Option::one_value_each() const {
  option_->allow_extra_args(false);
  return *this;
}

Option Option::needs(Option other) const {
  option_->needs(other.option_);
  return *this;
}

Option Option::excludes(Option other) const {
  option_->excludes(other.option_);
  return *this;
}

bool Option::is_given() const { return option_->count() > 0; }

Command Command::add_subcommand(const std::string& name, const std::string& description) const {
  return Command(app_->add_subcommand(name, description));
}

void Command::require_subcommand() const { app_->require_subcommand(1); }

Option Command::add_option(const std::string& name, std::string& value,
                           const std::string& description) const {
  return Option(app_->add_option(name, value, description));
}

Option Command::add_option(const std::string& name, std::vector<std::string>& value,
                           const std::string& description) const {
  return Option(app_->add_option(name, value, description));
}

Option Command::add_flag(const std::string& name, bool& value, const std::string& description) const {
  return Option(app_->add_flag(name, value, description));
}

void Command::end_options_at_operand() const { app_->positionals_at_end(); }

void Command::when_named(std::function<void()> function) const {
  app_->preparse_callback([function = std::move(function)](std::size_t) { function(); });
}

void Command::callback(std::function<void()> function) const { app_->callback(std::move(function)); }

namespace {

std::vector<CLI::App*> commands_below(CLI::App& command) {
  return command.get_subcommands([](CLI::App*) { return true; });
}

OptionDescription describe(const CLI::Option& option) {
  OptionDescription described{.kind = option.get_type_name(),
                              .description = option.get_description(),
                              .is_operand = option.get_positional(),
                              .takes_value = option.get_items_expected_max() > 0,
                              .is_repeated = option.get_items_expected_max() > 1};
  for (const std::string& name : option.get_lnames()) described.names.push_back("--" + name);
  for (const std::string& name : option.get_snames()) described.names.push_back("-" + name);
  if (described.is_operand && described.kind == "TEXT") described.kind = option.get_name(true);
  return described;
}

CommandDescription describe(CLI::App& command) {
  CommandDescription described{.name = command.get_name(), .description = command.get_description()};
  for (const CLI::Option* option : command.get_options()) described.options.push_back(describe(*option));
  for (CLI::App* below : commands_below(command)) described.commands.push_back(describe(*below));
  return described;
}

// CLI11 takes an operand "[a,b]" for a list, where an option may have several values. A NUL, which no
// argument can hold, is put behind such a one until CLI11 has understood which option it belongs to.
constexpr char kNoList = '\0';

void mark_brackets(std::vector<std::string>& arguments) {
  for (std::string& argument : arguments)
    if (argument.starts_with('[') && argument.ends_with(']')) argument += kNoList;
}

void unmark_values(CLI::App& command) {
  const auto unmark = [](std::string value) {
    if (value.ends_with(kNoList)) value.pop_back();
    return value;
  };
  for (CLI::Option* option : command.get_options()) option->transform(unmark);
  for (CLI::App* below : commands_below(command)) unmark_values(*below);
}

// CLI11 lists what is surplus from the end.
std::string explain(const CLI::App& app, const CLI::ParseError& wrong) {
  if (dynamic_cast<const CLI::ExtrasError*>(&wrong) == nullptr) return wrong.what();
  std::string words;
  for (std::string word : app.remaining(true)) {
    if (word.ends_with(kNoList)) word.pop_back();
    words += " " + word;
  }
  return "not expected:" + words;
}

}  // namespace

void Command::for_each_command(const std::function<void(Command)>& add) const {
  const auto below = commands_below(*app_);
  if (below.empty()) return add(*this);
  for (CLI::App* command : below) Command(command).for_each_command(add);
}

CommandDescription Command::describe() const { return tools::describe(*app_); }

CommandLine::CommandLine(const std::string& name, const std::string& description, const std::string& version)
    : app_(std::make_unique<CLI::App>(description, name)) {
  app_->set_help_flag("-h,--help", "Print this help and exit");
  app_->set_version_flag("-V,--version", version);
  app_->require_subcommand(0, 1);
}

CommandLine::~CommandLine() = default;

Result<CommandLine::Outcome> CommandLine::parse(std::vector<std::string> arguments) {
  unmark_values(*app_);
  mark_brackets(arguments);
  std::ranges::reverse(arguments);  // as CLI11 takes them
  try {
    app_->parse(std::move(arguments));
  } catch (const CLI::Success& wanted) {  // --help and --version
    app_->exit(wanted);
    return Outcome::answered;
  } catch (const CLI::ParseError& wrong) {
    return fail(Errc::invalid_argument, explain(*app_, wrong));
  }
  return app_->get_subcommands().empty() ? Outcome::no_command : Outcome::ran;
}

}  // namespace layoutfs::tools
