// The budget for decoded spans of all layers that a check decodes at once.
#pragma once

#include <cstdint>

namespace layoutfs {

inline constexpr std::uint64_t kSpanMemory = std::uint64_t{128} << 20;  // bytes

}  // namespace layoutfs
