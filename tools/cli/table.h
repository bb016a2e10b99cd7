// Tables and lists of facts for people: aligned columns under a header, colours on a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace layoutfs::tools {

// How standard output is shown.
struct TextStyle {
  bool is_terminal = false;
  bool is_coloured = false;
  std::size_t width = 80;  // columns that a table should fit
};
// On a terminal: its width, and colours unless NO_COLOR is set and not empty, or TERM is "dumb". Elsewhere 80
// columns without colours.
TextStyle stdout_style();

// `text` in bold if the style has colours.
std::string emphasized(std::string_view text, const TextStyle& style);

// The number of columns of `text` on a terminal: characters of UTF-8, each one column wide.
std::size_t columns_of(std::string_view text);
// `text` as one line of at most `width` columns: blanks and line breaks become one blank each, other control
// characters \xNN. If it is too long, it ends in "...".
std::string one_line(std::string_view text, std::size_t width);

class Table {
 public:
  enum class Align { left, right };
  struct Column {
    std::string header;
    Align align = Align::left;
  };
  explicit Table(std::vector<Column> columns);
  // One cell for each column, which must not drive a terminal (printable(), one_line()).
  void add_row(std::vector<std::string> cells);
  bool empty() const noexcept { return rows_.empty(); }
  // The header and the rows, two blanks between columns. The last column is cut to fit the style's width, but
  // keeps kLeastWidth; with `is_whole` nothing is cut.
  std::string text(const TextStyle& style, bool is_whole = false) const;
  static constexpr std::size_t kLeastWidth = 16;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace layoutfs::tools
