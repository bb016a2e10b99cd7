// UTF-8 (RFC 3629), for names from untrusted sources.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace layoutfs {

// Returns the number of bytes of the first character of `text`; 0 if `text` is empty or does not start with a
// complete and valid character (overlong forms, surrogates and values above U+10FFFF are invalid).
std::size_t utf8_length(std::string_view text) noexcept;

// Returns whether `text` is valid UTF-8.
bool is_utf8(std::string_view text) noexcept;

// Returns `text` as one line that cannot control a terminal: each byte of control characters and of invalid
// UTF-8 becomes \xNN.
std::string printable(std::string_view text);

}  // namespace layoutfs
