// Additional image stores in storage.conf, the configuration of podman, buildah, skopeo and CRI-O
// (containers-storage.conf(5)).
#pragma once

#include <string>
#include <string_view>

#include "layoutfs/error.h"

namespace layoutfs::tools {

// Returns the text of a new storage.conf with one additional image store. Root's engines need all of
// `driver`, `runroot` and `graphroot`, or ignore the file; those of a user have defaults for them.
std::string new_storage_conf(std::string_view store, bool is_user);

// Return `text`, a storage.conf, with or without the additional image store `store`, a directory. All else,
// comments included, stays as it is. add_image_store() puts it before the others, and returns an equal text
// if it is there. Errc::unsupported if the list of stores is written in another way than
// `additionalimagestores = [...]` below `[storage.options]`; Errc::invalid_argument if it is no TOML there.
Result<std::string> add_image_store(std::string_view text, std::string_view store);
Result<std::string> remove_image_store(std::string_view text, std::string_view store);

}  // namespace layoutfs::tools
