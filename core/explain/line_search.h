// The lines of one file that match a pattern, as grep(1) finds them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <string>
#include <string_view>

#include "core/explain/line_pattern.h"

namespace layoutfs {

// The treatment of files with NUL bytes.
enum class BinaryFiles : std::uint8_t {
  summary,        // their lines are not delivered: the first match is the only one
  text,           // like others
  without_match,  // they never match
};

struct SearchOptions {
  bool is_inverted = false;  // lines that do not match
  BinaryFiles binary = BinaryFiles::summary;
  bool is_counting = false;  // deliver the lines of binary files, too
  std::uint64_t before = 0;  // lines to deliver before each selected line, as far as kMaxLine allows
  std::uint64_t after = 0;   // and after it
  std::uint64_t most = std::numeric_limits<std::uint64_t>::max();  // selected lines
};

// Searches content that arrives in pieces. A file is binary if there is a NUL in its first piece, or in a
// line that matches; in binary files, NUL ends a line, too. Memory: twice the largest piece, and kMaxLine;
// twice that if lines before a selected one are delivered.
class LineSearch {
 public:
  // A longer line is searched in parts of this size, as if each were a line. Lines before a selected one are
  // kept in this memory, too; those that it cannot hold are not delivered.
  static constexpr std::size_t kMaxLine = std::size_t{4} << 20;

  struct Line {
    std::string_view text;  // without its '\n'
    std::uint64_t number;   // from 1
    bool is_selected;       // otherwise it is near a selected line
  };
  // Called with each line, in their order, each once. Returns whether to continue.
  using OnLine = std::function<bool(const Line& line)>;
  // `pattern` must outlive it.
  LineSearch(const LinePattern& pattern, const SearchOptions& options, OnLine on_line);

  // Searches the next piece. Returns whether later pieces can make a difference.
  bool feed(std::string_view piece);
  // Searches the last line, if it has no '\n'. Call it once, unless feed() returned false.
  void finish();

  bool is_binary() const noexcept { return is_binary_; }
  // Returns whether a line matched, of a binary file also if it was not delivered.
  bool has_matched() const noexcept { return has_matched_; }

 private:
  struct Passed {
    std::string text;
    std::uint64_t number;
  };

  void search(std::string_view lines);
  void divide(std::string_view lines);
  void select(std::string_view lines);
  void pass_over(std::string_view lines);
  void remember(std::string_view lines);
  std::size_t deliver_at(std::string_view lines, std::size_t at, bool is_selected);
  void deliver(const Line& line);

  const LinePattern& pattern_;
  const SearchOptions options_;
  const OnLine on_line_;
  std::string begun_;          // the line at the end of the last piece
  std::string copy_;           // of lines of a binary file
  std::uint64_t number_ = 1;   // of the next line
  std::deque<Passed> passed_;  // the last lines that were not delivered, at most `before`
  std::size_t passed_bytes_ = 0;
  std::uint64_t after_left_ = 0;  // lines to deliver after the last selected one
  std::uint64_t selected_ = 0;
  bool is_first_ = true, is_binary_ = false, has_matched_ = false, is_done_ = false;
};

}  // namespace layoutfs
