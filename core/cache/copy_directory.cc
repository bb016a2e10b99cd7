// Decoded copies in the cache directory.
#include "core/cache/copy_directory.h"

#include "layoutfs/log.h"

namespace layoutfs {

Result<UniqueFd> CopyDirectory::open(const Digest& blob) const {
  auto file = files_->open(kKind, blob);
  if (file) CacheDirectory::use(file->get());
  return file;
}

void CopyDirectory::remove(const Digest& blob) const {
  ignore(files_->remove(kKind, blob), "a copy that stays is found damaged again");
}

void CopyDirectory::give_up(const Error& why) noexcept {
  if (is_given_up_.exchange(true)) return;
  log(LogLevel::warning,
      "decoded copies: " + why.message() + "; no copies are made, so random reads may be slow");
}

CopyStats CopyDirectory::stats() const noexcept {
  return {.made = made_, .dropped = dropped_, .spans_read = spans_read_};
}

}  // namespace layoutfs
