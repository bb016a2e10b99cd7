// Uploads to a registry (distribution specification, "Pushing Blobs").
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/remote/registry_session.h"
#include "layoutfs/context.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"
#include "layoutfs/registry.h"

namespace layoutfs {

// Starts an upload, or resumes the one with the URL `id`, which must have `offset` bytes, or any number if
// that is -1. Content is sent in pieces of at least `chunk_size` bytes, or of kSmallestPiece if that is
// larger; an upload of one piece is sent by one request. A piece is in memory until the registry has all of
// it, so that it can be sent again. Errors of Registry::push_blob_chunked_resume().
Result<std::unique_ptr<BlobWriter>> open_remote_upload(std::shared_ptr<RegistrySession> session,
                                                       const std::string& id, std::int64_t offset,
                                                       std::size_t chunk_size);
// The smallest piece in bytes. Some registries refuse smaller ones; larger ones need fewer round trips.
inline constexpr std::size_t kSmallestPiece = std::size_t{8} << 20;

// Asks the registry to mount a blob of the repository `from`. Returns whether it did.
Result<bool> mount_remote_blob(RegistrySession& session, const std::string& from, const Digest& digest,
                               const Context& context);

}  // namespace layoutfs
