// The lines of one file that match a pattern, as grep(1) finds them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
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
};

// Searches content that arrives in pieces. A file is binary if there is a NUL in its first piece, or in a
// line that matches; in binary files, NUL ends a line, too. Memory: twice the largest piece, and kMaxLine.
class LineSearch {
 public:
  // A longer line is searched in parts of this size, as if each were a line.
  static constexpr std::size_t kMaxLine = std::size_t{4} << 20;

  // Called with each line, without its '\n', and its number from 1. Returns whether to continue.
  using OnLine = std::function<bool(std::string_view line, std::uint64_t number)>;
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
  bool search(std::string_view lines);
  bool deliver(std::string_view lines);
  bool deliver_line(std::string_view line, std::uint64_t number);

  const LinePattern& pattern_;
  const SearchOptions options_;
  const OnLine on_line_;
  std::string begun_;         // the line at the end of the last piece
  std::string copy_;          // of lines of a binary file
  std::uint64_t number_ = 1;  // of the next line
  bool is_first_ = true, is_binary_ = false, has_matched_ = false, is_done_ = false;
};

}  // namespace layoutfs
