#include "core/cas/blob_folders.h"

#include <sys/stat.h>

#include <atomic>
#include <string>
#include <utility>

namespace layoutfs {
namespace {

std::atomic<int> kept_folders = 0;  // of the process

}  // namespace

BlobFolders::~BlobFolders() { kept_folders -= static_cast<int>(folders_.lock()->size()); }

std::string blob_folder_path(std::string_view name) {
  return std::string(kBlobsFolder) + "/" + std::string(name);
}

Result<UniqueFd> open_blob_folder(const LayoutDir& layout, const std::string& name, int flags) {
  auto folder = layout.open(blob_folder_path(name), flags);
  if (!folder && is_wrong_type(folder.error()))
    return fail(Errc::invalid_image, blob_folder_path(name) + ": not a directory");
  return folder;
}

Result<BlobFolders::FolderPtr> BlobFolders::get(Algorithm algorithm) const {
  if (auto folders = folders_.lock(); true)
    if (const auto kept = folders->find(algorithm);
        kept != folders->end() && std::chrono::steady_clock::now() - kept->second->opened < kLongestUse)
      return kept->second;
  return open(algorithm);
}

Result<BlobFolders::FolderPtr> BlobFolders::open(Algorithm algorithm) const {
  const std::string name(name_of(algorithm));
  const auto now = std::chrono::steady_clock::now();
  auto fd = open_blob_folder(layout_, name, O_PATH | O_DIRECTORY);
  if (!fd) return fail(std::move(fd).error());
  const auto status = stat_of(fd->get(), blob_folder_path(name));
  if (!status) return fail(Error(status.error()));
  auto folder = std::make_shared<const Folder>(Folder{std::move(*fd), status->st_dev, status->st_ino, now});
  keep(algorithm, folder);
  return folder;
}

void BlobFolders::keep(Algorithm algorithm, FolderPtr folder) const {
  auto folders = folders_.lock();
  if (const auto old = folders->find(algorithm); old != folders->end()) {
    old->second.swap(folder);
    return;
  }
  // Operations that can fail come first, so that a failure is not counted.
  folders->emplace(algorithm, std::move(folder));
  if (++kept_folders <= kMostKept) return;
  --kept_folders;
  folders->erase(algorithm);
}

// Returns false if the folder is reached through a symlink: only opening it shows the target.
bool BlobFolders::has_its_name(Algorithm algorithm, const Folder& folder) const {
  struct stat now;
  return ::fstatat(layout_.fd(), blob_folder_path(name_of(algorithm)).c_str(), &now, AT_SYMLINK_NOFOLLOW) ==
             0 &&
         S_ISDIR(now.st_mode) && now.st_dev == folder.device && now.st_ino == folder.inode;
}

}  // namespace layoutfs
