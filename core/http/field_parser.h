// Parses the values of header fields (RFC 9110, section 5.6).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace layoutfs {

// Returns whether it is a character of tokens (section 5.6.2).
bool is_token_character(char c) noexcept;

// Parses the value of a field from its start. Functions that find nothing take nothing, except take_quoted().
class FieldParser {
 public:
  explicit FieldParser(std::string_view text) : rest_(text) {}

  bool is_at_end() const noexcept { return rest_.empty(); }
  bool is_at(char c) const noexcept { return rest_.starts_with(c); }
  void skip_blanks();
  // Takes a character. Returns whether it was there.
  bool take(char c);
  // Takes the longest prefix of token characters and `others`.
  std::string_view take_token(std::string_view others = {});
  // Takes a quoted string (section 5.6.4) and returns its text, nullopt if there is none, or if it is
  // malformed.
  std::optional<std::string> take_quoted();
  // Takes a number of decimal digits below 2^63 - 1.
  std::optional<std::uint64_t> take_number();

 private:
  std::string_view rest_;
};

}  // namespace layoutfs
