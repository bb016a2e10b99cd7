// Makes the index files of images, for make-seeds.py.
#include "core/cas/driver.h"
#include "core/erofs/stored_erofs.h"
#include "core/image/image_library.h"
#include "core/oci/reference.h"

// usage: make_tables CACHE LAYOUT: of the image in LAYOUT that is called "latest"
int main(int count, char** arguments) {
  using namespace layoutfs;
  if (count != 3) return 2;
  auto engine = builtin_drivers().open_reader(arguments[2]);
  if (!engine) return 1;
  const Platform platform = host_platform();
  const auto reference = find_reference(**engine, "latest", platform);
  if (!reference) return 1;
  const auto manifest = resolve_platform(**engine, *reference, platform);
  if (!manifest) return 1;
  IndexCache cache(arguments[1]);
  ImageLibrary library(*std::move(engine), cache, {});
  const auto image = library.image(*manifest);
  if (!image) return 1;
  return open_erofs(cache, (*image)->tree(), manifest->digest, ErofsPlacement::appended) ? 0 : 1;
}
