// Tables for people: aligned columns under a header, and colours on a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace layoutfs::tools {

// The appearance of standard output.
struct TextStyle {
  bool is_terminal = false;
  bool is_coloured = false;
  std::size_t width = 80;  // maximum width of a table, in columns
};
// Returns the width of the terminal, with colours unless TERM is "dumb" or NO_COLOR is not empty. If standard
// output is not a terminal: 80 columns, no colours.
TextStyle stdout_style();

// Returns `text`, in bold if the style has colours.
std::string emphasized(std::string_view text, const TextStyle& style);

// Returns the number of columns of `text` on a terminal, one for each UTF-8 character.
std::size_t columns_of(std::string_view text);
// Returns `text` as one line of at most `width` columns. Each run of blanks and line breaks becomes one
// blank, other control characters become \xNN. A longer text ends in "...".
std::string one_line(std::string_view text, std::size_t width = std::string_view::npos);

class Table {
 public:
  enum class Align { left, right };
  struct Column {
    std::string header;
    Align align = Align::left;
  };
  explicit Table(std::vector<Column> columns);
  // Adds one cell for each column. Cells must not contain control characters: use printable() or one_line().
  void add_row(std::vector<std::string> cells);
  bool empty() const noexcept { return rows_.empty(); }
  // Returns the header and the rows, with two blanks between columns. The last column is cut to fit the
  // style's width, but to no less than kLeastWidth. With `is_whole` nothing is cut.
  std::string text(const TextStyle& style, bool is_whole = false) const;
  static constexpr std::size_t kLeastWidth = 16;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace layoutfs::tools
