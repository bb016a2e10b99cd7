// Moves a tree that was written into the directory where people want it.
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

// Each entry appears at its place at once, whole. A directory that exists is entered, and keeps its
// attributes; a symlink in the place of a directory is never followed.
class Placement {
 public:
  // All of these must outlive it. `force`: other files are replaced, else they are an error.
  Placement(const ImageTree& tree, const ExtractPlan& plan, const FileAttributesWriter& attributes,
            bool force);

  // Errc::already_exists if something below `target` is in the way, naming it. Changes nothing.
  Status check(int target) const { return visit(0, -1, target, ""); }
  // Moves everything from `top`. Errc::already_exists as above; what was moved before stays.
  Status move(int top, int target) const { return visit(0, top, target, ""); }

 private:
  struct Child {
    std::string_view name;
    std::size_t directory;  // position in the plan; 0 for anything else
  };

  // Without `from` (-1) only checks.
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
