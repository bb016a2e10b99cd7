// Layers that a store need not have, because they are available elsewhere (image-spec descriptor.md, `urls`).
#pragma once

#include "core/transfer/blob_info.h"
#include "core/transfer/image_source.h"
#include "layoutfs/context.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Returns the content of the first of info.urls that `open_url` can open; see SourceOptions::open_url.
Result<SourceBlob> open_foreign_layer(const BlobInfo& info, const UrlOpener& open_url,
                                      const Context& context);

}  // namespace layoutfs
