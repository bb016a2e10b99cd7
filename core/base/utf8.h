// UTF-8 (RFC 3629), as far as names from outside need it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace layoutfs {

// The number of bytes of the character at the start of `text`; 0 where `text` is empty or does not start with
// a whole and valid one (no overlong form, no surrogate, nothing above U+10FFFF).
std::size_t utf8_length(std::string_view text) noexcept;

// Whether all of `text` is such characters.
bool is_utf8(std::string_view text) noexcept;

// `text` as one line that cannot drive a terminal: of control characters, and of what is not UTF-8, each byte
// becomes \xNN.
std::string printable(std::string_view text);

}  // namespace layoutfs
