#include "fs/tree/open_erofs.h"

#include <utility>

#include "layoutfs/log.h"

namespace layoutfs {

Result<OpenErofs::ErofsPtr> OpenErofs::open(IndexCache cache, const ImageTree& tree, const Digest& digest,
                                            ErofsContent content, const Context& context) {
  const Key key(digest, content);
  if (auto found = files_.find(key)) return *std::move(found);
  const auto open_now = [&]() -> Result<ErofsPtr> {
    // Another thread may have opened it in the meantime.
    if (auto found = files_.find(key)) return *std::move(found);
    auto stored = open_erofs(cache, tree, digest, {ErofsPlacement::appended, content});
    if (stored) {
      files_.keep(key, stored->image, stored->file ? 0 : stored->image->file.bytes.size());
      return std::move(stored->image);
    }
    if (stored.error().code() == Errc::unsupported) {
      log(LogLevel::warning, digest.str() + ": " + stored.error().message());
      files_.keep(key, fail(Error(stored.error())), 0);
    }
    return fail(std::move(stored).error());
  };
  return flights_.run(key, open_now, context);
}

}  // namespace layoutfs
