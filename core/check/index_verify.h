// verify_indexes() of layoutfs/index_verify.h, of some of a layout's images and any cache.
#pragma once

#include <functional>

#include "core/cache/index_cache.h"
#include "core/image/image_set.h"
#include "layoutfs/context.h"
#include "layoutfs/index_verify.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

// Indexes as check_index does, on all cores; trees against those that merging the layers gives. What is not
// kept is no problem. Fails with Errc::cancelled only.
Result<VerifyReport> verify_indexes(const LayoutReader& reader, const IndexCache& cache,
                                    const ImageSet& images, const VerifyProgress& progress = {},
                                    const Context& context = {});

}  // namespace layoutfs
