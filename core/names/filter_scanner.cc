#include "core/names/filter_scanner.h"

#include <re2/re2.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "core/base/utf8.h"

namespace layoutfs {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD
constexpr std::string_view kBlanks = " \t\n\v\f\r";
constexpr int kNoDigit = 16;  // larger than any digit

bool is_one_of(const FilterCharacter& character, std::string_view set) {
  return character.bytes.size() == 1 && set.contains(character.bytes[0]);
}

bool is_ascii(const FilterCharacter& character) {
  return character.bytes.size() == 1 && static_cast<unsigned char>(character.bytes[0]) < 0x80;
}

// RE2 has the tables of Unicode.
bool is_of_class(const FilterCharacter& character, const RE2& character_class) {
  return !character.is_end() && !character.is_illegal && RE2::FullMatch(character.bytes, character_class);
}

// Unicode's White_Space.
bool is_blank(const FilterCharacter& character) {
  static const RE2 kSpace("[\\x{85}\\p{Z}]");
  return is_ascii(character) ? is_one_of(character, kBlanks) : is_of_class(character, kSpace);
}

bool is_field_character(const FilterCharacter& character) {
  if (!is_ascii(character)) return false;
  const char c = character.bytes[0];
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_operation_character(const FilterCharacter& character) { return is_one_of(character, "=!~"); }

// Go's unicode.IsGraphic, without blanks.
bool is_value_character(const FilterCharacter& character) {
  static const RE2 kGraphic("[\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}]");
  if (is_ascii(character)) return character.bytes[0] > ' ' && character.bytes[0] < 0x7f && !character.is(',');
  return is_of_class(character, kGraphic);
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return kNoDigit;
}

int digit_of(const FilterCharacter& character) {
  return character.bytes.size() == 1 ? digit_of(character.bytes[0]) : kNoDigit;
}

// Returns the number of hexadecimal digits after \x, \u and \U; 0 for other letters.
int hex_digits_behind(char letter) {
  switch (letter) {
    case 'x':
      return 2;
    case 'u':
      return 4;
    case 'U':
      return 8;
    default:
      return 0;
  }
}

// Appends a code point as UTF-8; an invalid one becomes U+FFFD, as in Go.
void append_code_point(std::string& text, std::uint32_t code) {
  const auto append = [&text](std::uint32_t byte) { text += static_cast<char>(byte); };
  const auto append_tail = [&](unsigned shift) { append(0x80 | ((code >> shift) & 0x3f)); };
  if (code < 0x80) return append(code);
  if (code < 0x800) {
    append(0xc0 | code >> 6);
  } else if (code >= 0xd800 && code < 0xe000) {
    text += kReplacement;
    return;
  } else if (code < 0x1'0000) {
    append(0xe0 | code >> 12);
    append_tail(6);
  } else {
    append(0xf0 | code >> 18);
    append_tail(12);
    append_tail(6);
  }
  append_tail(0);
}

// The letters of Go's escapes for control characters, and their values.
constexpr std::string_view kEscapeLetters = "abfnrtv\\";
constexpr std::string_view kEscapeMeanings = "\a\b\f\n\r\t\v\\";

// Removes a number from the start of `rest` and returns it; nullopt if there are too few digits.
std::optional<std::uint32_t> take_number(std::string_view& rest, int base, int count) {
  std::uint32_t number = 0;
  for (; count > 0; --count) {
    const int digit = rest.empty() ? kNoDigit : digit_of(rest.front());
    if (digit >= base) return std::nullopt;
    number = number * static_cast<std::uint32_t>(base) + static_cast<std::uint32_t>(digit);
    rest.remove_prefix(1);
  }
  return number;
}

// Appends the value of the escape at the start of `rest` and removes it. `rest` starts after the backslash.
bool append_escaped(std::string& text, std::string_view& rest, char quote) {
  if (rest.empty()) return false;
  const char letter = rest.front();
  if (const int digits = hex_digits_behind(letter); digits > 0) {
    rest.remove_prefix(1);
    const auto code = take_number(rest, 16, digits);
    if (!code || *code > 0x10'ffff) return false;
    // \x is a byte, the others are characters.
    letter == 'x' ? void(text += static_cast<char>(*code)) : append_code_point(text, *code);
    return true;
  }
  if (letter >= '0' && letter <= '7') {
    const auto byte = take_number(rest, 8, 3);
    if (!byte || *byte > 0xff) return false;
    text += static_cast<char>(*byte);
    return true;
  }
  rest.remove_prefix(1);
  const auto known = kEscapeLetters.find(letter);
  if (known == std::string_view::npos && letter != quote) return false;
  text += known == std::string_view::npos ? quote : kEscapeMeanings[known];
  return true;
}

}  // namespace

void FilterScanner::set_error(std::string_view what) noexcept {
  if (error_.empty()) error_ = what;
}

FilterCharacter FilterScanner::next() {
  current_ = next_;
  const std::string_view rest = text_.substr(next_);
  if (rest.empty()) return {};
  const std::size_t length = std::max<std::size_t>(utf8_length(rest), 1);
  const std::string_view bytes = rest.substr(0, length);
  next_ += length;
  if (bytes == std::string_view("\0", 1)) {
    set_error("unexpected null");
    return {bytes, true};
  }
  if (bytes == kReplacement || !is_utf8(bytes)) {
    set_error("rune error");
    return {bytes, true};
  }
  return {bytes};
}

FilterCharacter FilterScanner::peek() {
  const std::size_t current = current_, following = next_;
  const FilterCharacter character = next();
  current_ = current;
  next_ = following;
  return character;
}

void FilterScanner::skip_while(bool (*belongs)(const FilterCharacter&)) {
  while (belongs(peek())) next();
}

FilterWord FilterScanner::scan() {
  FilterCharacter first = next();
  while (is_blank(first)) first = next();
  const std::size_t begin = current_;
  const auto word = [&](FilterToken token) {
    return FilterWord{token, begin, text_.substr(begin, next_ - begin)};
  };
  if (first.is_end()) return {FilterToken::end, begin, {}};
  if (first.is_illegal) return {FilterToken::illegal, begin, {}};
  if (is_one_of(first, "\"/|"))
    return word(skip_quoted(first.bytes[0]) ? FilterToken::quoted : FilterToken::illegal);
  if (is_one_of(first, ".,")) {
    is_value_next_ = false;
    return word(FilterToken::separator);
  }
  if (is_operation_character(first)) {
    skip_while(is_operation_character);
    is_value_next_ = true;
    return word(FilterToken::operation);
  }
  if (std::exchange(is_value_next_, false)) {
    skip_while(is_value_character);
    return word(FilterToken::value);
  }
  if (!is_field_character(first)) return {FilterToken::other, begin, {}};
  skip_while(is_field_character);
  return word(FilterToken::field);
}

// Starts after the opening quote. Returns whether the text up to the closing quote is valid.
bool FilterScanner::skip_quoted(char quote) {
  bool is_legal = true;
  FilterCharacter character = next();
  while (!character.is(quote)) {
    if (character.is_end() || character.is_illegal || character.is('\n')) {
      set_error("quoted literal not terminated");
      return false;
    }
    if (character.is('\\'))
      is_legal &= skip_escape(quote, character);
    else
      character = next();
  }
  return is_legal;
}

// Starts after the backslash; sets `following` to the first character after the escape.
bool FilterScanner::skip_escape(char quote, FilterCharacter& following) {
  following = next();
  if (following.is(quote) || is_one_of(following, kEscapeLetters)) {
    following = next();
    return true;
  }
  if (digit_of(following) < 8) return skip_digits(following, 8, 3);
  if (const int digits = is_ascii(following) ? hex_digits_behind(following.bytes[0]) : 0; digits > 0) {
    following = next();
    return skip_digits(following, 16, digits);
  }
  set_error("illegal escape sequence");
  return false;
}

bool FilterScanner::skip_digits(FilterCharacter& character, int base, int count) {
  for (; count > 0 && digit_of(character) < base; --count) character = next();
  if (count > 0) set_error("illegal numeric escape sequence");
  return count == 0;
}

std::optional<std::string> unquoted(std::string_view quoted) {
  if (quoted.size() < 2) return std::nullopt;
  const char quote = quoted.front();
  std::string_view rest = quoted.substr(1, quoted.size() - 2);
  std::string text;
  text.reserve(rest.size());
  while (!rest.empty()) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c != '\\')
      text += c;
    else if (!append_escaped(text, rest, quote))
      return std::nullopt;
  }
  return text;
}

}  // namespace layoutfs
