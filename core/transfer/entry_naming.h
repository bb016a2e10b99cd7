// What becomes of a layout's entries when images get names in it.
#pragma once

#include <span>
#include <vector>

#include "core/transfer/reference_batch.h"
#include "layoutfs/engine.h"
#include "layoutfs/error.h"

namespace layoutfs {

// What ReferenceBatch::write() changes where references are entries of index.json.
//
// An entry that is taken over (NamedDescriptor::is_entry) keeps its place, if the layout has it: the same
// image by the same names. Otherwise it becomes a new one, in the order of `images`, or takes an entry of its
// image that has no name and says nothing else. Entries of the same names and of other images lose their
// names, unless they are for other platforms; entries that share ref.name alone stay as they are.
//
// An image that gets a name, and is no entry of another layout, keeps its place if it has the name. What has
// the name loses it, with its full name if that is also the new one's. Of several images with different full
// names, it is the one with the full name of the new entry that loses it; Errc::ambiguous if that is none of
// them. Of one name the last image counts.
//
// An entry that has lost its names stays without them, or goes if another entry is the same image. With
// ReplacedEntry::removed it goes in any case, and the new one takes its place; Errc::ambiguous if it is one
// of several images. An image without a name that is no entry of another layout becomes one only if it has
// none.
Result<ReferenceChanges> changes_to_name(const References& now, std::span<const NamedDescriptor> images,
                                         ReplacedEntry replaced);

}  // namespace layoutfs
