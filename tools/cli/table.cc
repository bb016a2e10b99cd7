#include "tools/cli/table.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "core/base/check.h"
#include "core/base/utf8.h"

namespace layoutfs::tools {
namespace {

constexpr std::string_view kGap = "  ";
constexpr std::string_view kDots = "...";

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Returns the first `width` columns of `text`.
std::string_view first_columns(std::string_view text, std::size_t width) {
  std::size_t at = 0;
  for (std::size_t column = 0; column < width && at < text.size(); ++column)
    at += std::max<std::size_t>(utf8_length(text.substr(at)), 1);
  return text.substr(0, at);
}

std::string cut(std::string_view text, std::size_t width) {
  if (columns_of(text) <= width) return std::string(text);
  if (width <= kDots.size()) return std::string(first_columns(text, width));
  return std::string(first_columns(text, width - kDots.size())) + std::string(kDots);
}

void append_cell(std::string& line, std::string_view cell, std::size_t width, Table::Align align,
                 bool is_last) {
  const std::string blanks(width - std::min(width, columns_of(cell)), ' ');
  if (align == Table::Align::right) line += blanks;
  line += cell;
  if (align == Table::Align::left && !is_last) line += blanks;
}

}  // namespace

TextStyle stdout_style() {
  TextStyle style;
  style.is_terminal = ::isatty(STDOUT_FILENO) == 1;
  if (!style.is_terminal) return style;
  const char* no_color = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  style.is_coloured = (no_color == nullptr || *no_color == '\0') &&
                      (terminal != nullptr && std::string_view(terminal) != "dumb");
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) style.width = size.ws_col;
  return style;
}

std::string emphasized(std::string_view text, const TextStyle& style) {
  return style.is_coloured ? "\x1b[1m" + std::string(text) + "\x1b[0m" : std::string(text);
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  for (; !text.empty(); ++columns) text.remove_prefix(std::max<std::size_t>(utf8_length(text), 1));
  return columns;
}

std::string one_line(std::string_view text, std::size_t width) {
  std::string line;
  for (const char c : text) {
    if (!is_blank(c))
      line += c;
    else if (!line.empty() && line.back() != ' ')
      line += ' ';
  }
  if (line.ends_with(' ')) line.pop_back();
  return cut(printable(line), width);
}

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {
  check(!columns_.empty(), "a table has columns");
}

void Table::add_row(std::vector<std::string> cells) {
  check(cells.size() == columns_.size(), "a row has one cell for each column");
  rows_.push_back(std::move(cells));
}

std::string Table::text(const TextStyle& style, bool is_whole) const {
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) widths.push_back(columns_of(column.header));
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns_of(row[i]));
  std::size_t used = 0;
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) used += widths[i] + kGap.size();
  const std::size_t room = std::max(style.width - std::min(style.width, used), kLeastWidth);
  if (!is_whole) widths.back() = std::min(widths.back(), room);

  const auto line_of = [&](const auto& cell_of) {
    std::string line;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const bool is_last = i + 1 == columns_.size();
      append_cell(line, is_last ? cut(cell_of(i), widths[i]) : cell_of(i), widths[i], columns_[i].align,
                  is_last);
      if (!is_last) line += kGap;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
  };
  std::string text = emphasized(line_of([&](std::size_t i) { return columns_[i].header; }), style) + "\n";
  for (const auto& row : rows_) text += line_of([&](std::size_t i) { return row[i]; }) + "\n";
  return text;
}

}  // namespace layoutfs::tools
