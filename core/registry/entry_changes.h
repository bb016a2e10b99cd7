// The changes of index.json for pushing and deleting.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/registry/repository_map.h"
#include "layoutfs/engine.h"

namespace layoutfs {

// Returns the changes that make `manifest` an entry of each tag, or an entry without a tag if there are none.
// The first entry of a tag, or the untagged one of this manifest, is replaced; other entries of the tag are
// removed. If options.keep_untagged, a manifest that loses its last entry gets one without a tag.
// Errc::ambiguous if the tag belongs to images with different full names or platforms.
Result<ReferenceChanges> changes_to_put(const RepositoryMap& now, std::string_view repository,
                                        const Descriptor& manifest, const std::vector<std::string>& tags,
                                        const RegistryOptions& options);
// Errc::ambiguous as above.
Result<ReferenceChanges> changes_to_delete_tag(const RepositoryMap& now, std::string_view repository,
                                               std::string_view tag, const RegistryOptions& options);
ReferenceChanges changes_to_delete_manifest(const RepositoryMap& now, std::string_view repository,
                                            const Digest& digest, const RegistryOptions& options);

}  // namespace layoutfs
