// Shared by all fuzz targets: choices taken from the start of an input, and tars with valid checksums.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/check.h"
#include "layoutfs/blob.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

// The entry point for libFuzzer, defined by each target.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace layoutfs::fuzzing {

// Takes pieces off the front of an input; at its end they are zeros, or shorter.
class Input {
 public:
  explicit Input(ByteView bytes) : rest_(bytes) {}
  Input(const std::uint8_t* data, std::size_t size) : rest_(std::as_bytes(std::span(data, size))) {}

  std::uint8_t byte() {
    const ByteView taken = bytes(1);
    return taken.empty() ? std::uint8_t{0} : std::to_integer<std::uint8_t>(taken[0]);
  }
  std::uint32_t number() {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) value = value << 8 | byte();
    return value;
  }
  // Two bytes, modulo `end`.
  std::size_t below(std::size_t end) {
    const std::size_t high = byte();
    return (high << 8 | byte()) % end;
  }
  ByteView bytes(std::size_t size) {
    const ByteView taken = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  std::string text(std::size_t size) { return std::string(as_text(bytes(size))); }
  ByteView rest() const { return rest_; }
  bool empty() const { return rest_.empty(); }

 private:
  ByteView rest_;
};

// Small numbers that follow from a seed (the generator of Knuth's MMIX), the same with every library.
class Choices {
 public:
  explicit Choices(std::uint32_t seed) : state_(seed) {}
  std::size_t below(std::size_t end) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::size_t>(state_ >> 33) % end;
  }

 private:
  std::uint64_t state_;
};

// Puts the right checksum into every block that looks like the header of a tar: otherwise hardly any change
// of a header would get further than its checksum.
inline void repair_checksums(std::span<std::byte> tar) {
  constexpr std::size_t kBlock = 512, kChecksum = 148, kMagic = 257;
  for (std::size_t at = 0; at + kBlock <= tar.size(); at += kBlock) {
    const auto block = tar.subspan(at, kBlock);
    if (as_text(block).substr(kMagic, 5) != "ustar") continue;
    std::fill_n(block.begin() + kChecksum, 8, std::byte{' '});
    unsigned sum = 0;
    for (const std::byte byte : block) sum += std::to_integer<unsigned>(byte);
    for (std::size_t digit = 6; digit-- > 0; sum /= 8)
      block[kChecksum + digit] = static_cast<std::byte>('0' + sum % 8);
    block[kChecksum + 6] = std::byte{0};
  }
}

inline Bytes copy_of(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

// The first difference from the expected result ends the run.
template <class T>
T must(Result<T> result, const char* what) {
  if (!result) std::fprintf(stderr, "%s\n", result.error().message().c_str());
  check(result.has_value(), what);
  return std::move(*result);
}

}  // namespace layoutfs::fuzzing
