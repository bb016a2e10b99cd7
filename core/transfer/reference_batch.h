// The names of many images, written to a layout in one step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/guarded.h"
#include "core/cas/descriptor.h"
#include "core/cas/engine.h"

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
};

// Thread-safe. Only one thread at a time should write().
class ReferenceBatch {
 public:
  explicit ReferenceBatch(ReplacedEntry replaced = ReplacedEntry::unnamed) : replaced_(replaced) {}

  // Of one name the last one counts.
  void add(std::string name, Descriptor descriptor);
  std::size_t size() const;
  // Gives all of them their names in one Engine::update_references, and forgets them; after an error they are
  // still there. Errc::invalid_argument for a name that breaks the grammar; Errc::not_found for a manifest,
  // or one of the blobs `needed`, that is not there: garbage collection may have removed it, and once the
  // names are there it cannot. Where references are files in `refs/`, each is put for itself,
  // Errc::unsupported stands for those without a name, and those in front of one that fails are written.
  Status write(Engine& engine, std::span<const Digest> needed = {});

 private:
  ReplacedEntry replaced_;
  mutable Guarded<std::vector<NamedDescriptor>> entries_;
};

// What write() changes. An image that has its name already keeps its place, another one takes the first entry
// of its own that has no name, or becomes a new one behind all. What had the name before loses its names, of
// which io.containerd.image.name is one, or goes where another entry is the same image; with
// ReplacedEntry::removed it goes in any case, and the new one takes its place. An image without a name is an
// entry of its own only where it has no other.
ReferenceChanges changes_to_name(const References& now, const std::vector<NamedDescriptor>& images,
                                 ReplacedEntry replaced);

}  // namespace layoutfs
