// The 512-byte header block of a tar (POSIX ustar; GNU tar's tar.h; v7) and its numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

inline constexpr std::size_t kTarBlock = 512;

enum class TarFormat : std::uint8_t { v7, ustar, gnu };

// One header block with a valid checksum. The ranges of numbers are not checked.
struct TarHeader {
  TarFormat format;
  char flag;
  std::string name;  // ustar: including the prefix
  std::string link;
  std::int64_t mode, uid, gid, size, mtime;
  std::int64_t device_major, device_minor;  // 0 unless it is a device
};

// Errc::corrupt if it is invalid. The message continues "tar header at byte N: ".
Result<TarHeader> parse_tar_header(ByteView block);

bool is_zero_block(ByteView block) noexcept;

// Parses a number in octal (leading blanks; ends at NUL, a blank or the end of the field; empty is 0) or in
// GNU's base-256 (two's complement after a first byte of 0x80 or 0xff). Returns nullopt if it is invalid or
// does not fit.
std::optional<std::int64_t> parse_tar_number(ByteView field) noexcept;

// Returns the bytes of a field up to a NUL or its end.
std::string_view tar_text(ByteView field) noexcept;

}  // namespace layoutfs
