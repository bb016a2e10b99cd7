// The on-disk structures of EROFS (Linux, fs/erofs/erofs_fs.h). All numbers are little-endian.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "core/base/xattr_names.h"

namespace layoutfs::erofs {

inline constexpr std::uint32_t kMagic = 0xE0F5E1E2;
inline constexpr unsigned kBlockBits = 12;
inline constexpr std::uint64_t kSlotSize = 32;  // the unit of inode numbers
inline constexpr std::uint64_t kSuperblockOffset = 1024, kSuperblockSize = 128, kDeviceSize = 128;
inline constexpr std::uint64_t kInodeSize = 64;  // "extended": 32-bit IDs, nanoseconds
inline constexpr std::uint64_t kXattrHeaderSize = 12, kXattrEntrySize = 4;
inline constexpr std::uint64_t kDirentSize = 12, kChunkSize = 8;
inline constexpr std::uint32_t kHole = 0xFFFFFFFF;        // the address of a chunk that is a hole
inline constexpr std::uint64_t kBlockLimit = 0xFFFFFFFF;  // no structure can hold this address
inline constexpr std::size_t kLongestName = 255;

constexpr std::uint64_t round_up(std::uint64_t size, std::uint64_t unit) {
  return (size + unit - 1) / unit * unit;
}

// Of the superblock.
inline constexpr std::uint32_t kHasChecksum = 1, kHasInodeTimes = 2;
inline constexpr std::uint32_t kHasChunks = 4, kHasDevices = 8;

// Of an inode: where its content is.
enum class Layout : std::uint8_t {
  plain = 0,    // in consecutive blocks
  inlined = 2,  // the same, except for the last block's content, which follows the inode
  chunks = 4,   // in chunks of equal size, each with an address; the table follows the inode
};
inline constexpr std::uint16_t kChunksHaveDevices = 0x20;
inline constexpr unsigned kMostChunkBits =
    19;  // blocks per chunk, as a power of two: 2 GiB, which 32 bits hold

enum class DirentType : std::uint8_t {
  regular = 1,
  directory = 2,
  character = 3,
  block = 4,
  fifo = 5,
  symlink = 7,
};

// The number that stands for the start of a name; it is followed by the rest.
struct XattrPrefix {
  std::string_view text;
  std::uint8_t number;
};
inline constexpr XattrPrefix kXattrPrefixes[] = {
    {"user.", 1}, {kAccessAclXattr, 2}, {kDefaultAclXattr, 3}, {"trusted.", 4}, {"security.", 6}};
inline constexpr std::size_t kLargestXattrValue = 65'535;
// The field counts units of four bytes behind the header, plus one.
inline constexpr std::uint64_t kLargestXattrs = kXattrHeaderSize + std::uint64_t{4} * 65'534;

// new_encode_dev() of Linux.
inline constexpr std::uint32_t kLargestMajor = 0xFFF, kLargestMinor = 0xFFFFF;
constexpr std::uint32_t device_number(std::uint32_t major, std::uint32_t minor) {
  return (minor & 0xFF) | major << 8 | (minor & ~std::uint32_t{0xFF}) << 12;
}

template <std::unsigned_integral T>
void put(std::span<std::byte> out, std::uint64_t at, T value) {
  for (std::size_t i = 0; i < sizeof value; ++i)
    out[at + i] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * i));
}
inline void put(std::span<std::byte> out, std::uint64_t at, std::string_view text) {
  if (!text.empty()) std::memcpy(out.subspan(at, text.size()).data(), text.data(), text.size());
}

// CRC-32C without the final inversion. One block of each image goes through it.
inline std::uint32_t checksum(std::span<const std::byte> bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const std::byte byte : bytes) {
    crc ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82F63B78U : 0);
  }
  return crc;
}

}  // namespace layoutfs::erofs
