// The members of a file of an image in the output of --json.
#pragma once

#include <string_view>

#include "core/base/json.h"
#include "core/image/image_tree.h"

namespace layoutfs::tools {

// Returns for example "file" or "directory".
std::string_view name_of(EntryType type);

inline bool is_device(EntryType type) { return type == EntryType::character || type == EntryType::block; }

// Writes a member `name`, and a second one, `name`Base64, if JSON cannot represent all bytes.
void write_bytes(JsonWriter& json, std::string_view name, std::string_view value);

// Writes the type, the attributes and the xattrs of an inode into the current object.
void write_inode(JsonWriter& json, const ImageTree& tree, Inode number);

}  // namespace layoutfs::tools
