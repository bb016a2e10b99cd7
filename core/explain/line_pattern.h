// The patterns of grep(1), for lines of any bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "layoutfs/error.h"

namespace layoutfs {

enum class PatternSyntax : std::uint8_t { basic, extended, fixed };

struct PatternOptions {
  PatternSyntax syntax = PatternSyntax::basic;
  bool ignores_case = false;  // of ASCII letters; of all letters if a pattern has others, in UTF-8
  bool is_word = false;       // no letter, digit or '_' before and after the match
  bool is_line = false;       // the whole line matches
};

// A set of patterns, compiled by RE2: its time is linear in the text, and its memory is bounded. Syntax as in
// GNU grep, in the C locale: '.' matches one byte. If a pattern has letters beyond ASCII, in UTF-8, '.'
// matches one character. Differences: no back references; \< and \> are the same as \b; \d is a digit.
// Immutable; any number of threads may use it.
class LinePattern {
 public:
  // Each of `patterns` may have several lines, each of which is one pattern. A line matches if any of them
  // does. Errc::invalid_argument, naming the pattern, if one is malformed or beyond the limits of RE2.
  static Result<LinePattern> compile(const std::vector<std::string>& patterns, const PatternOptions& options);
  LinePattern(LinePattern&& other) noexcept;
  LinePattern& operator=(LinePattern&&) noexcept;
  ~LinePattern();

  // Returns the position of the first line in `lines`, at or after `from`, that matches; nullopt if none
  // does. Each line ends with '\n', the last one may lack it. Precondition: `from` is the start of a line.
  std::optional<std::size_t> find_line(std::string_view lines, std::size_t from) const;
  // Returns the matches in one line that are not empty, from left to right: each is the longest one at the
  // first position after the one before it. Cost: quadratic in the length of the line in the worst case.
  // Precondition: `line` has no '\n'.
  std::vector<std::string_view> matches_in(std::string_view line) const;

 private:
  struct State;
  explicit LinePattern(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
};

// Returns a pattern of POSIX in the syntax of RE2. Errc::unsupported if it has a back reference.
Result<std::string> to_re2(std::string_view pattern, PatternSyntax syntax);

}  // namespace layoutfs
