// Where an engine writes what is not yet part of the layout.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/file.h"
#include "core/base/guarded.h"
#include "core/cas/layout_dir.h"

namespace layoutfs {

// Whether a folder is called as an engine calls the one that it makes; it holds a lock on it (flock).
bool is_workspace_name(std::string_view name) noexcept;
// Whether a file in such a folder is called as create_file() calls it.
bool is_temp_file_name(std::string_view name) noexcept;

class Workspace;

// A file that is removed at the end, unless it has been renamed to where it belongs.
class TempFile {
 public:
  TempFile(TempFile&&) = default;
  TempFile& operator=(TempFile&&) = delete;
  ~TempFile();
  int fd() const noexcept { return fd_.get(); }
  // The file stays. There is no fd() from then on.
  void close() { fd_.reset(); }
  // Where it can be linked or renamed from.
  int folder() const noexcept;
  const char* name() const noexcept { return name_.c_str(); }
  // Whether it could be renamed to what nothing is called yet, by renameat2(2) and RENAME_NOREPLACE. Where
  // that is not to be had, or anything else is in the way, nothing has happened.
  bool rename_to_new(int directory, const std::string& name);
  // rename(2) over what is there.
  Status rename_to(int directory, const std::string& name);

 private:
  friend class Workspace;
  struct Folder;
  TempFile(std::shared_ptr<const Folder> folder, std::string name, UniqueFd fd)
      : folder_(std::move(folder)), name_(std::move(name)), fd_(std::move(fd)) {}
  std::shared_ptr<const Folder> folder_;  // null once renamed away, or moved from
  std::string name_;
  UniqueFd fd_;
};

// One folder in the layout's root, made when it is first needed and removed at the end. Thread-safe.
class Workspace {
 public:
  // `layout` must outlive this and every file of it.
  explicit Workspace(const LayoutDir& layout) : layout_(layout) {}
  // An empty file for writing, of mode 0644.
  Result<TempFile> create_file();
  // Removes the folder as soon as no file of it is in use. The next file would get a new one.
  void close();

 private:
  using Folder = TempFile::Folder;
  struct State {
    std::shared_ptr<const Folder> folder;
    std::uint64_t files = 0;  // that were made; for their names
  };
  Result<std::shared_ptr<const Folder>> create_folder() const;

  const LayoutDir& layout_;
  Guarded<State> state_;
};

// Writes a whole file of the layout: who reads it, also after a crash, sees the old one or the new one. Its
// mode is that of the file it replaces, and for root its owner too. A symlink of that name is replaced, not
// followed. `folder` is the handle of "NAME"'s
// folder.
Status replace_file(Workspace& workspace, const LayoutDir& layout, int folder, const std::string& name,
                    ByteView content);

}  // namespace layoutfs
