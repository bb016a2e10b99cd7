// The files of the cache directory.
#include "core/cache/cache_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <utility>

#include "core/base/environment.h"
#include "core/base/path_in_proc.h"
#include "core/base/user_namespace.h"
#include "core/cache/trusted_directory.h"
#include "core/cas/layout_dir.h"
#include "layoutfs/log.h"

namespace layoutfs {
namespace {

struct KindOfFiles {
  std::string_view folder;
  // The files of a budget are written piece by piece under a lock.
  CacheBudget budget = CacheBudget::none;
  bool is_sparse = false;
};

KindOfFiles row_of(CacheKind kind) noexcept {
  switch (kind) {
    case CacheKind::layer_index:
      return {"layers"};
    case CacheKind::layer_tree:
      return {"layer-trees"};
    case CacheKind::image_tree:
      return {"images"};
    case CacheKind::stack_tree:
      return {"stacks"};
    case CacheKind::tar_split:
      return {"tar-split"};
    case CacheKind::erofs:
      return {"erofs"};
    case CacheKind::erofs_file:
      return {"erofs-files"};
    case CacheKind::layer_erofs:
      return {"layer-erofs"};
    case CacheKind::decoded_copy:
      return {"decoded", CacheBudget::decoded_copies};
    case CacheKind::remote_blob:
      return {"remote", CacheBudget::remote_blobs, true};
    case CacheKind::remote_ranges:
      return {"remote-ranges", CacheBudget::remote_blobs, true};
  }
  return {};
}

// Files that are written at once have no lock, and take less time than this.
constexpr std::chrono::seconds kLeftoverAge = std::chrono::hours(1);

// Returns CachedFile::size.
std::uint64_t size_of(const struct stat& status, const KindOfFiles& kind) noexcept {
  constexpr std::uint64_t kBlock = 512;  // the unit of st_blocks
  return kind.is_sparse ? static_cast<std::uint64_t>(status.st_blocks) * kBlock
                        : static_cast<std::uint64_t>(status.st_size);
}

bool is_named(int fd) noexcept {
  struct stat status{};
  return ::fstat(fd, &status) == 0 && status.st_nlink > 0;
}

// Removes a temporary file if its writer has ended. Returns whether it did.
bool remove_leftover(int folder, const std::string& name, const KindOfFiles& kind) {
  struct stat status{};
  if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode))
    return false;
  UniqueFd locked;  // until it is removed
  if (kind.budget != CacheBudget::none) {
    auto fd = open_at(folder, name, kReadFlags);
    if (!fd || lock_file(fd->get(), LOCK_EX | LOCK_NB) != 0) return false;
    locked = std::move(*fd);
  } else if (status.st_mtim.tv_sec >= std::time(nullptr) - kLeftoverAge.count()) {
    return false;
  }
  return ::unlinkat(folder, name.c_str(), 0) == 0;
}

// List first: removing a file while reading the directory may skip entries.
Result<std::vector<std::string>> names_in(int folder, const std::string& path) {
  auto listed = open_at(folder, ".", kFolderFlags);
  if (!listed) return fail(std::move(listed).error());
  std::vector<std::string> names;
  const auto visit = [&names](const char* name, unsigned char) -> Status {
    names.emplace_back(name);
    return {};
  };
  if (auto visited = for_each_entry(std::move(*listed), path, visit); !visited)
    return fail(std::move(visited).error());
  return names;
}

// Opens `name` in `folder`; `path` is the path of the folder.
Result<UniqueFd> open_trusted_file(const UniqueFd& folder, const std::string& path, const std::string& name,
                                   int flags = kReadFlags) {
  const auto refuse = [&] {
    return fail(Errc::invalid_argument, path + "/" + name + ": others could have written this file");
  };
  auto file = open_at(folder.get(), name, flags);
  if (!file && file.error().sys() == ELOOP) return refuse();  // a symlink, by O_NOFOLLOW
  if (!file) return fail(Error::system(file.error().sys(), path + "/" + name));
  const auto status = stat_of(file->get(), name);
  if (!status) return fail(Error(status.error()));
  if (!S_ISREG(status->st_mode) || !is_trusted(*status)) return refuse();
  return file;
}

}  // namespace

std::string_view name_of(CacheKind kind) noexcept { return row_of(kind).folder; }

// ---- Unfinished files ----

NewCacheFile::~NewCacheFile() {
  if (folder_) ::unlinkat(folder_->get(), name_.c_str(), 0);
}

Result<UniqueFd> NewCacheFile::file() const {
  const int fd = ::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return fail(Error::system(errno, "cache file"));
  return UniqueFd(fd);
}

// ---- Folders ----

CacheDirectory::CacheDirectory(std::string path) : path_(std::move(path)) {}

std::string CacheDirectory::default_path() {
  if (std::string directory = environment_variable("LAYOUTFS_CACHE_DIR"); !directory.empty())
    return directory;
  if (::geteuid() == 0 && is_first_user_namespace()) return "/var/cache/layoutfs";
  const std::string base = xdg_directory("XDG_CACHE_HOME", ".cache");
  return base.empty() ? "" : base + "/layoutfs";
}

// Returns null if the folder must be opened: for the first time, after it was removed, or because others can
// write it now.
CacheDirectory::Handle CacheDirectory::usable_handle(const std::string& path) const {
  auto handles = handles_.lock();
  const auto found = handles->find(path);
  if (found == handles->end()) return nullptr;
  struct stat status{};
  if (::fstat(found->second->get(), &status) == 0 && status.st_nlink > 0 && is_trusted(status))
    return found->second;
  handles->erase(found);
  return nullptr;
}

Result<CacheDirectory::Handle> CacheDirectory::open_root(IfMissing if_missing) const {
  if (auto known = usable_handle(path_)) return known;
  auto opened = open_trusted_directory(path_, if_missing);
  if (!opened) return fail(std::move(opened).error());
  auto handle = std::make_shared<const UniqueFd>(std::move(*opened));
  handles_.lock()->insert_or_assign(path_, handle);
  return handle;
}

Result<std::shared_ptr<const UniqueFd>> CacheDirectory::open_root() const {
  return open_root(IfMissing::fail);
}
Result<std::shared_ptr<const UniqueFd>> CacheDirectory::create_root() const {
  return open_root(IfMissing::create);
}

std::string CacheDirectory::folder_path(CacheKind kind, std::string_view algorithm) const {
  return path_ + "/" + std::string(name_of(kind)) + "/" + std::string(algorithm);
}

Result<CacheDirectory::Handle> CacheDirectory::folder(CacheKind kind, std::string_view algorithm,
                                                      IfMissing if_missing) const {
  const std::string path = folder_path(kind, algorithm);
  if (auto known = usable_handle(path)) return known;
  const auto root = open_root(if_missing);
  if (!root) return fail(Error(root.error()));
  auto opened = open_trusted_directory(**root, path_, path.substr(path_.size() + 1), if_missing);
  if (!opened) return fail(std::move(opened).error());
  auto handle = std::make_shared<const UniqueFd>(std::move(*opened));
  handles_.lock()->insert_or_assign(path, handle);
  return handle;
}

// ---- Files ----

Result<UniqueFd> CacheDirectory::open_file(const std::string& name) const {
  const auto root = open_root();
  if (!root) return fail(Error(root.error()));
  return open_trusted_file(**root, path_, name);
}

Result<UniqueFd> CacheDirectory::open(CacheKind kind, const Digest& digest, int flags) const {
  const auto parent = folder(kind, name_of(digest.algorithm()), IfMissing::fail);
  if (!parent) return fail(Error(parent.error()));
  return open_trusted_file(**parent, folder_path(kind, name_of(digest.algorithm())), digest.hex(), flags);
}

Result<UniqueFd> CacheDirectory::open(CacheKind kind, const Digest& digest) const {
  return open(kind, digest, kReadFlags);
}

Result<UniqueFd> CacheDirectory::open_for_update(CacheKind kind, const Digest& digest) const {
  return open(kind, digest, kReadFlags | O_RDWR);
}

Result<SharedBytes> CacheDirectory::map(CacheKind kind, const Digest& digest) const {
  const auto file = open(kind, digest);
  if (!file) return fail(Error(file.error()));
  auto mapped = MappedFile::of(file->get(), digest.hex());
  if (!mapped) return fail(std::move(mapped).error(), folder_path(kind, name_of(digest.algorithm())));
  return SharedBytes::of(std::move(*mapped));
}

// Lists the files in the folders of a kind. Removes leftover files.
struct CacheDirectory::Survey {
  std::vector<CachedFile> files;
  std::uint64_t bytes = 0;  // of all files, including unfinished ones
};

Result<CacheDirectory::Survey> CacheDirectory::survey(CacheKind kind) const {
  Survey survey;
  for (const Algorithm algorithm : algorithms()) {
    const auto parent = folder(kind, name_of(algorithm), IfMissing::fail);
    if (!parent && parent.error().code() == Errc::not_found) continue;
    if (!parent) return fail(Error(parent.error()));
    const int handle = (*parent)->get();
    const auto names = names_in(handle, folder_path(kind, name_of(algorithm)));
    if (!names) return fail(Error(names.error()));
    for (const std::string& name : *names) {
      struct stat status{};
      if (::fstatat(handle, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode))
        continue;
      const bool is_temporary = is_temporary_name(name);
      if (is_temporary && remove_leftover(handle, name, row_of(kind))) continue;
      const std::uint64_t size = size_of(status, row_of(kind));
      survey.bytes += size;
      if (!is_temporary)
        survey.files.push_back({name, std::string(name_of(algorithm)), size, to_ns(status.st_mtim)});
    }
  }
  return survey;
}

void CacheDirectory::tidy(CacheKind kind, std::string_view algorithm, const Handle& folder) const {
  const std::string path = folder_path(kind, algorithm);
  if (!tidied_.lock()->insert(path).second) return;
  const auto names = names_in(folder->get(), path);
  if (!names) return;
  for (const std::string& name : *names)
    if (is_temporary_name(name)) remove_leftover(folder->get(), name, row_of(kind));
}

Result<std::vector<CachedFile>> CacheDirectory::list(CacheKind kind) const {
  auto found = survey(kind);
  if (!found) return fail(std::move(found).error());
  return std::move(found->files);
}

Status CacheDirectory::store(CacheKind kind, const Digest& digest, ByteView content) const {
  const std::string path = folder_path(kind, name_of(digest.algorithm()));
  const auto parent = folder(kind, name_of(digest.algorithm()), IfMissing::create);
  if (!parent) return fail(Error(parent.error()));
  tidy(kind, name_of(digest.algorithm()), *parent);
  auto written = write_file_atomically((*parent)->get(), digest.hex(), content);
  if (!written) return fail(std::move(written).error(), path);
  return {};
}

Status CacheDirectory::check_writable(CacheKind kind, const Digest& digest) const {
  const auto parent = folder(kind, name_of(digest.algorithm()), IfMissing::create);
  if (!parent) return fail(Error(parent.error()));
  if (::faccessat((*parent)->get(), ".", W_OK | X_OK, AT_EACCESS) == 0) return {};
  return fail(Error::system(errno, folder_path(kind, name_of(digest.algorithm()))));
}

Result<NewCacheFile> CacheDirectory::create(CacheKind kind, const Digest& digest) const {
  auto parent = folder(kind, name_of(digest.algorithm()), IfMissing::create);
  if (!parent) return fail(std::move(parent).error());
  for (;;) {
    std::string name = ".tmp-" + random_name();
    auto fd = open_at((*parent)->get(), name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (!fd && fd.error().sys() == EEXIST) continue;
    if (!fd) return fail(std::move(fd).error(), folder_path(kind, name_of(digest.algorithm())));
    // Until it is locked, another process may remove it as left over. On a file system without locks, none
    // does.
    if (lock_file(fd->get(), LOCK_EX) == 0 && !is_named(fd->get())) continue;
    return NewCacheFile(std::move(*parent), std::move(name), std::move(*fd));
  }
}

Status CacheDirectory::publish(NewCacheFile& file, const Digest& digest) const {
  const int folder = file.folder_->get();
  if (retried([&] { return ::renameat(folder, file.name_.c_str(), folder, digest.hex().c_str()); }) != 0)
    return fail(Error::system(errno, path_));
  file.folder_.reset();
  return {};
}

Status CacheDirectory::publish_new(NewCacheFile& file, const Digest& digest) const {
  const int folder = file.folder_->get();
  const int failure = rename_new(folder, file.name_, folder, digest.hex());
  if (failure == EEXIST) return fail(Errc::already_exists, path_ + ": another process was faster");
  if (failure != 0) return fail(Error::system(failure, path_));
  file.folder_.reset();
  return {};
}

Status CacheDirectory::move(int fd, CacheKind from, CacheKind to, const Digest& digest) const {
  const auto parent = folder(to, name_of(digest.algorithm()), IfMissing::create);
  if (!parent) return fail(Error(parent.error()));
  // A rename could move a file that another process has given the old name in the meantime.
  if (::linkat(AT_FDCWD, path_in_proc(fd).c_str(), (*parent)->get(), digest.hex().c_str(),
               AT_SYMLINK_FOLLOW) != 0 &&
      errno != EEXIST)
    return fail(Error::system(errno, folder_path(to, name_of(digest.algorithm()))));
  auto removed = remove(from, digest);
  if (!removed) return fail(std::move(removed).error());
  return {};
}

bool CacheDirectory::use(int fd) {
  ::futimens(fd, nullptr);  // fails on read-only media, which also need no removal
  return is_named(fd);
}

Result<std::optional<std::uint64_t>> CacheDirectory::remove(CacheKind kind, const Digest& digest) const {
  const std::string path = folder_path(kind, name_of(digest.algorithm()));
  const auto parent = folder(kind, name_of(digest.algorithm()), IfMissing::fail);
  if (!parent && parent.error().code() == Errc::not_found) return std::nullopt;
  if (!parent) return fail(Error(parent.error()));
  tidy(kind, name_of(digest.algorithm()), *parent);
  struct stat status{};
  const char* name = digest.hex().c_str();
  if (::fstatat((*parent)->get(), name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
      ::unlinkat((*parent)->get(), name, 0) == 0)
    return size_of(status, row_of(kind));
  if (errno == ENOENT) return std::nullopt;
  return fail(Error::system(errno, path + "/" + name));
}

void CacheDirectory::make_room(CacheBudget budget, std::uint64_t limit) const {
  struct Candidate {
    CacheKind kind;
    CachedFile file;
  };
  std::vector<Candidate> candidates;
  std::uint64_t bytes = 0;
  for (const CacheKind kind : kCacheKinds) {
    if (row_of(kind).budget != budget) continue;
    auto found = survey(kind);
    if (!found) {
      log(LogLevel::debug, "cache directory: " + found.error().message());
      continue;
    }
    bytes += found->bytes;
    for (CachedFile& file : found->files) candidates.push_back({kind, std::move(file)});
  }
  std::ranges::sort(candidates, {}, [](const Candidate& candidate) { return candidate.file.used_ns; });
  for (const auto& [kind, file] : candidates) {
    if (bytes <= limit) return;
    const auto parent = folder(kind, file.algorithm, IfMissing::fail);
    if (!parent) continue;
    const bool is_removed = ::unlinkat((*parent)->get(), file.name.c_str(), 0) == 0;
    // Another process may have removed it first.
    if (!is_removed && errno != ENOENT) continue;
    bytes -= file.size;
    if (!is_removed) continue;
    log(LogLevel::debug, "cache directory: " + folder_path(kind, file.algorithm) + "/" + file.name +
                             ": removed (least recently used)");
  }
}

}  // namespace layoutfs
