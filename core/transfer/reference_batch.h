// The names of many images, written to a layout in one step.
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

// Thread-safe. Only one thread at a time should write().
class ReferenceBatch {
 public:
  explicit ReferenceBatch(ReplacedEntry replaced = ReplacedEntry::unnamed) : replaced_(replaced) {}

  // Of one name the last one counts, beside every entry of another layout.
  void add(std::string name, Descriptor descriptor);
  void add(NamedDescriptor image);
  std::size_t size() const;
  // Gives all of them their names in one Engine::update_references, and forgets them; after an error they are
  // still there. The errors of check_names(); Errc::not_found for a manifest,
  // or one of the blobs `needed`, that is not there: garbage collection may have removed it, and once the
  // names are there it cannot. Where references are files in `refs/`, each is put for itself, and those in
  // front of one that fails are written. Errc::cancelled.
  Status write(Engine& engine, std::span<const Digest> needed = {}, const Context& context = {});

 private:
  ReplacedEntry replaced_;
  mutable Guarded<std::vector<NamedDescriptor>> entries_;
};

// Whether the layout can hold all of these names; writes nothing. Errc::invalid_argument for a name that
// breaks the grammar, unless it is an entry's own; Errc::ambiguous if a name is given that is of several
// images. Where references are files in `refs/`: Errc::unsupported for an image without a name, and for two
// of one name; Errc::clobber for a name that is there and of an image with another full name.
Status check_names(const LayoutReader& reader, std::span<const NamedDescriptor> images,
                   ReplacedEntry replaced);

}  // namespace layoutfs
