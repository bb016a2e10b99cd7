// How pushing and deleting changes the entries of index.json.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/registry/repository_map.h"
#include "layoutfs/engine.h"

namespace layoutfs {

// `manifest` as an entry of each of the tags, or as one without a tag where there are none. The first entry
// of a tag, or without one of this very manifest, is replaced, others of the tag go. Where
// options.keep_untagged says so, a manifest that has lost its last entry by that keeps one without a tag.
// Errc::ambiguous if the tag is of images with different full names, or for different platforms.
Result<ReferenceChanges> changes_to_put(const RepositoryMap& now, std::string_view repository,
                                        const Descriptor& manifest, const std::vector<std::string>& tags,
                                        const RegistryOptions& options);
// Errc::ambiguous likewise.
Result<ReferenceChanges> changes_to_delete_tag(const RepositoryMap& now, std::string_view repository,
                                               std::string_view tag, const RegistryOptions& options);
ReferenceChanges changes_to_delete_manifest(const RepositoryMap& now, std::string_view repository,
                                            const Digest& digest, const RegistryOptions& options);

}  // namespace layoutfs
