// Writes the files of a plan into a private directory.
//
// Every call creates one name in an open directory: it opens no existing file for writing and follows no
// symlink. Groups of files are written on all cores. The files of a group are adjacent in a layer, so each
// thread decodes its part of the layer once.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/file.h"
#include "core/image/image.h"
#include "layoutfs/context.h"
#include "layoutfs/error.h"
#include "tools/extract/extract_plan.h"
#include "tools/extract/file_attributes_writer.h"

namespace layoutfs::tools {

class StagedTree {
 public:
  // The references must outlive this. `top` must be empty, and only the caller may access it.
  StagedTree(const Image& image, const ExtractPlan& plan, const FileAttributesWriter& attributes, int top,
             bool is_root)
      : image_(image), plan_(plan), attributes_(attributes), top_(top), is_root_(is_root) {}

  using OnProgress = std::function<void(std::uint64_t bytes)>;  // called by any thread
  // Writes everything except the top's attributes. Errors name the path in the image. Errc::cancelled.
  Status write(const OnProgress& progress, const Context& context);
  // Returns the number of skipped devices; only root can create devices.
  std::uint64_t devices_left_out() const noexcept { return devices_left_out_; }
  // Removes all written files that are still there.
  void remove() noexcept;
  // Opens the directory. A deep one takes several steps, as PATH_MAX limits each.
  Result<UniqueFd> open(std::size_t directory) const;

 private:
  class Directories;

  Status make_directories();
  Status write_group(std::size_t group, const OnProgress& progress, const Context& context);
  Status write_file(int directory, const PlannedFile& file, const OnProgress& progress,
                    const Context& context);
  Status make_other(int directory, const PlannedFile& file, const InodeView& inode);
  Status make_links();
  Status finish_directories();

  const Image& image_;
  const ExtractPlan& plan_;
  const FileAttributesWriter& attributes_;
  const int top_;
  const bool is_root_;
  std::atomic<std::uint64_t> devices_left_out_ = 0;
  std::atomic<std::uint64_t> written_ = 0;
};

}  // namespace layoutfs::tools
