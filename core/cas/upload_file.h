// Beginning and finding uploads, for engines.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/cas/blob_store.h"
#include "core/cas/layout_dir.h"
#include "layoutfs/upload.h"

namespace layoutfs {

// In `blobs/`, where other programs that know uploads keep theirs. No algorithm has this name.
inline constexpr const char* kUploadsFolder = "uploads";

// Both arguments must outlive the upload. The functions are those of Engine.
Result<std::unique_ptr<Upload>> start_upload(const LayoutDir& layout, BlobStore& blobs, std::string_view id);
Result<std::unique_ptr<Upload>> resume_upload(const LayoutDir& layout, BlobStore& blobs, std::string_view id);
// Removes those that nobody has and that nobody has written to for `age_ns`.
Status remove_idle_uploads(const LayoutDir& layout, std::int64_t age_ns, const Context& context = {});

}  // namespace layoutfs
