// The files of a plan, written below a directory that nobody else can enter.
//
// Every call names its file by the handle of its directory and one name, and creates it: nothing that exists
// is opened for writing, and no symlink is followed. Files are written group by group on all cores; as the
// files of a group follow each other in a layer, each thread decodes a stretch of it once.
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
  // All of these must outlive it. `top` is the directory: empty, and the caller's alone.
  StagedTree(const Image& image, const ExtractPlan& plan, const FileAttributesWriter& attributes, int top,
             bool is_root)
      : image_(image), plan_(plan), attributes_(attributes), top_(top), is_root_(is_root) {}

  using OnProgress = std::function<void(std::uint64_t bytes)>;  // called by any thread
  // Everything but the top's attributes. Errors name the path in the image; Errc::cancelled.
  Status write(const OnProgress& progress, const Context& context);
  // Devices that were left out, as only root can make them.
  std::uint64_t devices_left_out() const noexcept { return devices_left_out_; }
  // Removes what was written and is still there.
  void remove() noexcept;
  // The directory, open. Deep ones are reached in several steps, as PATH_MAX bounds each.
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
