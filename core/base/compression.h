// The compressions that are told by their first bytes: names, magic numbers, suffixes of media types. How
// those of layers are decoded is in core/codec/codec.h.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "layoutfs/bytes.h"

namespace layoutfs {

// A compression of layers. The numbers are stored in index files.
enum class Compression : std::uint8_t { none, gzip, zstd };

struct MagicNumber {
  std::string_view bytes;
  unsigned char mask = 0xff;  // the bits of the first byte that count
  bool matches(ByteView front) const noexcept;
};

struct CompressionFormat {
  std::string_view name;
  std::array<MagicNumber, 2> magic;  // either one; an empty one matches nothing
  std::string_view command;          // decompresses a FILE that follows to standard output
  // Of layers, Compression::none if they do not have it: files in this format are only recognized.
  Compression compression = Compression::none;
  // Behind the media type of an uncompressed layer: OCI's (image-spec layer.md), Docker's. `is_in_docker` if
  // Docker defines the type; others are read, but not written.
  std::string_view oci_suffix, docker_suffix;
  bool is_in_docker = false;
};

// All formats, those of layers first and in the order of Compression.
std::span<const CompressionFormat> compression_formats() noexcept;
// Returns the format that begins with `front`, of which 6 bytes are enough; nullptr if there is none.
const CompressionFormat* find_format(ByteView front) noexcept;

// Returns the compression of a layer by its first bytes, as containerd does: media types are wrong too often.
// Everything else is taken for a plain tar.
Compression detect_compression(ByteView front) noexcept;
// "none", "gzip", ...; "unknown" for a number that is none of Compression.
std::string_view name_of(Compression compression) noexcept;

}  // namespace layoutfs
