// verify_indexes() of layoutfs/index_verify.h for some images of a layout and any cache.
#pragma once

#include <functional>

#include "core/cache/index_cache.h"
#include "core/image/image_set.h"
#include "layoutfs/context.h"
#include "layoutfs/index_verify.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

// Verifies indexes with check_index, in parallel, and trees by merging the layers again. Missing files are
// not problems. Fails only with Errc::cancelled.
Result<VerifyReport> verify_indexes(const LayoutReader& reader, const IndexCache& cache,
                                    const ImageSet& images, const VerifyProgress& progress = {},
                                    const Context& context = {});

}  // namespace layoutfs
