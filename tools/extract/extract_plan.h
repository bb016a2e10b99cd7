// The files of an image that an extraction writes, in the order in which it writes them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/image/image.h"
#include "layoutfs/error.h"

namespace layoutfs::tools {

// Names are views of the image's tree, or of the paths that the plan was made of.
struct PlannedDirectory {
  Inode inode;         // 0 for the top, if that is no directory of the image
  std::size_t parent;  // position among the directories, below its own; the top's is itself
  std::string_view name;
};
struct PlannedFile {  // anything but a directory
  Inode inode;
  std::size_t directory;
  std::string_view name;
};
struct PlannedLink {  // a further name of a file
  std::size_t file;   // position among the files
  std::size_t directory;
  std::string_view name;
};

struct ExtractPlan {
  std::vector<PlannedDirectory> directories;  // parents first; the first one is the top
  std::vector<PlannedFile> files;             // by the position of their data in the layers
  std::vector<PlannedLink> links;
  // Ends of groups of files: each is work for one thread, some megabytes that follow each other in a layer.
  std::vector<std::size_t> group_ends;
  std::uint64_t bytes = 0;  // of all files, holes excluded

  // For messages: relative to the top.
  std::string path_of(std::size_t directory, std::string_view name) const;
};

// Returns the plan for the files at `paths`, which must outlive it, each under its last component, with all
// below it. A symlink as the last component is meant itself. The root, if it is the only path, is the top; so
// it is if there are no paths. Errc::not_found; Errc::invalid_argument for the root beside other paths, or
// two paths with one last component.
Result<ExtractPlan> plan_extraction(const Image& image, const std::vector<std::string>& paths);

}  // namespace layoutfs::tools
