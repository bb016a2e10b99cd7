// The file in which EROFS metadata is stored: the metadata exactly as Linux reads it, from the start of the
// file, then the runs and a trailer with their sizes and a checksum.
#pragma once

#include <cstdint>
#include <span>

#include "core/base/file.h"
#include "core/erofs/erofs_image.h"
#include "layoutfs/bytes.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Returns the size of the file.
std::uint64_t erofs_file_size(std::uint64_t metadata_size, std::uint64_t run_count);

// Completes `file`, which is the metadata. Allocates no memory if erofs_file_size() bytes are reserved.
void seal_erofs_file(Bytes& file, std::span<const ErofsRun> runs, std::uint64_t data_blocks,
                     std::uint64_t inode_count, const Digest& image, ErofsForm form);

// Opens the content of such a file. Errc::corrupt, with the difference, if it is damaged, or belongs to
// another version, image or form. Cost: one pass over the file. Precondition: it is aligned to 8 bytes.
Result<ErofsImage> open_erofs_file(SharedBytes file, const Digest& image, ErofsForm form);

}  // namespace layoutfs
