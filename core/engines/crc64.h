// CRC-64 with the polynomial of ISO 3309, in the variant of Go's hash/crc64 (crc64.ISO): reflected, with all
// bits of the initial and the final value inverted.
#pragma once

#include <cstdint>

#include "layoutfs/bytes.h"

namespace layoutfs {

class Crc64 {
 public:
  void update(ByteView bytes) noexcept;
  std::uint64_t value() const noexcept { return ~state_; }

 private:
  std::uint64_t state_ = ~std::uint64_t{0};
};

}  // namespace layoutfs
