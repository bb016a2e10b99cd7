// Layers that a store need not have, because they can be had elsewhere (image-spec descriptor.md, `urls`).
#pragma once

#include "core/base/context.h"
#include "core/base/error.h"
#include "core/transfer/blob_info.h"
#include "core/transfer/image_source.h"

namespace layoutfs {

// What the first of info.urls delivers that `open_url` can open; see SourceOptions::open_url.
Result<SourceBlob> open_foreign_layer(const BlobInfo& info, const UrlOpener& open_url,
                                      const Context& context);

}  // namespace layoutfs
