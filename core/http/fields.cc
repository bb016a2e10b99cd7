#include "core/http/fields.h"

#include <algorithm>
#include <charconv>

#include "core/base/ascii.h"
#include "core/http/field_parser.h"

namespace layoutfs {
namespace {

// Takes the value of a parameter, nullopt if it is invalid.
std::optional<std::string> take_value(FieldParser& field, bool is_boundary) {
  if (auto quoted = field.take_quoted()) return quoted;
  const std::string_view token = field.take_token(is_boundary ? ":" : "");
  return token.empty() ? std::nullopt : std::optional<std::string>(token);
}

}  // namespace

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, is_token_character);
}

bool is_field_value(std::string_view text) noexcept {
  return std::ranges::all_of(
      text, [](char c) { return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != '\x7f'); });
}

std::optional<std::uint64_t> parse_decimal(std::string_view text) noexcept {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, number);
  return failure == std::errc() && stop == end ? std::optional(number) : std::nullopt;
}

bool is_same_token(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(a, b, {}, lower_ascii, lower_ascii);
}

Result<ContentType> ContentType::parse(std::string_view text) {
  const auto broken = [&] {
    return fail(Errc::corrupt, "'" + std::string(text) + "' is not a Content-Type");
  };
  FieldParser field(text);
  field.skip_blanks();
  const std::string_view type = field.take_token();
  if (type.empty() || !field.take('/')) return broken();
  const std::string_view subtype = field.take_token();
  if (subtype.empty()) return broken();
  ContentType found{.type = std::string(type) + "/" + std::string(subtype), .boundary = {}};
  std::ranges::transform(found.type, found.type.begin(), lower_ascii);
  for (;;) {
    field.skip_blanks();
    if (field.is_at_end()) return found;
    if (!field.take(';')) return broken();
    field.skip_blanks();
    const std::string_view name = field.take_token();
    if (name.empty()) continue;  // RFC 9110, 5.6.6: a parameter may be empty
    if (!field.take('=')) return broken();
    const bool is_boundary = is_same_token(name, "boundary");
    auto value = take_value(field, is_boundary);
    if (!value || (is_boundary && found.boundary)) return broken();
    if (is_boundary) found.boundary = std::move(value);
  }
}

Result<ContentRange> ContentRange::parse(std::string_view text) {
  const auto broken = [&] {
    return fail(Errc::corrupt, "'" + std::string(text) + "' is not a Content-Range of bytes");
  };
  FieldParser field(text);
  field.skip_blanks();
  if (!is_same_token(field.take_token(), "bytes") || !field.take(' ')) return broken();
  field.skip_blanks();
  const auto first = field.take_number();
  if (!first || !field.take('-')) return broken();
  const auto last = field.take_number();
  if (!last || *last < *first || !field.take('/')) return broken();
  ContentRange range{.first = *first, .last = *last, .size = {}};
  if (!field.take('*')) {
    range.size = field.take_number();
    if (!range.size || *range.size <= *last) return broken();
  }
  field.skip_blanks();
  return field.is_at_end() ? Result<ContentRange>(range) : broken();
}

}  // namespace layoutfs
