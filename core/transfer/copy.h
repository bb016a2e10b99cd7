// Copying images beyond layoutfs/copy.h: with what is known of blobs, and with documents that are made on the
// way.
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

// The options of a graph that documents are copied from.
inline const GraphOptions kCopyGraph{.keeps_text = true};

struct ImageCopyOptions : CopyOptions {
  SpanFinder find_spans;           // for large blobs
  UrlOpener open_url;              // for foreign layers that the source does not have
  BlobInfoCache* cache = nullptr;  // told of all blobs and where they are
  std::string scope;               // of the destination in the cache, see DestinationOptions::scope
  const ExtraDocuments* documents = nullptr;  // copied as if the source had them (substitution.h)
  // Of the source, made with kCopyGraph: documents that it has read are not read again. Null for one of its
  // own.
  const LayoutGraph* graph = nullptr;
  OnUnknown on_unknown;  // called with documents of unknown kinds, whose mentioned blobs are copied too
};

// copy_images() of layoutfs/copy.h, with more options.
Result<CopyCounts> copy_images(const std::shared_ptr<const LayoutReader>& source,
                               const std::shared_ptr<Engine>& destination,
                               std::span<const NamedDescriptor> images, const ImageCopyOptions& options);

// Returns one sentence that names the platforms of the children that are absent, and of those that are
// present.
std::string describe_absent(const IndexChildren& children);

// Everything in the layout of `graph` that refers to one of `images`, or to what these lead to, or to another
// referrer (distribution-spec, "Listing Referrers"), by the descriptors that lead to it, sorted by their
// digests; `images` themselves are left out. Whatever cannot be read refers to nothing.
Result<std::vector<Descriptor>> referrers_of(const LayoutGraph& graph, std::span<const Descriptor> images,
                                             const Context& context = {});

}  // namespace layoutfs
