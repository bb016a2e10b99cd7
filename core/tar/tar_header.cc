// Parses header blocks.
#include "core/tar/tar_header.h"

#include <algorithm>
#include <array>

namespace layoutfs {
namespace {

struct Field {
  std::size_t offset, size;
  ByteView of(ByteView block) const { return block.subspan(offset, size); }
};
// POSIX.1-2001, pax, "ustar Interchange Format".
constexpr Field kName{0, 100}, kMode{100, 8}, kUid{108, 8}, kGid{116, 8}, kSize{124, 12}, kMtime{136, 12},
    kChecksum{148, 8}, kLink{157, 100}, kMagic{257, 8}, kDeviceMajor{329, 8}, kDeviceMinor{337, 8},
    kPrefix{345, 155};
constexpr std::size_t kFlag = 156;
// star writes ustar headers with a shorter prefix and a magic number at the end of the block.
constexpr Field kStarPrefix{345, 131}, kStarMark{508, 4};

std::optional<std::int64_t> parse_octal(std::string_view field) noexcept {
  const std::size_t first = std::min(field.find_first_not_of(' '), field.size());
  std::size_t at = first;
  std::int64_t value = 0;
  for (; at < field.size() && field[at] >= '0' && field[at] <= '7'; ++at) {
    if (value >> 60 != 0) return std::nullopt;
    value = value * 8 + (field[at] - '0');
  }
  at = std::min(field.find_first_not_of(' ', at), field.size());
  if (at < field.size() && field[at] != '\0') return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_base256(ByteView field) noexcept {
  // Bit 7 of the first byte is the mark, bit 6 the sign.
  const auto first = std::to_integer<std::uint8_t>(field[0]);
  const bool is_negative = (first & 0x40) != 0;
  auto value = is_negative ? ~std::uint64_t{0} : std::uint64_t{0};
  for (std::size_t i = 0; i < field.size(); ++i) {
    auto byte = std::to_integer<std::uint8_t>(field[i]);
    if (i == 0) byte = static_cast<std::uint8_t>(is_negative ? byte | 0x80 : byte & 0x7f);
    // The bits shifted out must all equal the sign, and the sign must not change.
    const std::uint64_t sign_bits = is_negative ? 0x1ff : 0;
    if (value >> 55 != sign_bits) return std::nullopt;
    value = value << 8 | byte;
  }
  return static_cast<std::int64_t>(value);
}

TarFormat format_of(ByteView block) noexcept {
  const std::string_view magic = as_text(kMagic.of(block));
  if (magic == std::string_view("ustar  \0", 8)) return TarFormat::gnu;
  return magic.starts_with(std::string_view("ustar\0", 6)) ? TarFormat::ustar : TarFormat::v7;
}

// Old tars sum signed chars; POSIX requires unsigned ones. The checksum field itself counts as blanks.
bool checksum_is_right(ByteView block) noexcept {
  const auto stated = parse_octal(as_text(kChecksum.of(block)));
  std::int64_t as_unsigned = 0, as_signed = 0;
  for (const std::byte byte : block) {
    as_unsigned += std::to_integer<std::uint8_t>(byte);
    as_signed += static_cast<std::int8_t>(byte);
  }
  for (const std::byte byte : kChecksum.of(block)) {
    as_unsigned += ' ' - std::to_integer<std::uint8_t>(byte);
    as_signed += ' ' - static_cast<std::int8_t>(byte);
  }
  return stated && (*stated == as_unsigned || *stated == as_signed);
}

std::string name_in(ByteView block, TarFormat format) {
  const std::string_view name = tar_text(kName.of(block));
  if (format != TarFormat::ustar) return std::string(name);
  const bool is_star = as_text(kStarMark.of(block)) == std::string_view("tar\0", 4);
  const std::string_view prefix = tar_text((is_star ? kStarPrefix : kPrefix).of(block));
  if (prefix.empty()) return std::string(name);
  return std::string(prefix).append("/").append(name);
}

}  // namespace

bool is_zero_block(ByteView block) noexcept {
  return std::ranges::all_of(block, [](std::byte byte) { return byte == std::byte{0}; });
}

std::string_view tar_text(ByteView field) noexcept {
  const std::string_view text = as_text(field);
  return text.substr(0, text.find('\0'));
}

std::optional<std::int64_t> parse_tar_number(ByteView field) noexcept {
  if (field.empty()) return std::nullopt;
  const bool is_base256 = (field[0] & std::byte{0x80}) != std::byte{0};
  return is_base256 ? parse_base256(field) : parse_octal(as_text(field));
}

Result<TarHeader> parse_tar_header(ByteView block) {
  if (!checksum_is_right(block)) return fail(Errc::corrupt, "invalid checksum");
  TarHeader header{};
  header.format = format_of(block);
  header.flag = static_cast<char>(block[kFlag]);
  header.name = name_in(block, header.format);
  header.link = tar_text(kLink.of(block));

  struct Number {
    const char* what;
    Field field;
    std::int64_t* to;
  };
  const bool is_device = header.flag == '3' || header.flag == '4';
  const std::array numbers = {
      Number{"mode", kMode, &header.mode},
      Number{"uid", kUid, &header.uid},
      Number{"gid", kGid, &header.gid},
      Number{"size", kSize, &header.size},
      Number{"time", kMtime, &header.mtime},
      Number{"device number", kDeviceMajor, &header.device_major},
      Number{"device number", kDeviceMinor, &header.device_minor},
  };
  for (const Number& number : std::span(numbers).first(is_device ? 7 : 5)) {
    const auto value = parse_tar_number(number.field.of(block));
    if (!value) return fail(Errc::corrupt, "invalid " + std::string(number.what) + " field");
    *number.to = *value;
  }
  return header;
}

}  // namespace layoutfs
