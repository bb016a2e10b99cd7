// Indexes and trees in the cache directory.
#include "core/cache/index_cache.h"

#include <utility>

#include "core/base/guarded.h"
#include "layoutfs/log.h"

namespace layoutfs {

struct IndexCache::State {
  std::string directory;                        // empty: nothing is stored
  std::shared_ptr<const CacheDirectory> files;  // null: nothing is stored
  Keeping keeping = Keeping::where_possible;
  Guarded<std::optional<Error>> write_failure;  // the first one

  // Returns true for the first one.
  bool note_failure(const Error& error) {
    auto failure = write_failure.lock();
    if (*failure) return false;
    *failure = error;
    return true;
  }

  static std::unexpected<Error> no_directory() { return fail(Errc::invalid_argument, "no cache directory"); }
  Result<SharedBytes> store(CacheKind kind, const Digest& digest, ByteView content) const {
    if (!files) return no_directory();
    if (auto stored = files->store(kind, digest, content); !stored) return fail(std::move(stored).error());
    return files->map(kind, digest);
  }
  Status check_writable(CacheKind kind, const Digest& digest) const {
    return files ? files->check_writable(kind, digest) : Status(no_directory());
  }
};

IndexCache::IndexCache() : IndexCache(std::string()) {}
IndexCache::IndexCache(std::string directory, Keeping keeping) : state_(std::make_shared<State>()) {
  if (!directory.empty()) state_->files = std::make_shared<const CacheDirectory>(directory);
  state_->directory = std::move(directory);
  state_->keeping = keeping;
}

const std::string& IndexCache::directory() const noexcept { return state_->directory; }
const std::shared_ptr<const CacheDirectory>& IndexCache::files() const noexcept { return state_->files; }

Result<SharedBytes> IndexCache::load(CacheKind kind, const Digest& digest) const {
  if (!state_->files) return fail(Errc::not_found, "nothing is stored");
  return state_->files->map(kind, digest);
}

Result<SharedBytes> IndexCache::store(CacheKind kind, const Digest& digest, SharedBytes content) {
  const bool is_required = state_->keeping == Keeping::required;
  if (!is_required && (!state_->files || write_failure())) return content;
  auto stored = state_->store(kind, digest, content.bytes);
  if (stored) return stored;
  const Error error = std::move(stored).error().with("index cache");
  const bool is_first = state_->note_failure(error);
  if (is_required) return fail(Error(error));
  if (is_first) log(LogLevel::warning, error.message() + "; indexes are kept in memory only");
  return content;
}

Status IndexCache::prepare(CacheKind kind, const Digest& digest) {
  if (state_->keeping != Keeping::required) return {};
  if (auto failure = write_failure()) return fail(std::move(*failure));
  auto checked = state_->check_writable(kind, digest);
  if (checked) return {};
  const Error error = std::move(checked).error().with("index cache");
  state_->note_failure(error);
  return fail(Error(error));
}

std::optional<Error> IndexCache::write_failure() const { return *state_->write_failure.lock(); }

Result<std::optional<std::uint64_t>> IndexCache::remove(CacheKind kind, const Digest& digest) {
  if (!state_->files) return std::nullopt;
  auto removed = state_->files->remove(kind, digest);
  if (!removed) return fail(std::move(removed).error(), "index cache");
  return removed;
}

}  // namespace layoutfs
