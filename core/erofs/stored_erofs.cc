#include "core/erofs/stored_erofs.h"

#include <string>
#include <utility>

#include "core/erofs/erofs_file.h"
#include "layoutfs/log.h"

namespace layoutfs {
namespace {

Result<StoredErofs> load(const IndexCache& cache, const ImageTree& tree, const Digest& manifest,
                         ErofsPlacement placement) {
  auto stored = open_cached_erofs(cache, manifest, placement);
  if (stored && stored->image->inode_count != tree.inode_count())
    return fail(Errc::corrupt, "EROFS file: belongs to another tree");
  return stored;
}

}  // namespace

CacheKind cache_kind_of(ErofsPlacement placement) noexcept {
  return placement == ErofsPlacement::appended ? CacheKind::erofs_file : CacheKind::erofs;
}

Result<StoredErofs> open_cached_erofs(const IndexCache& cache, const Digest& manifest,
                                      ErofsPlacement placement) {
  if (!cache.files()) return fail(Errc::not_found, "nothing is stored");
  auto file = cache.files()->open(cache_kind_of(placement), manifest);
  if (!file) return fail(std::move(file).error());
  auto mapped = MappedFile::of(file->get(), manifest.hex());
  if (!mapped) return fail(std::move(mapped).error());
  auto image = open_erofs_file(SharedBytes::of(std::move(*mapped)), manifest, placement);
  if (!image) return fail(std::move(image).error());
  return StoredErofs{std::make_shared<const ErofsImage>(std::move(*image)), std::move(*file)};
}

Result<StoredErofs> open_erofs(IndexCache& cache, const ImageTree& tree, const Digest& manifest,
                               ErofsPlacement placement) {
  const std::string name = "EROFS of " + manifest.str();
  if (auto stored = load(cache, tree, manifest, placement)) {
    log(LogLevel::debug, name + ": loaded");
    return stored;
  } else if (stored.error().code() != Errc::not_found) {
    log(LogLevel::info, name + ": " + stored.error().message() + "; making it again");
  }
  auto made = make_erofs(tree, manifest, placement);
  if (!made) return fail(std::move(made).error());
  log(LogLevel::info, name + ": made, " + std::to_string(made->metadata.size()) + " bytes");
  if (auto kept = cache.store(cache_kind_of(placement), manifest, made->file); !kept)
    return fail(std::move(kept).error());
  if (auto stored = load(cache, tree, manifest, placement)) return stored;
  // It could not be stored.
  return StoredErofs{std::make_shared<const ErofsImage>(std::move(*made)), {}};
}

}  // namespace layoutfs
