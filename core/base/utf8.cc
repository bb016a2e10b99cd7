// The table of RFC 3629, section 4, as code.
#include "core/base/utf8.h"

namespace layoutfs {
namespace {

// All except control characters: C0, DEL, and C1, which some terminals execute even in UTF-8.
bool is_shown_as_is(std::string_view character) {
  const auto first = static_cast<unsigned char>(character.front());
  if (character.size() == 1) return first >= 0x20 && first != 0x7f;
  return !(first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0);
}

}  // namespace

std::size_t utf8_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto is_within = [&](std::size_t i, unsigned low, unsigned high) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const auto is_tail = [&](std::size_t i) { return is_within(i, 0x80, 0xbf); };
  if (text.empty()) return 0;
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return is_tail(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool is_second = is_within(1, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf);
    return is_second && is_tail(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool is_second = is_within(1, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf);
    return is_second && is_tail(2) && is_tail(3) ? 4 : 0;
  }
  return 0;
}

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string printable(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string shown;
  shown.reserve(text.size() + 16);
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length > 0 && is_shown_as_is(text.substr(0, length))) {
      shown += text.substr(0, length);
      text.remove_prefix(length);
    } else {
      const auto byte = static_cast<unsigned char>(text.front());
      shown += "\\x";
      shown += kHex[byte >> 4];
      shown += kHex[byte & 15];
      text.remove_prefix(1);
    }
  }
  return shown;
}

}  // namespace layoutfs
