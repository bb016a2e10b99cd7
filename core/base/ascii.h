// ASCII letters, independent of the locale.
#pragma once

namespace layoutfs {

constexpr char lower_ascii(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace layoutfs
