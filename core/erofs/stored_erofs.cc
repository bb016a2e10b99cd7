#include "core/erofs/stored_erofs.h"

#include <string>
#include <utility>

#include "core/base/check.h"
#include "core/erofs/erofs_file.h"
#include "layoutfs/log.h"

namespace layoutfs {
namespace {

Result<StoredErofs> load(const IndexCache& cache, const ImageTree& tree, const Digest& manifest,
                         ErofsForm form) {
  auto stored = open_cached_erofs(cache, manifest, form);
  if (stored && stored->image->inode_count != tree.inode_count())
    return fail(Errc::corrupt, "EROFS file: belongs to another tree");
  return stored;
}

}  // namespace

CacheKind cache_kind_of(ErofsForm form) {
  if (form.content == ErofsContent::layer) {
    check(form.placement == ErofsPlacement::appended, "only one form of a layer is stored");
    return CacheKind::layer_erofs;
  }
  return form.placement == ErofsPlacement::appended ? CacheKind::erofs_file : CacheKind::erofs;
}

Result<StoredErofs> open_cached_erofs(const IndexCache& cache, const Digest& manifest, ErofsForm form) {
  if (!cache.files()) return fail(Errc::not_found, "nothing is stored");
  auto file = cache.files()->open(cache_kind_of(form), manifest);
  if (!file) return fail(std::move(file).error());
  auto mapped = MappedFile::of(file->get(), manifest.hex());
  if (!mapped) return fail(std::move(mapped).error());
  auto image = open_erofs_file(SharedBytes::of(std::move(*mapped)), manifest, form);
  if (!image) return fail(std::move(image).error());
  return StoredErofs{std::make_shared<const ErofsImage>(std::move(*image)), std::move(*file)};
}

Result<StoredErofs> open_erofs(IndexCache& cache, const ImageTree& tree, const Digest& manifest,
                               ErofsForm form) {
  const std::string name = "EROFS of " + manifest.str();
  if (auto stored = load(cache, tree, manifest, form)) {
    log(LogLevel::debug, name + ": loaded");
    return stored;
  } else if (stored.error().code() != Errc::not_found) {
    log(LogLevel::info, name + ": " + stored.error().message() + "; making it again");
  }
  auto made = make_erofs(tree, manifest, form);
  if (!made) return fail(std::move(made).error());
  log(LogLevel::info, name + ": made, " + std::to_string(made->metadata.size()) + " bytes");
  if (auto kept = cache.store(cache_kind_of(form), manifest, made->file); !kept)
    return fail(std::move(kept).error());
  if (auto stored = load(cache, tree, manifest, form)) return stored;
  // It could not be stored.
  return StoredErofs{std::make_shared<const ErofsImage>(std::move(*made)), {}};
}

}  // namespace layoutfs
