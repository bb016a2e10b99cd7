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
  Digest digest;  // empty: any content
  std::size_t chunk_size;
  std::string resumed;  // ID of the upload to resume; empty for a new one
  bool is_from_start;   // the content begins with the bytes that the upload already has
  bool is_verbose;
  bool is_progress_hidden;
};

// Sends `content` and prints its digest. Returns the exit code. An interrupted upload is kept, and the error
// line says how to resume it. An upload without content, or with content of another digest, is removed.
int push_blob(const RegistryStore& store, const BlobPush& push, FileSource& content,
              const StopSignals& signals, Output& output);

}  // namespace layoutfs::tools
