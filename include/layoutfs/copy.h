// Copies images between layouts: directories, archives, and the layouts of a registry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "layoutfs/context.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/engine.h"
#include "layoutfs/error.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

// The treatment of an entry that loses its name to another image.
enum class ReplacedEntry : std::uint8_t {
  unnamed,  // the entry stays, without a name: no image of the layout is lost
  removed,  // as in Engine::put_reference: garbage collection may remove its blobs
};

// A descriptor and its name in the destination. If `name` is empty, the entry has no name.
struct NamedDescriptor {
  std::string name;
  Descriptor descriptor;
  // Whether `descriptor` is an entry of another layout. It becomes a separate entry with all of its
  // annotations, even if other images have the same name. `name` replaces its ref.name.
  bool is_entry = false;
};

// The result of a copy, in blobs and bytes.
struct CopyCounts {
  std::uint64_t copied_blobs = 0, copied_bytes = 0;  // including documents
  std::uint64_t reused_blobs = 0, reused_bytes = 0;  // that the destination already had
  std::uint64_t absent_layers = 0;                   // foreign layers, which are fetched from their URLs
  std::uint64_t absent_children = 0;                 // children of indexes that the source does not have
  friend bool operator==(const CopyCounts&, const CopyCounts&) = default;
};

// The state of a running copy.
struct CopyProgress {
  CopyCounts counts;              // so far; blobs in transit count as copied
  std::uint64_t known_bytes = 0;  // of all blobs discovered so far
};

// Options of copy_images(); the defaults suit most copies.
struct CopyOptions {
  std::size_t max_concurrency = 0;  // blobs in parallel; 0: the number of cores
  ReplacedEntry replaced = ReplacedEntry::unnamed;
  bool verifies_existing = false;  // also verify large blobs that the destination has
  // Skip the children of an index that the source does not have, and copy the index itself. Otherwise they
  // are Errc::not_found.
  bool skips_absent_children = false;
  std::function<void(const CopyProgress&)> on_progress;  // called often, by any thread
  Context context;
};

// Copies complete images: manifests, configs, layers, and the content of indexes and artifacts. Then adds all
// names in one step. All content is verified while it is copied.
// Blobs that the destination has are skipped; its documents and other small blobs are verified, and replaced
// if they are damaged, and so are large blobs with `verifies_existing`. Resumes a large blob that an
// interrupted copy has left unfinished. Copied blobs stay after an error, so the next attempt finds them.
// Cost: reads and hashes each copied blob once; memory does not depend on the size of blobs.
// Errc::not_found if the source lacks a blob or a child of an index (see the options), or if garbage
// collection removed a reused blob of the destination three times in a row. Errc::clobber or Errc::ambiguous
// if an image cannot have its name. Errc::corrupt if a blob does not match its digest. Errc::cancelled.
Result<CopyCounts> copy_images(const std::shared_ptr<const LayoutReader>& source,
                               const std::shared_ptr<Engine>& destination,
                               std::span<const NamedDescriptor> images, const CopyOptions& options = {});

}  // namespace layoutfs
