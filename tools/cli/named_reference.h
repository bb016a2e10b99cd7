// References that commands write under the name that a user gives.
#pragma once

#include <string>

#include "core/oci/entry_to_write.h"
#include "layoutfs/engine.h"
#include "layoutfs/error.h"

namespace layoutfs::tools {

// Returns the entry that gets `descriptor`, and adds the full name of that entry to `descriptor`. Errors are
// those of find_entry_to_write().
Result<EntryToWrite> entry_of_name(const LayoutReader& layout, const std::string& name,
                                   Descriptor& descriptor);

// Checks that a new image can get this name, before the image is made. Errc::clobber, with --force as a hint,
// if another image has it, unless `is_forced`. Errc::invalid_argument if the name breaks the grammar. Errors
// are those of find_entry_to_write().
Status check_new_name(const LayoutReader& layout, const std::string& name, bool is_forced);

// Gives `descriptor` the name. Errors as above, and those of Engine::put_reference().
Status put_named(Engine& engine, const std::string& name, Descriptor descriptor, bool is_forced);

}  // namespace layoutfs::tools
