// Fuzzes the reader of stored EROFS metadata. All data of an accepted file must be safe to read.
#include "core/base/xxh3.h"
#include "core/erofs/erofs_file.h"
#include "core/erofs/erofs_reader.h"
#include "tests/fuzz/table_fuzz.h"
#include "tests/image/merged.h"

namespace layoutfs::fuzzing {
namespace {

// The trailer: a magic number, version and placement, then sizes, then the digest and a checksum.
constexpr std::size_t kTrailer = 192, kSizesBegin = 16, kSizesEnd = 48, kChecksum = 8;

const ImagePtr& some_image() {
  static const ImagePtr image = std::make_shared<const Image>(testing::image_of(
      {testing::TarWriter().file("a", std::string(9000, 'a')).dir("d").symlink("l", "d").file("d/b", "b")}));
  return image;
}

// All parts of the input that an attacker cannot guess are made right; sizes and runs are the input's.
Bytes repaired(ByteView input) {
  static const Bytes right = [] {
    Bytes file(kErofsBlockSize);
    seal_erofs_file(file, {}, 0, 1, testing::kSomeImage, ErofsPlacement::appended);
    return file;
  }();
  Bytes file = copy_of(input);
  if (file.size() < kTrailer) return file;
  const auto trailer = std::span(file).last(kTrailer);
  const auto from = ByteView(right).last(kTrailer);
  copy_bytes(from.first(kSizesBegin), trailer);
  copy_bytes(from.subspan(kSizesEnd, kTrailer - kSizesEnd - kChecksum), trailer.subspan(kSizesEnd));
  const std::uint64_t checksum = XXH3_64bits(file.data(), file.size() - kChecksum);
  copy_bytes(std::as_bytes(std::span(&checksum, 1)), trailer.last(kChecksum));
  return file;
}

void read(const ErofsReader& reader, std::uint64_t offset) {
  constexpr std::uint64_t kSize = 10'000;
  IoBuffers out;
  const std::uint64_t left = offset < reader.size() ? reader.size() - offset : 0;
  if (reader.read(out, kSize, offset)) check(out.size() == std::min(kSize, left), "a read has another size");
}

}  // namespace
}  // namespace layoutfs::fuzzing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace layoutfs;
  using namespace layoutfs::fuzzing;
  const auto opened = open_erofs_file(SharedBytes::of(repaired(std::as_bytes(std::span(data, size)))),
                                      layoutfs::testing::kSomeImage, ErofsPlacement::appended);
  if (!opened) return 0;
  touch(as_text(opened->metadata));
  // Such a file is not used.
  if (opened->inode_count != some_image()->tree().inode_count()) return 0;
  const ErofsReader reader(some_image(), *opened);
  constexpr std::size_t kMostRuns = 64;
  for (const ErofsRun& run : opened->runs.first(std::min(opened->runs.size(), kMostRuns)))
    for (const std::uint64_t shift : {std::uint64_t{0}, std::uint64_t{1}, kErofsBlockSize - 1})
      read(reader, reader.metadata().size() + run.block * kErofsBlockSize + shift);
  for (const std::uint64_t offset : {std::uint64_t{0}, reader.metadata().size() - 1, reader.size() / 2,
                                     reader.size() - 1, reader.size(), UINT64_MAX})
    read(reader, offset);
  return 0;
}
