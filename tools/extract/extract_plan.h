// The files of an extraction, in the order in which they are written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/image/image.h"
#include "layoutfs/error.h"

namespace layoutfs::tools {

// Names are views of the image's tree, or of the paths given to plan_extraction().
struct PlannedDirectory {
  Inode inode;  // 0 for the top, if it is not a directory of the image
  std::size_t
      parent;  // position of the parent among the directories, which is smaller; the top is its own parent
  std::string_view name;
};
struct PlannedFile {  // anything but a directory
  Inode inode;
  std::size_t directory;
  std::string_view name;
};
struct PlannedLink {  // an additional name of a file
  std::size_t file;   // position among the files
  std::size_t directory;
  std::string_view name;
};

struct ExtractPlan {
  std::vector<PlannedDirectory> directories;  // parents first, beginning with the top
  std::vector<PlannedFile> files;             // in the order of their data in the layers
  std::vector<PlannedLink> links;
  // The end of each group of files. A group is the work of one thread: some consecutive megabytes of a layer.
  std::vector<std::size_t> group_ends;
  std::uint64_t bytes = 0;  // of all files, without holes

  // Returns a path relative to the top, for messages.
  std::string path_of(std::size_t directory, std::string_view name) const;
};

// Returns the plan for the files at `paths`, which must outlive it. Each path is written under its last
// component, with everything below it. A symlink as the last component is not followed. If the only path is
// the root, or there are no paths, the root is the top. Errc::not_found; Errc::invalid_argument if the root
// is given with other paths, or if two paths have the same last component.
Result<ExtractPlan> plan_extraction(const Image& image, const std::vector<std::string>& paths);

}  // namespace layoutfs::tools
