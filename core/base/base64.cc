// Base64 (RFC 4648, section 4).
#include "core/base/base64.h"

namespace layoutfs {
namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string base64(ByteView bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (; !bytes.empty(); bytes = bytes.subspan(std::min<std::size_t>(bytes.size(), 3))) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i)
      group = group << 8 | (i < bytes.size() ? std::to_integer<std::uint32_t>(bytes[i]) : 0);
    for (std::size_t i = 0; i < 4; ++i) text += i <= bytes.size() ? kDigits[group >> (18 - 6 * i) & 63] : '=';
  }
  return text;
}

std::optional<Bytes> base64_bytes(std::string_view text) {
  Bytes bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t group = 0;
  std::size_t digits = 0, padding = 0;  // in the current group
  for (const char c : text) {
    if (c == '\r' || c == '\n') continue;
    const auto digit = kDigits.find(c);
    const bool is_padding = c == '=' && digits >= 2;
    // Nothing follows a group with padding.
    if (is_padding ? digits + padding == 4 : digit == std::string_view::npos || padding > 0)
      return std::nullopt;
    group = group << 6 | (is_padding ? 0 : static_cast<std::uint32_t>(digit));
    is_padding ? ++padding : ++digits;
    if (digits + padding < 4) continue;
    for (std::size_t i = 0; i + 1 < digits; ++i)
      bytes.push_back(static_cast<std::byte>(group >> (16 - 8 * i) & 0xff));
    if (padding == 0) group = 0, digits = 0;
  }
  if ((digits + padding) % 4 != 0) return std::nullopt;
  return bytes;
}

}  // namespace layoutfs
