// Moves a written tree into the target directory.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/image/image_tree.h"
#include "layoutfs/error.h"
#include "tools/extract/extract_plan.h"
#include "tools/extract/file_attributes_writer.h"

namespace layoutfs::tools {

// Each entry appears complete, in one step. Existing directories are entered and keep their attributes. A
// symlink in the place of a directory is never followed.
class Placement {
 public:
  // The arguments must outlive this. With `force`, other existing files are replaced; else they are an error.
  Placement(const ImageTree& tree, const ExtractPlan& plan, const FileAttributesWriter& attributes,
            bool force);

  // Changes nothing. Errc::already_exists, naming it, if a file below `target` is in the way.
  Status check(int target) const { return visit(0, -1, target, ""); }
  // Moves everything from `top`. Errc::already_exists as above; entries that were moved before stay.
  Status move(int top, int target) const { return visit(0, top, target, ""); }

 private:
  struct Child {
    std::string_view name;
    std::size_t directory;  // position in the plan; 0 for anything else
  };

  // Only checks if `from` is -1.
  Status visit(std::size_t directory, int from, int to, const std::string& path) const;
  Status enter(const Child& child, int from, int to, const std::string& path) const;
  Status make_room(const Child& child, bool is_directory_there, int to, const std::string& path) const;
  Status move_one(const Child& child, int from, int to, const std::string& path) const;

  const ImageTree& tree_;
  const ExtractPlan& plan_;
  const FileAttributesWriter& attributes_;
  const bool force_;
  std::vector<std::vector<Child>> children_;  // of each directory of the plan
};

}  // namespace layoutfs::tools
