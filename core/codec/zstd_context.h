// libzstd's decompression context with an owner, and libzstd's errors as ours.
#pragma once

#include <zstd.h>

#include <cstddef>
#include <memory>

#include "core/base/error.h"

namespace layoutfs::zstd {

struct ContextDeleter {
  void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
};
using Context = std::unique_ptr<ZSTD_DCtx, ContextDeleter>;

// A frame makes its decoder allocate its window: what zstd(1) accepts by default bounds that.
inline constexpr int kMaxWindowLog = 27;

// A context that refuses larger windows. Throws std::bad_alloc.
Context make_context();

// What a return value that ZSTD_isError says yes to means: Errc::unsupported for windows and dictionaries,
// Errc::corrupt otherwise. Throws std::bad_alloc where libzstd had no memory.
Error failure(std::size_t code);

// Input that ends inside a frame.
inline Error breaks_off() { return Error(Errc::corrupt, "zstd stream breaks off"); }

}  // namespace layoutfs::zstd
