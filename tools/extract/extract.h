// Writes files of an image into a directory.
//
// The parts. plan_extraction() lists the files. StagedTree writes them into a new private directory below the
// target, with their final owners, modes, xattrs and times. Placement then renames the entries of that
// directory into the target.
//
// The invariants. A file gets its name in the target only when it is complete: a killed process leaves only
// the directory ".layoutfs-extract-*". An error before the first rename leaves the target unchanged. No call
// follows a symlink below the target.
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
  bool are_owners_kept = false;                                           // requires root
  bool force = false;                                                     // replace existing files
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;  // called by any thread
  Context context;
};

struct Extracted {
  std::uint64_t files = 0;  // all names except those of directories
  std::uint64_t bytes = 0;
  std::uint64_t devices_left_out = 0;  // only root can create them
};

// Writes the files at `paths` (see plan_extraction()) into `directory`, which is created if it is missing. If
// all of the image is extracted, a new directory gets the attributes of the image's root. Files get the
// permissions that they have in the image, without set-id bits; owners and set-id bits only with
// are_owners_kept. Cost: decodes the layers from the first to the last byte that is needed, on all cores.
// Errc::already_exists if a file is in the way; errors of Image::read() and of system calls.
Result<Extracted> extract(const Image& image, const std::vector<std::string>& paths,
                          const std::string& directory, const ExtractOptions& options);

}  // namespace layoutfs::tools
