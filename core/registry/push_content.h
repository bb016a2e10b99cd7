// Sends content through the writer of a registry.
#pragma once

#include <cstdint>
#include <optional>

#include "layoutfs/bytes.h"
#include "layoutfs/context.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"
#include "layoutfs/registry.h"

namespace layoutfs {

// Writes all of `content`, and commits it as the blob `digest`, or with the digest of the writer if that is
// empty. `size` is the number of bytes, if it is known. Returns the blob's descriptor. After an error the
// upload is cancelled. Errc::size_invalid if the content has another size. Errors of `content`, and of
// BlobWriter::write() and commit(). Errc::cancelled.
Result<Descriptor> push_content(BlobWriter& writer, ByteSource& content, const Digest& digest,
                                std::optional<std::uint64_t> size, const Context& context);

}  // namespace layoutfs
