// What a program can do with the core of layoutfs: lists the references of an image layout, puts a blob into
// it, and reads from the middle of a file in one of its images, without unpacking or mounting anything.
//
// usage: example LAYOUT REFERENCE PATH OFFSET
#include <array>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/cache/index_cache.h"
#include "core/cas/driver.h"
#include "core/cas/engine.h"
#include "core/image/image_library.h"
#include "core/oci/platform.h"
#include "core/oci/reference.h"

namespace {

using namespace layoutfs;

Status list_references(const LayoutReader& layout) {
  const auto references = layout.references();
  if (!references) return std::unexpected(references.error());
  for (const Descriptor& entry : (*references)->entries)
    std::cout << "reference " << entry.ref_name().value_or("(without a name)") << " " << entry.digest.str()
              << "\n";
  return {};
}

// When it returns the blob is on disk; until a reference leads to it, gc may remove it after an hour.
Status put_blob(Engine& engine, ByteView content) {
  MemorySource source(content);
  const auto stored = engine.put_blob(source);
  if (!stored) return std::unexpected(stored.error());
  std::cout << "stored " << stored->digest.str() << ", " << stored->size << " bytes\n";
  return {};
}

// The first use of an image reads its layers through to index them; what is found out is kept in the cache.
// After that a read decodes no more than what lies around `offset`.
Status read_file(std::shared_ptr<const LayoutReader> layout, const std::string& reference,
                 const std::string& path, std::uint64_t offset) {
  auto manifest = find_reference(*layout, reference);
  if (manifest) manifest = resolve_platform(*layout, *std::move(manifest), host_platform());
  if (!manifest) return std::unexpected(manifest.error());
  ImageLibrary library(layout, IndexCache(IndexCache::default_directory()), {});
  const auto image = library.image(*manifest);
  if (!image) return std::unexpected(image.error());

  const auto inode = (*image)->resolve(path);
  if (!inode) return std::unexpected(inode.error());
  std::array<std::byte, 16> buffer{};
  const auto got = (*image)->read(*inode, buffer, offset);
  if (!got) return std::unexpected(got.error());
  std::cout << path << " has " << (*image)->tree().inode(*inode).size << " bytes; from byte " << offset
            << " on: " << as_text(ByteView(buffer).first(*got)) << "\n";
  return {};
}

Status run(const std::string& layout, const std::string& reference, const std::string& path,
           std::uint64_t offset) {
  auto opened = builtin_drivers().open_engine(layout);
  if (!opened) return std::unexpected(opened.error());
  const std::shared_ptr<Engine> engine = *std::move(opened);
  if (auto listed = list_references(*engine); !listed) return listed;
  if (auto stored = put_blob(*engine, as_bytes("hello\n")); !stored) return stored;
  return read_file(engine, reference, path, offset);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: example LAYOUT REFERENCE PATH OFFSET\n";
    return 2;
  }
  const auto done = run(argv[1], argv[2], argv[3], std::strtoull(argv[4], nullptr, 10));
  if (!done) std::cerr << "example: " << done.error().message() << "\n";
  return done ? 0 : 1;
}
