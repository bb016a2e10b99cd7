// Eight bytes at a time: table k has the effect of a byte that k more bytes follow ("slicing by 8").
#include "core/engines/crc64.h"

#include <array>
#include <cstddef>

namespace layoutfs {
namespace {

constexpr std::uint64_t kPolynomial = 0xD800'0000'0000'0000;  // reflected
constexpr std::size_t kSlice = 8;

using Tables = std::array<std::array<std::uint64_t, 256>, kSlice>;

constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint64_t byte = 0; byte < 256; ++byte) {
    std::uint64_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? kPolynomial : 0);
    tables[0][byte] = value;
  }
  for (std::size_t more = 1; more < kSlice; ++more)
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint64_t before = tables[more - 1][byte];
      tables[more][byte] = (before >> 8) ^ tables[0][before & 0xff];
    }
  return tables;
}

constexpr Tables kTables = make_tables();

}  // namespace

void Crc64::update(ByteView bytes) noexcept {
  for (; bytes.size() >= kSlice; bytes = bytes.subspan(kSlice)) {
    const std::uint64_t word = state_ ^ load_le<std::uint64_t>(bytes);
    state_ = 0;
    for (std::size_t i = 0; i < kSlice; ++i) state_ ^= kTables[kSlice - 1 - i][(word >> (8 * i)) & 0xff];
  }
  for (const std::byte byte : bytes)
    state_ = (state_ >> 8) ^ kTables[0][(state_ ^ static_cast<std::uint64_t>(byte)) & 0xff];
}

}  // namespace layoutfs
