// Copies images from one layout to another: directories, archives, and layouts of a registry.
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

// What becomes of an entry whose name another image gets.
enum class ReplacedEntry : std::uint8_t {
  unnamed,  // it stays, without a name: nothing that was in the layout is lost
  removed,  // as Engine::put_reference does it: garbage collection may have its blobs
};

// A name, and what it is to name. Without a name, an entry that has none.
struct NamedDescriptor {
  std::string name;
  Descriptor descriptor;
  // An entry of another layout: it becomes an entry of its own, with all of its annotations, whatever other
  // images are called. `name` is then its ref.name, or another one that it gets.
  bool is_entry = false;
};

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

struct CopyOptions {
  std::size_t max_concurrency = 0;  // blobs at the same time; 0 stands for as many as there are cores
  ReplacedEntry replaced = ReplacedEntry::unnamed;
  bool verifies_existing = false;  // the large blobs that the destination has, too
  // Whether children of indexes that the source does not have are left out, and the index is copied all the
  // same.
  bool skips_absent_children = false;
  std::function<void(const CopyProgress&)> on_progress;  // called by any thread, often
  Context context;
};

// Copies each image whole, with everything behind it: manifests, configs, layers, and all that indexes and
// artifacts lead to. Then gives all of them their names in one step. Everything is verified on its way. What
// the destination has is not put again; its documents and other small blobs are verified, and replaced if
// they are damaged, with `verifies_existing` large blobs too. A large blob that an earlier attempt has left
// unfinished is resumed. Blobs that were copied stay after an error: the next attempt finds them.
// Errc::not_found if the source lacks a blob, or a child of an index (see the options), and if garbage
// collection has removed a blob of the destination that was to be reused, three times in a row;
// Errc::clobber, Errc::ambiguous if an image cannot have its name; Errc::corrupt; Errc::cancelled.
Result<CopyCounts> copy_images(const std::shared_ptr<const LayoutReader>& source,
                               const std::shared_ptr<Engine>& destination,
                               std::span<const NamedDescriptor> images, const CopyOptions& options = {});

}  // namespace layoutfs
