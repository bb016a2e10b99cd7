// Whether the content of a stored blob is still what its digest says.
#pragma once

#include <cstdint>

#include "layoutfs/blob.h"
#include "layoutfs/context.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Reads all of `blob`, unless its size differs already. Returns false also if the disk fails to read it:
// the same content, written again, repairs both. Other errors, and Errc::cancelled, are returned.
Result<bool> is_intact(const BlobPtr& blob, const Digest& digest, std::uint64_t size, const Context& context);

}  // namespace layoutfs
