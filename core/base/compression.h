// Compression formats by their first bytes: names, magic numbers, suffixes of media types. core/codec/codec.h
// decodes the formats of layers.
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
  unsigned char mask = 0xff;  // the significant bits of the first byte
  bool matches(ByteView front) const noexcept;
};

struct CompressionFormat {
  std::string_view name;
  std::array<MagicNumber, 2> magic;  // either one matches; an empty one never matches
  std::string_view command;          // decompresses the file named next to standard output
  // Compression::none if layers do not use the format; such files are only recognized.
  Compression compression = Compression::none;
  // Suffixes of the media type of an uncompressed layer, in OCI (image-spec layer.md) and in Docker.
  // `is_in_docker` if Docker defines the type; otherwise it is read but not written.
  std::string_view oci_suffix, docker_suffix;
  bool is_in_docker = false;
};

// Returns all formats; those of layers come first, in the order of Compression.
std::span<const CompressionFormat> compression_formats() noexcept;
// Returns the format with the magic number at the start of `front`, nullptr if there is none. 6 bytes are
// enough.
const CompressionFormat* find_format(ByteView front) noexcept;

// Returns the compression of a layer by its first bytes, as containerd does, because media types are often
// wrong. Everything else counts as a plain tar.
Compression detect_compression(ByteView front) noexcept;
// Returns "none", "gzip", ...; "unknown" if the number is not a Compression.
std::string_view name_of(Compression compression) noexcept;

}  // namespace layoutfs
