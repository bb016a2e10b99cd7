#include "core/http/field_parser.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "core/base/ascii.h"

namespace layoutfs {
namespace {

constexpr std::string_view kBlanks = " \t";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return lower_ascii(c) >= 'a' && lower_ascii(c) <= 'z'; }

}  // namespace

bool is_token_character(char c) noexcept {
  return is_letter(c) || is_digit(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

void FieldParser::skip_blanks() {
  rest_.remove_prefix(std::min(rest_.find_first_not_of(kBlanks), rest_.size()));
}

bool FieldParser::take(char c) {
  if (!is_at(c)) return false;
  rest_.remove_prefix(1);
  return true;
}

std::string_view FieldParser::take_token(std::string_view others) {
  const auto is_part = [&](char c) {
    return is_token_character(c) || others.find(c) != std::string_view::npos;
  };
  const auto end = std::ranges::find_if_not(rest_, is_part);
  const std::string_view token = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
  rest_.remove_prefix(token.size());
  return token;
}

std::optional<std::string> FieldParser::take_quoted() {
  if (!take('"')) return std::nullopt;
  std::string text;
  while (!rest_.empty() && !is_at('"')) {
    if (rest_.front() == '\\') rest_.remove_prefix(1);
    const bool is_text = !rest_.empty() &&
                         (static_cast<unsigned char>(rest_.front()) >= ' ' || rest_.front() == '\t') &&
                         rest_.front() != '\x7f';
    if (!is_text) return std::nullopt;
    text += rest_.front();
    rest_.remove_prefix(1);
  }
  return take('"') ? std::optional(text) : std::nullopt;
}

std::optional<std::uint64_t> FieldParser::take_number() {
  std::uint64_t number = 0;
  const auto [end, failure] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
  constexpr auto kMost = std::uint64_t{std::numeric_limits<std::int64_t>::max()};
  if (failure != std::errc() || number >= kMost) return std::nullopt;
  rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
  return number;
}

}  // namespace layoutfs
