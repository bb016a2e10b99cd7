// The part of fsck that reads one blob.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "layoutfs/digest.h"
#include "layoutfs/fsck.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

// What a layer should be when it is uncompressed, and the config that says so.
using ExpectedDiffIds = std::map<Digest, Digest>;

struct BlobFindings {
  bool is_read = false;        // to its end
  std::uint64_t bytes = 0;     // that were read
  std::uint64_t diff_ids = 0;  // that were compared
  std::vector<FsckProblem> problems;
};

// Reads `digest` once: as a blob, and in the same pass as a layer unless `layer` is null. `on_bytes` is
// called with the number of bytes after each piece, 0 for one that was only decompressed; where it fails with
// Errc::cancelled, this does too, and for no other reason.
Result<BlobFindings> check_blob(const LayoutReader& reader, const Digest& digest,
                                const ExpectedDiffIds* layer,
                                const std::function<Status(std::uint64_t bytes)>& on_bytes);

// The error as a sentence that names the digest, once.
std::string message_of(const Digest& digest, const Error& error);

}  // namespace layoutfs
