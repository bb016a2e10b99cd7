// What --json says of an entry's names.
#pragma once

#include <string_view>

#include "core/base/json.h"
#include "layoutfs/descriptor.h"

namespace layoutfs::tools {

// The members "name" (ref.name, or null), "fullName" (io.containerd.image.name, if there is one) and
// "reference", which finds the entry: its label (EntryNames).
void write_names(JsonWriter& json, const Descriptor& entry, std::string_view label);

}  // namespace layoutfs::tools
