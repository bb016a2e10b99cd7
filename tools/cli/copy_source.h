// The source of `layoutfs copy`.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "layoutfs/copy.h"
#include "layoutfs/error.h"
#include "layoutfs/layout_reader.h"
#include "layoutfs/platform.h"
#include "tools/cli/remote.h"

namespace layoutfs::tools {

// Images of one layout. For the layout of a repository, their names are tags.
struct SourceLayout {
  std::string path;
  std::string repository;  // empty unless the layout is a repository's
  std::shared_ptr<const LayoutReader> reader;
  std::vector<NamedDescriptor> images;
};

struct CopySource {
  std::vector<SourceLayout> layouts;  // several for a directory of repositories
};

// Opens `LAYOUT[:REF|@DIGEST]`, which may be an archive, repositories, or an image in a registry. Without a
// reference, takes all entries. With `platform`, takes that platform's manifest of each index.
// Errc::not_found also if there is nothing to copy. Blobs of a registry that are in the cache directory are
// not fetched; if `cache_dir` is empty, that is the default one.
Result<CopySource> open_copy_source(const std::string& operand, const std::optional<Platform>& platform,
                                    bool follow_links, const RemoteArguments& remote,
                                    const std::string& cache_dir);

}  // namespace layoutfs::tools
