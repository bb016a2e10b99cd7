// Temporary files of an engine, outside of the layout's content.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/file.h"
#include "core/base/guarded.h"
#include "core/cas/layout_dir.h"

namespace layoutfs {

// Returns whether it is the name of an engine's temporary folder. The engine holds a lock (flock) on the
// folder.
bool is_workspace_name(std::string_view name) noexcept;
// Returns whether it is the name of a file from create_file().
bool is_temp_file_name(std::string_view name) noexcept;

class Workspace;

// A temporary file, which the destructor removes unless it was renamed.
class TempFile {
 public:
  TempFile(TempFile&&) = default;
  TempFile& operator=(TempFile&&) = delete;
  ~TempFile();
  int fd() const noexcept { return fd_.get(); }
  // Closes the descriptor and keeps the file. fd() is invalid from then on.
  void close() { fd_.reset(); }
  // Returns the directory for linking or renaming the file.
  int folder() const noexcept;
  const char* name() const noexcept { return name_.c_str(); }
  // Renames to a new name with renameat2(2) and RENAME_NOREPLACE. Returns false, without a change, if the
  // file system does not support that or any other error occurs.
  bool rename_to_new(int directory, const std::string& name);
  // rename(2), which replaces an existing file.
  Status rename_to(int directory, const std::string& name);

 private:
  friend class Workspace;
  struct Folder;
  TempFile(std::shared_ptr<const Folder> folder, std::string name, UniqueFd fd)
      : folder_(std::move(folder)), name_(std::move(name)), fd_(std::move(fd)) {}
  std::shared_ptr<const Folder> folder_;  // null after a rename or a move
  std::string name_;
  UniqueFd fd_;
};

// A folder in the layout's root, created on first use and removed at the end. Thread-safe.
class Workspace {
 public:
  // `layout` must outlive this and all its files.
  explicit Workspace(const LayoutDir& layout) : layout_(layout) {}
  // Creates an empty writable file of mode 0644.
  Result<TempFile> create_file();
  // Removes the folder as soon as no file in it is in use. A later file gets a new folder.
  void close();

 private:
  using Folder = TempFile::Folder;
  struct State {
    std::shared_ptr<const Folder> folder;
    std::uint64_t files = 0;  // number of files so far; for their names
  };
  Result<std::shared_ptr<const Folder>> create_folder() const;

  const LayoutDir& layout_;
  Guarded<State> state_;
};

// Replaces a file of the layout atomically: a reader, even after a crash, sees the old or the new file. Keeps
// the mode of the old file, and for root its owner. A symlink of that name is replaced, not followed.
// `folder` is the handle of the file's folder.
Status replace_file(Workspace& workspace, const LayoutDir& layout, int folder, const std::string& name,
                    ByteView content);

}  // namespace layoutfs
