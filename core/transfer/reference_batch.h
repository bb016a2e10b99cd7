// Writes the names of many images to a layout in one step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/guarded.h"
#include "layoutfs/copy.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/engine.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Thread-safe, but only one thread at a time should call write().
class ReferenceBatch {
 public:
  explicit ReferenceBatch(ReplacedEntry replaced = ReplacedEntry::unnamed) : replaced_(replaced) {}

  // If a name is added twice, the last one wins; all transferred entries are kept.
  void add(std::string name, Descriptor descriptor);
  void add(NamedDescriptor image);
  std::size_t size() const;
  // Writes all names with one Engine::update_references and clears the batch; after an error the batch is
  // unchanged. Errors of check_names(). Errc::not_found if a manifest or one of the blobs `needed` does not
  // exist: garbage collection may have removed it, which it cannot do after this call. If references are
  // files in `refs/`, they are written one by one, and those before a failure stay. Errc::cancelled.
  Status write(Engine& engine, std::span<const Digest> needed = {}, const Context& context = {});

 private:
  ReplacedEntry replaced_;
  mutable Guarded<std::vector<NamedDescriptor>> entries_;
};

// Checks that the layout can have all of these names. Writes nothing. Errc::invalid_argument if a name breaks
// the grammar, unless a transferred entry already has it. Errc::ambiguous if a name belongs to several
// images. If references are files in `refs/`: Errc::unsupported if an image has no name or a name occurs
// twice; Errc::clobber if a name exists for an image with another full name.
Status check_names(const LayoutReader& reader, std::span<const NamedDescriptor> images,
                   ReplacedEntry replaced);

}  // namespace layoutfs
