#include "tools/cli/sequential_image.h"

#include <cstdint>
#include <utility>

namespace layoutfs::tools {
namespace {

constexpr std::uint64_t kSequentialCacheSize = std::uint64_t{64} << 20;

}  // namespace

Result<SequentialImage> open_sequential_image(const OpenLayout& layout, const Descriptor& manifest,
                                              const std::string& cache_dir, bool is_progress_hidden,
                                              const Context& context) {
  auto indexing = std::make_unique<Progress>("indexing", !is_progress_hidden);
  auto library = std::make_unique<ImageLibrary>(
      layout.reader, open_cache(cache_dir),
      LibraryOptions{.cache_size = kSequentialCacheSize, .progress = indexing_progress(*indexing)});
  auto image = library->image(manifest, context);
  indexing->clear();
  if (!image) return fail(Error(image.error()).with(layout.path));
  return SequentialImage{std::move(indexing), std::move(library), std::move(*image)};
}

}  // namespace layoutfs::tools
