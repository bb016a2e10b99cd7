#include "core/cas/create.h"

#include <dirent.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "core/base/path_in_proc.h"
#include "core/cas/marker.h"
#include "core/cas/reference_store.h"
#include "core/cas/workspace.h"

namespace layoutfs {
namespace {

// Fails if existence cannot be determined: a missing file would be created again.
Result<bool> is_there(int folder, const char* name) {
  struct stat found;
  if (::fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) == 0) return true;
  if (errno == ENOENT) return false;
  return fail(Error::system(errno, name));
}

Status make_folder(const LayoutDir& layout, int parent, const std::string& name) {
  if (retried([&] { return ::mkdirat(parent, name.c_str(), 0755); }) != 0 && errno != EEXIST)
    return fail(Error::system(errno, name));
  return layout.sync_names(parent, name);
}

Status make_pieces(const LayoutDir& layout, ReferenceFormat format) {
  const int root = layout.fd();
  if (auto made = make_folder(layout, root, kBlobsFolder); !made) return made;
  auto blobs = open_required(layout, kBlobsFolder, kFolderFlags);
  if (!blobs) return fail(std::move(blobs).error());
  if (auto made = make_folder(layout, blobs->get(), std::string(name_of(kBlobAlgorithm))); !made) return made;
  Workspace workspace(layout);
  if (format == ReferenceFormat::refs_dir) {
    if (auto made = make_folder(layout, root, kRefsFolder); !made) return made;
  } else {
    const auto has_index = is_there(root, kIndexFile);
    if (!has_index) return fail(Error(has_index.error()));
    if (!*has_index) {
      auto made = replace_file(workspace, layout, root, kIndexFile, as_bytes(empty_index()));
      if (!made) return made;
    }
  }
  const std::string marker = ImageLayout{std::string(kImageLayoutVersion)}.json();
  return replace_file(workspace, layout, root, kMarkerFile, as_bytes(marker));
}

// Renames the finished directory to its name, unless the name exists.
Status publish(int parent, const std::string& temporary, const std::string& name, const std::string& path) {
  // No lock is necessary: a rename cannot replace a file or a non-empty directory by a directory.
  const int failure = rename_new(parent, temporary, parent, name);
  if (failure == 0) return {};
  if (failure == EEXIST) return fail(Errc::already_exists, path + ": already exists");
  return fail(Error::system(failure, path));
}

// Opens the parent directory of `path`, which is created if missing, and returns it with the last component.
Result<std::pair<UniqueFd, std::string>> open_parent(const std::string& path, bool is_durable) {
  std::string plain = path;
  while (plain.size() > 1 && plain.ends_with('/')) plain.pop_back();
  const std::filesystem::path whole(plain);
  const std::string name = whole.filename().string();
  if (name.empty() || name == "." || name == "..")
    return fail(Errc::already_exists, path + ": already exists");
  const std::string parent = whole.has_parent_path() ? whole.parent_path().string() : ".";
  if (auto made = make_folders(parent, is_durable); !made) return fail(std::move(made).error());
  auto fd = open_at(AT_FDCWD, parent, O_RDONLY | O_DIRECTORY);
  if (!fd) return fail(std::move(fd).error());
  return std::pair(std::move(*fd), name);
}

Status check_only_pieces(const LayoutDir& layout) {
  auto root = open_at(layout.fd(), ".", kFolderFlags);
  if (!root) return fail(std::move(root).error());
  const auto visit = [](const char* entry, unsigned char) -> Status {
    const std::string_view name = entry;
    const bool is_piece = name == kBlobsFolder || name == kRefsFolder || name == kIndexFile ||
                          is_workspace_name(name) || name.starts_with(".layoutfs.");
    if (is_piece) return {};
    return fail(Errc::invalid_image, "not an image layout and not empty (found " + std::string(name) + ")");
  };
  return for_each_entry(std::move(*root), layout.path(), visit);
}

}  // namespace

Status check_unfinished(const LayoutDir& layout, const DirOptions& options) {
  if (const auto has_marker = is_there(layout.fd(), kMarkerFile); !has_marker)
    return fail(Error(has_marker.error()));
  if (!options.is_beside_others) {
    if (auto checked = check_only_pieces(layout); !checked) return checked;
  }
  const auto has_refs = options.is_beside_others ? false : is_there(layout.fd(), kRefsFolder);
  if (!has_refs) return fail(Error(has_refs.error()));
  if (*has_refs) {
    auto refs = open_required(layout, kRefsFolder, kFolderFlags);
    if (!refs) return fail(std::move(refs).error());
    const auto refuse = [](const char*, unsigned char) -> Status {
      return fail(Errc::invalid_image, "oci-layout is missing, and refs has entries");
    };
    if (auto listed = for_each_entry(std::move(*refs), kRefsFolder, refuse); !listed) return listed;
  }
  const auto has_index = is_there(layout.fd(), kIndexFile);
  if (!has_index) return fail(Error(has_index.error()));
  if (!*has_index) return {};
  auto text = read_required(layout, kIndexFile, kIndexLimits.bytes);
  if (!text) return fail(std::move(text).error());
  const auto references = parse_references(std::move(*text), 0);
  if (!references) return fail(Error(references.error()));
  if (!(*references)->entries.empty() || !(*references)->problems.empty())
    return fail(Errc::invalid_image, "oci-layout is missing, and index.json has entries");
  return {};
}

Status complete_layout(const LayoutDir& layout, const DirOptions& options) {
  const auto lock = layout.lock_exclusive(options.context);
  if (!lock) return fail(Error(lock.error()));
  const auto has_marker = is_there(layout.fd(), kMarkerFile);
  if (!has_marker) return fail(Error(has_marker.error()));
  if (*has_marker) return {};
  if (auto checked = check_unfinished(layout, options); !checked) return checked;
  return make_pieces(layout, options.created_with);
}

Status create_dir(const std::string& path, const DirOptions& options) {
  const auto parent = open_parent(path, options.is_durable);
  if (!parent) return fail(Error(parent.error()));
  const auto& [fd, name] = *parent;
  const auto is_taken = is_there(fd.get(), name.c_str());
  if (!is_taken) return fail(Error(is_taken.error()), path);
  if (*is_taken) return fail(Errc::already_exists, path + ": already exists");
  // Not a workspace name, because the parent may be a layout that other processes clean.
  const std::string temporary = ".layoutfs-" + random_name();
  if (auto made = retried([&, at = fd.get()] { return ::mkdirat(at, temporary.c_str(), 0755); }); made != 0)
    return fail(Error::system(errno, path));
  Status done;
  if (auto root = open_at(fd.get(), temporary, O_PATH | O_DIRECTORY | O_NOFOLLOW)) {
    const LayoutDir layout(std::move(*root), path, options.is_durable);
    done = make_pieces(layout, options.created_with);
    if (done) done = publish(fd.get(), temporary, name, path);
    if (done) return layout.sync_names(fd.get(), path);
  } else {
    done = fail(std::move(root).error(), path);
  }
  // The directory is new and has a random name, so no other process uses it.
  const std::string rest = path_in_proc(fd.get()) + "/" + temporary;
  std::error_code ignored;
  std::filesystem::remove_all(rest, ignored);
  return done;
}

}  // namespace layoutfs
