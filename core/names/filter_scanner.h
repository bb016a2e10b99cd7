// The words of a filter (filter.h), as containerd's scanner tells them apart.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace layoutfs {

enum class FilterToken {
  end,
  field,      // letters, digits and '_'
  separator,  // '.' or ','
  operation,  // any run of '=', '!' and '~'
  value,      // what stands behind an operation up to a blank or a ',', unquoted
  quoted,     // in "", // or ||, quotes included
  illegal,    // error() says why
  other,      // a character that begins none of these
};

struct FilterWord {
  FilterToken token;
  std::size_t position;   // in bytes
  std::string_view text;  // empty for the end, and for a single character that is illegal or other
};

// One character of a filter: its bytes, none at the end.
struct FilterCharacter {
  std::string_view bytes;
  bool is_illegal = false;  // NUL, U+FFFD, or a byte that is not UTF-8

  bool is_end() const noexcept { return bytes.empty(); }
  bool is(char c) const noexcept { return bytes.size() == 1 && bytes[0] == c; }
};

class FilterScanner {
 public:
  // `text` must outlive this.
  explicit FilterScanner(std::string_view text) noexcept : text_(text) {}

  // The next word, blanks in front of it skipped; always the end once it was reached.
  FilterWord scan();
  // The next character, blanks not skipped, which scan() sees again.
  FilterCharacter peek();
  // Where that one begins.
  std::size_t position() const noexcept { return next_; }
  // What was wrong first; empty as long as nothing was.
  std::string_view error() const noexcept { return error_; }

 private:
  FilterCharacter next();
  void skip_while(bool (*belongs)(const FilterCharacter&));
  bool skip_quoted(char quote);
  bool skip_escape(char quote, FilterCharacter& following);
  bool skip_digits(FilterCharacter& character, int base, int count);
  void set_error(std::string_view what) noexcept;

  std::string_view text_;
  std::size_t current_ = 0;  // of the character that next() gave last
  std::size_t next_ = 0;
  bool is_value_next_ = false;
  std::string_view error_;
};

// What stands between the quotes of a FilterToken::quoted, with the escapes of a Go string replaced. Nothing
// where an escape means no character: an octal one above 255, or one above U+10FFFF.
std::optional<std::string> unquoted(std::string_view quoted);

}  // namespace layoutfs
