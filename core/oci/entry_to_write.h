// The entry that a command writes for a name that a user gives: the entry that reading finds by that name.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "layoutfs/descriptor.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

struct EntryToWrite {
  // The names of the entry. If an existing entry has no ref.name, it is empty, and `present` has a value.
  std::string ref_name;
  std::optional<std::string> full_name;
  // The existing entry if it is the image already: there is nothing to write.
  std::optional<Descriptor> present;
};

// Returns the entry that gets the image `digest` if it is to be named `name`. Names match entries by the
// rules of EntryNames (entry_names.h). If `name` is the full name of an existing entry or its familiar form,
// the result is that entry; it is also if `name` matches by another rule and the entry has that digest. If
// `name` is a ref.name or matches nothing, the result is an entry with that ref.name.
//
// Errc::clobber if `name` is only the tag of another image, or lacks its ":latest": the caller must give a
// whole name. Errc::ambiguous if it matches several images. Errc::invalid_argument if reading would take it
// for a digest.
Result<EntryToWrite> find_entry_to_write(const References& references, std::string_view name,
                                         const Digest& digest);

}  // namespace layoutfs
