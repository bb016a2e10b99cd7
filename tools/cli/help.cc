#include "tools/cli/help.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include "core/base/split.h"

namespace layoutfs::tools {
namespace {

constexpr std::size_t kColumns = 80;
constexpr std::size_t kIndent = 2;
// The last column at which descriptions begin. After a longer name, the description begins on the next line.
constexpr std::size_t kWidestName = 26;

// Returns `text` wrapped at kColumns. The first line begins at column `at`, the others at `indent`.
std::string wrapped(std::string_view text, std::size_t at, std::size_t indent) {
  std::string lines;
  bool is_first_word = true;
  for (const std::string& word : split(text, ' ')) {
    if (!is_first_word && at + 1 + word.size() > kColumns) {
      lines += "\n" + std::string(indent, ' ');
      at = indent;
    } else if (!is_first_word) {
      lines += ' ';
      ++at;
    }
    lines += word;
    at += word.size();
    is_first_word = false;
  }
  return lines;
}

struct Row {
  std::string name, description;
};

struct Section {
  std::string heading;
  std::vector<Row> rows;
};

// Returns the section with that heading, after appending it if it is missing.
Section& section_of(std::vector<Section>& sections, const std::string& heading) {
  const auto found = std::ranges::find(sections, heading, &Section::heading);
  if (found != sections.end()) return *found;
  sections.push_back({heading, {}});
  return sections.back();
}

void write_section(std::string& text, const Section& section) {
  std::size_t width = 0;
  for (const Row& row : section.rows)
    if (row.name.size() <= kWidestName) width = std::max(width, row.name.size());
  const std::size_t column = kIndent + width + 2;
  text += "\n" + section.heading + ":\n";
  for (const Row& row : section.rows) {
    std::string line = std::string(kIndent, ' ') + row.name;
    if (!row.description.empty()) {
      if (line.size() + 2 > column) {
        text += line + "\n";
        line.clear();
      }
      line.resize(column, ' ');
      line += wrapped(row.description, column, column);
    }
    text += line + "\n";
  }
}

std::string name_of(const OptionDescription& option) {
  std::string name;
  for (const std::string& each : option.names) name += (name.empty() ? "" : ", ") + each;
  return option.takes_value ? name + " " + option.kind : name;
}

std::string operands_of(const CommandDescription& command) {
  std::string operands;
  for (const OptionDescription& option : command.options) {
    if (!option.is_operand) continue;
    std::string operand = option.operand + (option.is_repeated ? "..." : "");
    if (!option.is_required) operand = "[" + operand + "]";
    operands += (operands.empty() ? "" : " ") + operand;
  }
  return operands;
}

std::vector<Section> sections_of(const CommandDescription& command) {
  std::vector<Section> sections;
  for (const OptionDescription& option : command.options)
    if (option.is_operand && !option.description.empty())
      section_of(sections, "Operands").rows.push_back({option.operand, option.description});
  for (const CommandDescription& below : command.commands)
    section_of(sections, below.group.empty() ? "Commands" : below.group)
        .rows.push_back({below.name, below.description});
  std::vector<Row> last;
  for (const OptionDescription& option : command.options) {
    if (option.is_operand) continue;
    const Row row{name_of(option), option.description};
    if (option.answers)
      last.push_back(row);
    else
      section_of(sections, option.group.empty() ? "Options" : option.group).rows.push_back(row);
  }
  auto& rows = section_of(sections, command.commands.empty() ? kOutputGroup : "Options").rows;
  rows.insert(rows.end(), last.begin(), last.end());
  const auto output = std::ranges::find(sections, kOutputGroup, &Section::heading);
  if (output != sections.end()) std::rotate(output, output + 1, sections.end());
  return sections;
}

}  // namespace

std::string usage_of(const CommandDescription& command) {
  if (!command.commands.empty()) return "usage: " + command.path + " COMMAND ...";
  std::vector<std::string> forms = command.usages;
  if (forms.empty()) forms.push_back(operands_of(command));
  std::string usage;
  for (const std::string& form : forms)
    usage += (usage.empty() ? "usage: " : "\n   or: ") + command.path + " [OPTIONS]" +
             (form.empty() ? "" : " " + form);
  return usage;
}

std::string help_of(const CommandDescription& command) {
  std::string text = usage_of(command) + "\n\n" + wrapped(command.description + ".", 0, 0) + "\n";
  for (const Section& section : sections_of(command)) write_section(text, section);
  if (!command.examples.empty()) text += "\nExamples:\n";
  for (const Example& example : command.examples) {
    if (!example.meaning.empty()) text += "  # " + example.meaning + "\n";
    text += "  " + example.command_line + "\n";
  }
  if (!command.commands.empty()) {
    const auto blank = command.path.find(' ');
    const std::string program = command.path.substr(0, blank);
    text += "\nThe help of a command: " + program + " help" +
            (blank == std::string::npos ? "" : command.path.substr(blank)) + " COMMAND\n";
  }
  return text;
}

}  // namespace layoutfs::tools
