// Files of an image, written into a directory.
//
// The parts. plan_extraction() lists the files. StagedTree writes them into a new directory below the target
// that nobody else can enter, with their final owners, modes, xattrs and times. Placement then renames the
// entries of that directory into the target.
//
// The invariants. A file has its name in the target only when it is complete: a process that is killed leaves
// the directory ".layoutfs-extract-*", and nothing else. Until the first rename, an error leaves the target
// as it was. No call follows a symlink below the target.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/image/image.h"
#include "layoutfs/context.h"
#include "layoutfs/error.h"

namespace layoutfs::tools {

struct ExtractOptions {
  bool are_owners_kept = false;                                           // needs root
  bool force = false;                                                     // replace existing files
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;  // by any thread
  Context context;
};

struct Extracted {
  std::uint64_t files = 0;  // names that are not directories
  std::uint64_t bytes = 0;
  std::uint64_t devices_left_out = 0;  // which only root can make
};

// Writes the files at `paths` (see plan_extraction()) into `directory`, which is made if it is missing; then
// it gets the attributes of the image's root, if all of the image is extracted. Files get at least the
// permissions that they have in the image minus set-id bits; those, and owners, only with are_owners_kept.
// Cost: decodes the layers from the first to the last byte that is needed, on all cores.
// Errc::already_exists if something is in the way; errors of Image::read(); of system calls.
Result<Extracted> extract(const Image& image, const std::vector<std::string>& paths,
                          const std::string& directory, const ExtractOptions& options);

}  // namespace layoutfs::tools
