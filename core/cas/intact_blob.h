// Verifies the content of a stored blob.
#pragma once

#include <cstdint>

#include "layoutfs/blob.h"
#include "layoutfs/context.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Returns whether `blob` matches its digest. Reads all of it unless the size differs. Returns false if the
// disk cannot read it: writing the same content again repairs both cases. Other errors and Errc::cancelled
// are returned.
Result<bool> is_intact(const BlobPtr& blob, const Digest& digest, std::uint64_t size, const Context& context);

}  // namespace layoutfs
