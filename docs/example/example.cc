// A program that uses the layoutfs library: lists the references of an image layout, puts a blob into
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

#include <layoutfs/bytes.h>
#include <layoutfs/images.h>
#include <layoutfs/open.h>
#include <layoutfs/reference.h>
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

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

// The blob is on disk when this returns. If no reference leads to it, gc may remove it after an hour.
Status put_blob(Engine& engine, ByteView content) {
  MemorySource source(content);
  const auto stored = engine.put_blob(source);
  if (!stored) return std::unexpected(stored.error());
  std::cout << "stored " << stored->digest.str() << ", " << stored->size << " bytes\n";
  return {};
}

// The first use of an image reads all of its layers to index them, and caches the indexes. Later reads decode
// only the part of a layer around `offset`.
Status read_file(std::shared_ptr<const LayoutReader> layout, const std::string& reference,
                 const std::string& path, std::uint64_t offset) {
  const auto manifest = find_image(*layout, reference);
  if (!manifest) return std::unexpected(manifest.error());
  Images images(std::move(layout));
  const auto root = images.open(*manifest);
  if (!root) return std::unexpected(root.error());

  const auto file = (*root)->find(path);
  if (!file) return std::unexpected(file.error());
  std::array<std::byte, 16> buffer{};
  const auto got = (*root)->read(*file, buffer, offset);
  if (!got) return std::unexpected(got.error());
  std::cout << path << " has " << (*root)->status(*file).size << " bytes; from byte " << offset
            << " on: " << as_text(ByteView(buffer).first(*got)) << "\n";
  return {};
}

Status run(const std::string& layout, const std::string& reference, const std::string& path,
           std::uint64_t offset) {
  auto opened = open_engine(layout);
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
