// A digest algorithm that is not built in.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "layoutfs/digest.h"

namespace layoutfs::testing {

// Sums the bytes, which is enough to distinguish contents here: eight bytes, the lowest first.
class ByteSum final : public HashFunction {
 public:
  void update(ByteView piece) override {
    for (const std::byte byte : piece) sum_ += std::to_integer<std::uint64_t>(byte);
  }
  void finish(std::span<std::byte> hash) override {
    for (std::byte& byte : hash) {
      byte = static_cast<std::byte>(sum_ & 255);
      sum_ >>= 8;
    }
  }
  std::unique_ptr<HashFunction> clone() const override { return std::make_unique<ByteSum>(*this); }

 private:
  std::uint64_t sum_ = 0;
};

inline std::unique_ptr<HashFunction> start_byte_sum() { return std::make_unique<ByteSum>(); }

// Registered once for all tests of this program, whichever runs first.
inline Algorithm byte_sum() {
  static const Algorithm algorithm = register_algorithm("byte+sum", 8, start_byte_sum).value();
  return algorithm;
}

}  // namespace layoutfs::testing
