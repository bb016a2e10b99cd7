// Extends layoutfs/copy.h: copies with known facts about blobs, and with additional documents.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/oci/layout_graph.h"
#include "core/transfer/blob_info_cache.h"
#include "core/transfer/extra_documents.h"
#include "core/transfer/image_destination.h"
#include "core/transfer/reference_batch.h"
#include "layoutfs/context.h"
#include "layoutfs/copy.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/engine.h"
#include "layoutfs/error.h"

namespace layoutfs {

// The options of a graph that is used for copying documents.
inline const GraphOptions kCopyGraph{.keeps_text = true};

struct ImageCopyOptions : CopyOptions {
  SpanFinder find_spans;           // for large blobs
  UrlOpener open_url;              // for foreign layers missing in the source
  BlobInfoCache* cache = nullptr;  // gets the locations of all blobs
  std::string scope;               // of the destination in the cache, see DestinationOptions::scope
  const ExtraDocuments* documents = nullptr;  // copied as if the source had them (substitution.h)
  // A graph of the source with kCopyGraph, which avoids reading documents again. Null: create one.
  const LayoutGraph* graph = nullptr;
  OnUnknown on_unknown;  // called with documents of unknown kinds; the blobs they mention are copied, too
};

// copy_images() of layoutfs/copy.h, with more options.
Result<CopyCounts> copy_images(const std::shared_ptr<const LayoutReader>& source,
                               const std::shared_ptr<Engine>& destination,
                               std::span<const NamedDescriptor> images, const ImageCopyOptions& options);

// Returns one sentence with the platforms of the absent and the present children.
std::string describe_absent(const IndexChildren& children);

// Returns all documents in the layout of `graph` that refer to `images`, their descendants, or other
// referrers (distribution-spec, "Listing Referrers"), without `images` themselves, as the descriptors that
// name them, sorted by digest. Ignores unreadable documents.
Result<std::vector<Descriptor>> referrers_of(const LayoutGraph& graph, std::span<const Descriptor> images,
                                             const Context& context = {});

}  // namespace layoutfs
