// Index files at DIRECTORY/KIND/ALGORITHM/HEX.
#include "core/cache/index_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <set>
#include <system_error>
#include <vector>

#include "core/base/guarded.h"
#include "core/base/log.h"
#include "core/base/user_namespace.h"
#include "core/cache/trusted_directory.h"

namespace layoutfs {
namespace {

// Nobody takes that long to write a file.
constexpr std::chrono::seconds kLitterAge = std::chrono::hours(1);

// What writers that were killed have left in `directory`, which is at `path`.
void remove_litter(int directory, const std::string& path) {
  // Listed first: what is removed while a directory is read may make it skip entries.
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error))
    if (std::string name = entry->path().filename(); is_temporary_name(name))
      names.push_back(std::move(name));
  const auto limit = std::time(nullptr) - kLitterAge.count();
  for (const std::string& name : names) {
    struct stat status{};
    if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode) &&
        status.st_mtim.tv_sec < limit)
      ::unlinkat(directory, name.c_str(), 0);
  }
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

struct IndexCache::State {
  std::string directory;  // empty: nothing is kept
  Keeping keeping = Keeping::where_possible;
  Guarded<std::optional<Error>> write_failure;  // the first one
  Guarded<std::set<std::string>> tidied;        // directories without litter

  std::string directory_of(std::string_view kind, const Digest& digest) const {
    return directory + "/" + std::string(kind) + "/" + std::string(name_of(digest.algorithm()));
  }
  void tidy(int parent, const std::string& path) {
    if (tidied.lock()->insert(path).second) remove_litter(parent, path);
  }

  // Whether it is the first one.
  bool note_failure(const Error& error) {
    auto failure = write_failure.lock();
    if (*failure) return false;
    *failure = error;
    return true;
  }

  Result<SharedBytes> load(std::string_view kind, const Digest& digest) const;
  Result<UniqueFd> open_for_writing(const std::string& path);
  Result<SharedBytes> store(std::string_view kind, const Digest& digest, ByteView content);
  Result<std::optional<std::uint64_t>> remove(std::string_view kind, const Digest& digest);
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
  if (!file) return fail(std::move(file).error(), path);
  return SharedBytes::of(std::move(*file));
}

Result<UniqueFd> IndexCache::State::open_for_writing(const std::string& path) {
  if (directory.empty()) return fail(Errc::invalid_argument, "there is no directory to keep indexes in");
  auto parent = open_trusted_directory(path, IfMissing::create);
  if (!parent) return parent;
  if (::faccessat(parent->get(), ".", W_OK | X_OK, AT_EACCESS) != 0) return fail(Error::system(errno, path));
  return parent;
}

Result<SharedBytes> IndexCache::State::store(std::string_view kind, const Digest& digest, ByteView content) {
  const std::string path = directory_of(kind, digest);
  const auto parent = open_for_writing(path);
  if (!parent) return fail(Error(parent.error()));
  tidy(parent->get(), path);
  if (auto written = write_file_atomically(parent->get(), digest.hex(), content); !written) {
    return fail(std::move(written).error(), path);
  }
  return load(kind, digest);
}

Result<std::optional<std::uint64_t>> IndexCache::State::remove(std::string_view kind, const Digest& digest) {
  const std::string path = directory_of(kind, digest);
  const auto parent = open_trusted_directory(path);
  if (!parent && parent.error().code() == Errc::not_found) return std::nullopt;
  if (!parent) return fail(Error(parent.error()));
  tidy(parent->get(), path);
  struct stat status{};
  const char* name = digest.hex().c_str();
  if (::fstatat(parent->get(), name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
      ::unlinkat(parent->get(), name, 0) == 0)
    return static_cast<std::uint64_t>(status.st_size);
  if (errno == ENOENT) return std::nullopt;
  return fail(Error::system(errno, path + "/" + name));
}

IndexCache::IndexCache() : IndexCache(std::string()) {}
IndexCache::IndexCache(std::string directory, Keeping keeping) : state_(std::make_shared<State>()) {
  state_->directory = std::move(directory);
  state_->keeping = keeping;
}

std::string IndexCache::default_directory() {
  if (std::string directory = variable("LAYOUTFS_CACHE_DIR"); !directory.empty()) return directory;
  if (::geteuid() == 0 && is_first_user_namespace()) return "/var/cache/layoutfs";
  // The XDG Base Directory Specification has relative paths ignored.
  if (const std::string base = variable("XDG_CACHE_HOME"); base.starts_with('/')) return base + "/layoutfs";
  const std::string home = variable("HOME");
  return home.empty() ? "" : home + "/.cache/layoutfs";
}

const std::string& IndexCache::directory() const noexcept { return state_->directory; }

Result<SharedBytes> IndexCache::load(std::string_view kind, const Digest& digest) const {
  if (state_->directory.empty()) return fail(Errc::not_found, "nothing is kept");
  return state_->load(kind, digest);
}

Result<SharedBytes> IndexCache::store(std::string_view kind, const Digest& digest, Bytes content) {
  const bool is_required = state_->keeping == Keeping::required;
  if (!is_required && (state_->directory.empty() || write_failure()))
    return SharedBytes::of(std::move(content));
  auto stored = state_->store(kind, digest, content);
  if (stored) return stored;
  const Error error = std::move(stored).error().with("index cache");
  const bool is_first = state_->note_failure(error);
  if (is_required) return fail(Error(error));
  if (is_first) log(LogLevel::warning, error.message() + "; indexes are kept in memory only");
  return SharedBytes::of(std::move(content));
}

Status IndexCache::prepare(std::string_view kind, const Digest& digest) {
  if (state_->keeping != Keeping::required) return {};
  if (auto failure = write_failure()) return fail(std::move(*failure));
  auto opened = state_->open_for_writing(state_->directory_of(kind, digest));
  if (opened) return {};
  const Error error = std::move(opened).error().with("index cache");
  state_->note_failure(error);
  return fail(Error(error));
}

std::optional<Error> IndexCache::write_failure() const { return *state_->write_failure.lock(); }

Result<std::optional<std::uint64_t>> IndexCache::remove(std::string_view kind, const Digest& digest) {
  if (state_->directory.empty()) return std::nullopt;
  auto removed = state_->remove(kind, digest);
  if (!removed) return fail(std::move(removed).error(), "index cache");
  return removed;
}

}  // namespace layoutfs
