// The decoders behind deflate.h.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>

#include "core/codec/deflate.h"

namespace layoutfs {

// Both libraries count bytes in 32 bits.
inline std::uint32_t clamped(std::size_t size) noexcept {
  return static_cast<std::uint32_t>(std::min<std::size_t>(size, std::numeric_limits<std::uint32_t>::max()));
}

std::unique_ptr<DeflateDecoder> make_zlib_decoder();
// Returns nullptr if it is not built in.
std::unique_ptr<DeflateDecoder> make_isal_decoder();

}  // namespace layoutfs
