// Copying images from one layout to another, an archive or a layout of a registry among them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/context.h"
#include "core/base/error.h"
#include "core/cas/descriptor.h"
#include "core/cas/engine.h"
#include "core/oci/layout_graph.h"
#include "core/transfer/blob_info_cache.h"
#include "core/transfer/extra_documents.h"
#include "core/transfer/image_destination.h"
#include "core/transfer/reference_batch.h"

namespace layoutfs {

struct CopyCounts {
  std::uint64_t copied_blobs = 0, copied_bytes = 0;  // documents are blobs too
  std::uint64_t reused_blobs = 0, reused_bytes = 0;  // that the destination had
  std::uint64_t absent_layers = 0;                   // foreign ones, which their URLs are for
  std::uint64_t absent_children = 0;                 // of indexes, that the source does not have
  friend bool operator==(const CopyCounts&, const CopyCounts&) = default;
};

struct CopyProgress {
  CopyCounts counts;              // so far; what is on its way counts as copied
  std::uint64_t known_bytes = 0;  // of everything that was led to until now
};

// The options of a graph that documents are copied from.
inline const GraphOptions kCopyGraph{.keeps_text = true};

struct ImageCopyOptions {
  std::size_t max_concurrency = 0;  // blobs at the same time; 0 stands for as many as there are cores
  SpanFinder find_spans;            // for large blobs
  ReplacedEntry replaced = ReplacedEntry::unnamed;
  bool verifies_existing = false;                        // the large blobs that the destination has, too
  std::function<void(const CopyProgress&)> on_progress;  // called by any thread, often
  UrlOpener open_url;                                    // for foreign layers that the source does not have
  BlobInfoCache* cache = nullptr;                        // told of all blobs and where they are
  std::string scope;  // of the destination in the cache, see DestinationOptions::scope
  const ExtraDocuments* documents = nullptr;  // copied as if the source had them (substitution.h)
  // Whether children of indexes that the source does not have are left out, and the index is copied all the
  // same.
  bool skips_absent_children = false;
  // Of the source, made with kCopyGraph: documents that it has read are not read again. Null for one of its
  // own.
  const LayoutGraph* graph = nullptr;
  OnUnknown on_unknown;  // called with documents of unknown kinds, whose mentioned blobs are copied too
  Context context;
};

// Copies each image whole, with everything behind it (all_children_handler), and then gives all of them their
// names in one step. Everything is verified on its way. What the destination has is not put again; its
// documents and other small blobs are verified (is_verified_always), and replaced if they are damaged, with
// `verifies_existing` large blobs too. A large blob that an earlier attempt has left unfinished is gone on
// with. Blobs that were copied stay after an error: the next attempt finds them. Errc::not_found if the
// source lacks a blob, or a child of an index (see the options), and if garbage collection has removed a blob
// of the destination that was to be reused, three times in a row.
Result<CopyCounts> copy_images(const std::shared_ptr<const LayoutReader>& source,
                               const std::shared_ptr<Engine>& destination,
                               std::span<const NamedDescriptor> images, const ImageCopyOptions& options = {});

// Returns one sentence that names the platforms of the children that are absent, and of those that are
// present.
std::string describe_absent(const IndexChildren& children);

// Everything in the layout of `graph` that refers to one of `images`, or to what these lead to, or to another
// referrer (distribution-spec, "Listing Referrers"), by the descriptors that lead to it, sorted by their
// digests; `images` themselves are left out. Whatever cannot be read refers to nothing.
Result<std::vector<Descriptor>> referrers_of(const LayoutGraph& graph, std::span<const Descriptor> images,
                                             const Context& context = {});

}  // namespace layoutfs
