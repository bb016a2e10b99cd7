// The images of one layout, as containers-storage knows them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/engines/storage_documents.h"
#include "core/image/layer_stack.h"
#include "core/oci/layout_graph.h"
#include "layoutfs/context.h"
#include "layoutfs/layout_reader.h"
#include "layoutfs/platform.h"

namespace layoutfs {

// An image that is complete, as far as its documents and the sizes of its blobs show.
struct LayoutImage {
  std::string entry;                        // the name of its first entry, as in BrokenLayoutImage
  StorageImage record;                      // with its names
  std::vector<std::string> layer_ids;       // from the base to the top
  std::shared_ptr<const LayerStack> stack;  // all layers
};

struct BrokenLayoutImage {
  std::string name;  // of the entry: its ref.name or its digest
  std::string why;   // one sentence
};

struct LayoutImages {
  std::vector<LayoutImage> images;  // one per image ID, in the order of the references
  std::vector<BrokenLayoutImage> broken;
};

// Returns the images of the references: of an index, and of entries that differ only in their platforms, the
// one for `platform`. Tags belong to `repository` (storage_image_name). If several entries have the same
// name, the first one keeps it. Artifacts, attestations, and nameless manifests of an index that is an entry,
// too, are left out. Reads manifests and configs; of layers only the status. Errc::cancelled.
Result<LayoutImages> read_layout_images(const LayoutGraph& graph, const References& references,
                                        std::string_view repository, const Platform& platform,
                                        const Context& context = {});

}  // namespace layoutfs
