// Splits a filter (filter.h) into words, as containerd's scanner does.
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
  value,      // text after an operation up to a blank or a ',', unquoted
  quoted,     // in "", // or ||, including the quotes
  illegal,    // see error()
  other,      // a character that starts none of these
};

struct FilterWord {
  FilterToken token;
  std::size_t position;   // in bytes
  std::string_view text;  // empty at the end, and for a single illegal or other character
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

  // Skips blanks and returns the next word; always the end after it was reached.
  FilterWord scan();
  // Returns the next character, including blanks, without consuming it.
  FilterCharacter peek();
  // Returns the position of that character.
  std::size_t position() const noexcept { return next_; }
  // Returns the first error, "" if there was none.
  std::string_view error() const noexcept { return error_; }

 private:
  FilterCharacter next();
  void skip_while(bool (*belongs)(const FilterCharacter&));
  bool skip_quoted(char quote);
  bool skip_escape(char quote, FilterCharacter& following);
  bool skip_digits(FilterCharacter& character, int base, int count);
  void set_error(std::string_view what) noexcept;

  std::string_view text_;
  std::size_t current_ = 0;  // of the last character from next()
  std::size_t next_ = 0;
  bool is_value_next_ = false;
  std::string_view error_;
};

// Returns the text between the quotes of a FilterToken::quoted, with the escapes of a Go string replaced.
// Returns nullopt if an escape is not a character: octal above 255, or above U+10FFFF.
std::optional<std::string> unquoted(std::string_view quoted);

}  // namespace layoutfs
