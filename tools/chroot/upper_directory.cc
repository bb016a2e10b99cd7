#include "tools/chroot/upper_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "layoutfs/bytes.h"

namespace layoutfs::tools {
namespace {

constexpr const char* kManifest = "manifest";

// Returns the digest in the file, or an empty string if the file does not exist.
Result<std::string> owner_of(const UniqueFd& directory, const std::string& path) {
  constexpr std::size_t kLimit = 256;
  const auto file = open_at(directory.get(), kManifest, O_RDONLY);
  if (!file && file.error().code() == Errc::not_found) return "";
  if (!file) return fail(Error(file.error()), path);
  const auto text = read_all(file->get(), kManifest, kLimit);
  if (!text) return fail(Error(text.error()), path);
  return std::string(as_text(*text).substr(0, as_text(*text).find('\n')));
}

}  // namespace

Result<UpperDirectory> UpperDirectory::take(const std::string& path, std::span<const UsedPath> used,
                                            const Digest& manifest) {
  UpperDirectory taken;
  if (path.empty()) return taken;
  for (const UsedPath& each : used) {
    if (each.path.empty()) continue;
    if (is_in(path, each.path))
      return fail(Errc::invalid_argument, "--upper " + path + ": inside " + each.what + " " + each.path);
    for (const char* below : {"/upper", "/work"})
      if (leads_through(each.path, path + below))
        return fail(Errc::invalid_argument, "--upper " + path + ": contains " + each.what + " " + each.path);
  }
  taken.path_ = path;
  taken.is_made_ = ::mkdir(path.c_str(), 0755) == 0;
  if (!taken.is_made_ && errno != EEXIST) return std::unexpected(Error::system(errno, path));
  auto directory = open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  if (!directory) return fail(std::move(directory).error());
  taken.directory_ = std::move(*directory);
  if (::flock(taken.directory_.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(Errc::io, path + ": busy: another chroot writes to it");

  const auto owner = owner_of(taken.directory_, path);
  if (!owner) return fail(Error(owner.error()));
  if (*owner == manifest.str()) return taken;
  if (!owner->empty())
    return fail(Errc::invalid_argument, "--upper " + path + ": it belongs to another image, " + *owner +
                                            ", and not to " + manifest.str());
  auto written = write_file_atomically(taken.directory_.get(), kManifest, as_bytes(manifest.str() + "\n"));
  taken.is_named_ = written.has_value();
  if (!written) {
    taken.give_back();
    return fail(std::move(written).error(), path);
  }
  return taken;
}

void UpperDirectory::give_back() {
  if (!directory_) return;
  // Removes the empty directories that overlayfs created. Directories with changes stay.
  if (is_named_) {
    for (const char* empty : {"work/work", "work", "upper"})
      ::unlinkat(directory_.get(), empty, AT_REMOVEDIR);
    struct stat found;
    if (::fstatat(directory_.get(), "upper", &found, AT_SYMLINK_NOFOLLOW) != 0)
      ::unlinkat(directory_.get(), kManifest, 0);
  }
  if (is_made_) ::rmdir(path_.c_str());
}

}  // namespace layoutfs::tools
