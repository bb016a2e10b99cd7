#include "core/erofs/erofs_file.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>

#include "core/base/check.h"
#include "core/base/xxh3.h"
#include "core/erofs/erofs_format.h"
#include "core/image/tree_format.h"

namespace layoutfs {
namespace {

// Increment it with each change of the metadata or of the file, for example of the rules of FileAttributes.
constexpr std::uint32_t kErofsFileVersion = 2;
// Inodes are numbered as in the tree.
constexpr std::uint32_t kVersion = kErofsFileVersion << 16 | kImageTreeVersion;

constexpr std::array<char, 8> kErofsFileMagic = {'\x89', 'l', 'e', 'r', 'o', 'f', 's', '\n'};

// Little-endian.
struct Trailer {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t form;
  std::uint64_t metadata_size;  // in bytes; whole blocks
  std::uint64_t run_count;
  std::uint64_t data_blocks;
  std::uint64_t inode_count;     // of the tree
  std::array<char, 136> digest;  // as text, padded with zeros
  std::uint64_t checksum;        // XXH3 64 of everything before it
};
static_assert(sizeof(Trailer) == 192 && alignof(Trailer) == 8);
static_assert(sizeof(ErofsRun) == 12 && alignof(ErofsRun) == 4);

// With the bytes that align the trailer.
std::uint64_t size_of_runs(std::uint64_t count) { return erofs::round_up(count * sizeof(ErofsRun), 8); }

std::array<char, 136> text_of(const Digest& digest) {
  std::array<char, 136> out{};
  const std::string text = digest.str();
  check(text.size() < out.size(), "a digest is longer than a SHA-512");
  std::ranges::copy(text, out.begin());
  return out;
}

std::uint32_t number_of(ErofsForm form) {
  return static_cast<std::uint32_t>(form.content) << 8 | static_cast<std::uint32_t>(form.placement);
}

std::uint64_t checksum_of(ByteView file) {
  return XXH3_64bits(file.data(), file.size() - sizeof(Trailer::checksum));
}

// ErofsReader depends on it: the runs cover the device without gaps.
bool are_consistent(std::span<const ErofsRun> runs, const Trailer& trailer) {
  if (trailer.data_blocks >= erofs::kBlockLimit) return false;
  if (runs.empty()) return trailer.data_blocks == 0;
  if (runs.front().block != 0 || runs.back().block >= trailer.data_blocks) return false;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].inode == 0 || runs[i].inode > trailer.inode_count) return false;
    if (i != 0 && runs[i].block <= runs[i - 1].block) return false;
  }
  return true;
}

}  // namespace

std::uint64_t erofs_file_size(std::uint64_t metadata_size, std::uint64_t run_count) {
  return metadata_size + size_of_runs(run_count) + sizeof(Trailer);
}

void seal_erofs_file(Bytes& file, std::span<const ErofsRun> runs, std::uint64_t data_blocks,
                     std::uint64_t inode_count, const Digest& image, ErofsForm form) {
  check(file.size() % kErofsBlockSize == 0, "EROFS metadata is whole blocks");
  Trailer trailer{.magic = kErofsFileMagic,
                  .version = kVersion,
                  .form = number_of(form),
                  .metadata_size = file.size(),
                  .run_count = runs.size(),
                  .data_blocks = data_blocks,
                  .inode_count = inode_count,
                  .digest = text_of(image),
                  .checksum = 0};
  file.resize(erofs_file_size(file.size(), runs.size()));
  const std::span<std::byte> out(file);
  copy_bytes(std::as_bytes(runs), out.subspan(trailer.metadata_size));
  const auto end = out.last(sizeof trailer);
  copy_bytes(std::as_bytes(std::span(&trailer, 1)), end);
  trailer.checksum = checksum_of(file);
  copy_bytes(std::as_bytes(std::span(&trailer, 1)), end);
}

Result<ErofsImage> open_erofs_file(SharedBytes file, const Digest& image, ErofsForm form) {
  const auto corrupt = [](const char* difference) {
    return fail(Errc::corrupt, std::string("EROFS file: ") + difference);
  };
  const ByteView bytes = file.bytes;
  if (bytes.size() < sizeof(Trailer)) return corrupt("shorter than its trailer");
  check(reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(Trailer) == 0,
        "an EROFS file is not aligned");
  const auto trailer = load_le<Trailer>(bytes, bytes.size() - sizeof(Trailer));
  if (trailer.magic != kErofsFileMagic) return corrupt("wrong magic number");
  if (trailer.version != kVersion) return corrupt("unsupported version");
  if (trailer.form != number_of(form)) return corrupt("wrong kind of metadata");
  if (trailer.digest != text_of(image)) return corrupt("belongs to another digest");
  if (trailer.metadata_size > bytes.size() || trailer.run_count > bytes.size() / sizeof(ErofsRun) ||
      erofs_file_size(trailer.metadata_size, trailer.run_count) != bytes.size())
    return corrupt("wrong size");
  if (trailer.checksum != checksum_of(bytes)) return corrupt("wrong checksum");

  const ByteView metadata = bytes.first(trailer.metadata_size);
  if (metadata.empty() || metadata.size() % kErofsBlockSize != 0) return corrupt("inconsistent tables");
  const std::span runs(reinterpret_cast<const ErofsRun*>(bytes.subspan(metadata.size()).data()),
                       trailer.run_count);
  if (!are_consistent(runs, trailer)) return corrupt("inconsistent tables");
  return ErofsImage{.file = std::move(file),
                    .metadata = metadata,
                    .runs = runs,
                    .data_blocks = trailer.data_blocks,
                    .inode_count = trailer.inode_count};
}

}  // namespace layoutfs
