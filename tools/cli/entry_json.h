// The names of an entry in the output of --json.
#pragma once

#include <string_view>

#include "core/base/json.h"
#include "layoutfs/descriptor.h"

namespace layoutfs::tools {

// Writes the members "name" (ref.name, or null), "fullName" (io.containerd.image.name, if it exists) and
// "reference" (the entry's label, EntryNames), which finds the entry.
void write_names(JsonWriter& json, const Descriptor& entry, std::string_view label);

}  // namespace layoutfs::tools
