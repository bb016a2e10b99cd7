// Index files at DIRECTORY/KIND/ALGORITHM/HEX.
#include "core/layer/index_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>

#include "core/base/log.h"

namespace layoutfs {
namespace {

// Whether nobody but this user and root can have written what `status` describes: whoever can write index
// files decides what an image seems to hold.
bool is_trusted(const struct stat& status) {
  return (status.st_uid == ::geteuid() || status.st_uid == 0) && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

// `path` and the directories above it that are missing, 0700.
Status make_directories(const std::string& path) {
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) {
      // A directory that is there may answer something else, such as EROFS.
      const int error = errno;
      struct stat status{};
      if (::stat(part.c_str(), &status) != 0) return fail(Error::system(error, "cannot make " + part));
    }
    if (slash == std::string::npos) return {};
  }
}

Result<UniqueFd> open_trusted_directory(const std::string& path) {
  auto directory = open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  if (!directory) return directory;
  const auto status = stat_of(directory->get(), path);
  if (!status) return fail(Error(status.error()));
  if (!is_trusted(*status)) return fail(Errc::invalid_argument, path + ": others can write this directory");
  return directory;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

struct IndexCache::State {
  std::string directory;  // empty: nothing is kept
  std::atomic<bool> is_unwritable = false;

  std::string directory_of(std::string_view kind, const Digest& digest) const {
    return directory + "/" + std::string(kind) + "/" + std::string(name_of(digest.algorithm()));
  }

  Result<SharedBytes> load(std::string_view kind, const Digest& digest) const;
  Result<SharedBytes> store(std::string_view kind, const Digest& digest, ByteView content) const;
};

Result<SharedBytes> IndexCache::State::load(std::string_view kind, const Digest& digest) const {
  const std::string path = directory_of(kind, digest);
  const auto parent = open_trusted_directory(path);
  if (!parent) return fail(Error(parent.error()));
  struct stat status{};
  if (::fstatat(parent->get(), digest.hex().c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return fail(Error::system(errno, path + "/" + digest.hex()));
  }
  if (!S_ISREG(status.st_mode) || !is_trusted(status)) {
    return fail(Errc::invalid_argument, path + "/" + digest.hex() + ": not a file that only we can write");
  }
  auto file = MappedFile::open(parent->get(), digest.hex());
  if (!file) return fail(std::move(file).error());
  return SharedBytes::of(std::move(*file));
}

Result<SharedBytes> IndexCache::State::store(std::string_view kind, const Digest& digest,
                                             ByteView content) const {
  const std::string path = directory_of(kind, digest);
  if (auto made = make_directories(path); !made) return fail(std::move(made).error());
  const auto parent = open_trusted_directory(path);
  if (!parent) return fail(Error(parent.error()));
  if (auto written = write_file_atomically(parent->get(), digest.hex(), content); !written) {
    return fail(std::move(written).error(), path);
  }
  return load(kind, digest);
}

IndexCache::IndexCache() : IndexCache(std::string()) {}
IndexCache::IndexCache(std::string directory) : state_(std::make_shared<State>()) {
  state_->directory = std::move(directory);
}

std::string IndexCache::default_directory() {
  if (std::string directory = variable("LAYOUTFS_CACHE_DIR"); !directory.empty()) return directory;
  if (::geteuid() == 0) return "/var/cache/layoutfs";
  // The XDG Base Directory Specification has relative paths ignored.
  if (const std::string base = variable("XDG_CACHE_HOME"); base.starts_with('/')) return base + "/layoutfs";
  const std::string home = variable("HOME");
  return home.empty() ? "" : home + "/.cache/layoutfs";
}

std::optional<SharedBytes> IndexCache::load(std::string_view kind, const Digest& digest) const {
  if (state_->directory.empty()) return std::nullopt;
  auto loaded = state_->load(kind, digest);
  if (loaded) return std::move(*loaded);
  if (loaded.error().code() != Errc::not_found) {
    log(LogLevel::debug, "index cache: ignored: " + loaded.error().message());
  }
  return std::nullopt;
}

SharedBytes IndexCache::store(std::string_view kind, const Digest& digest, Bytes content) {
  if (state_->directory.empty() || state_->is_unwritable) return SharedBytes::of(std::move(content));
  auto stored = state_->store(kind, digest, content);
  if (stored) return std::move(*stored);
  if (!state_->is_unwritable.exchange(true)) {
    log(LogLevel::warning, "index cache: " + stored.error().message() + "; indexes are kept in memory only");
  }
  return SharedBytes::of(std::move(content));
}

}  // namespace layoutfs
