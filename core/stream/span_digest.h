// The check value of a decoded span: what an index stores and what a reader compares with.
#pragma once

#include <array>
#include <cstdint>

#include "core/base/bytes.h"

namespace layoutfs {

// XXH3 128 of the bytes, low and high half, as SpanRecord::digest holds it.
std::array<std::uint64_t, 2> span_digest(ByteView span) noexcept;

}  // namespace layoutfs
