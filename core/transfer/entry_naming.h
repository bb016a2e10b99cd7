// The changes of a layout's entries when images get names.
#pragma once

#include <span>
#include <vector>

#include "core/transfer/reference_batch.h"
#include "layoutfs/engine.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Returns the changes of ReferenceBatch::write() in an index.json.
//
// A transferred entry (NamedDescriptor::is_entry) keeps its place if the layout has it: the same image with
// the same names. Otherwise it becomes a new one, in the order of `images`, or replaces an entry of its image
// without a name and other information. Entries with the same names for other images lose their names, unless
// they are for other platforms. Entries that share only ref.name are unchanged.
//
// Any other image with a name keeps its place if it has that name. The previous holder of the name loses it,
// and also its full name if that equals the new one. If there are several holders with different full names,
// the one with the full name of the new entry loses it; Errc::ambiguous if there is none. If a name occurs
// twice in `images`, the last one wins.
//
// An entry that has lost its names stays without them, or is removed if another entry is the same image. With
// ReplacedEntry::removed it is removed in any case, and the new one takes its place; Errc::ambiguous if it is
// one of several images. An image without a name that is not a transferred entry becomes an entry only if it
// has none.
Result<ReferenceChanges> changes_to_name(const References& now, std::span<const NamedDescriptor> images,
                                         ReplacedEntry replaced);

}  // namespace layoutfs
