// The 512-byte header block of a tar (POSIX ustar; GNU tar's tar.h; v7), and the numbers in it.
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

// One header block, its checksum verified. Numbers as they stand in it, ranges unchecked.
struct TarHeader {
  TarFormat format;
  char flag;
  std::string name;  // ustar: with the prefix
  std::string link;
  std::int64_t mode, uid, gid, size, mtime;
  std::int64_t device_major, device_minor;  // 0 unless the flag is that of a device
};

// Errc::corrupt, in words that go on after "tar header at byte N: ".
Result<TarHeader> parse_tar_header(ByteView block);

bool is_zero_block(ByteView block) noexcept;

// A number in octal (blanks in front; ended by NUL, a blank or the end of the field; nothing at all is 0) or
// in GNU's base-256 (two's complement behind a first byte of 0x80 or 0xff). Nothing where it is neither, or
// does not fit.
std::optional<std::int64_t> parse_tar_number(ByteView field) noexcept;

// A field's bytes up to a NUL or its end.
std::string_view tar_text(ByteView field) noexcept;

}  // namespace layoutfs
