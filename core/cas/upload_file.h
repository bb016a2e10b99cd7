// Starts and resumes uploads, for engines.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/cas/blob_store.h"
#include "core/cas/layout_dir.h"
#include "layoutfs/upload.h"

namespace layoutfs {

// In `blobs/`, like the uploads of other programs. No algorithm has this name.
inline constexpr const char* kUploadsFolder = "uploads";

// Both arguments must outlive the upload. The functions are those of Engine.
Result<std::unique_ptr<Upload>> start_upload(const LayoutDir& layout, BlobStore& blobs, std::string_view id);
Result<std::unique_ptr<Upload>> resume_upload(const LayoutDir& layout, BlobStore& blobs, std::string_view id);
// Removes uploads that are not locked and were not written for `age_ns`.
Status remove_idle_uploads(const LayoutDir& layout, std::int64_t age_ns, const Context& context = {});

}  // namespace layoutfs
