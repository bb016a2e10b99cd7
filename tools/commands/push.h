// The part of `layoutfs push` that sends a blob in pieces.
#pragma once

#include <cstddef>
#include <string>

#include "layoutfs/digest.h"
#include "tools/cli/files.h"
#include "tools/cli/registry.h"
#include "tools/cli/stop_signals.h"

namespace layoutfs::tools {

struct BlobPush {
  std::string repository;
  Digest digest;  // empty: whatever the content has
  std::size_t chunk_size;
  std::string resumed;  // the upload to go on with; empty for a new one
  bool is_from_start;   // whether the content begins with what the upload has
  bool is_verbose;
  bool is_progress_hidden;
};

// Sends `content`, prints its digest. An upload that breaks off stays, and the error line says how to go on;
// of one that has nothing, or has content of another digest, nothing stays.
int push_blob(const RegistryStore& store, const BlobPush& push, FileSource& content,
              const StopSignals& signals, Output& output);

}  // namespace layoutfs::tools
