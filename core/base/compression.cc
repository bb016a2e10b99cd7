#include "core/base/compression.h"

#include <algorithm>

namespace layoutfs {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::array kFormats{
    // RFC 1952, 2.3.1
    CompressionFormat{.name = "gzip",
                      .magic = {{{"\x1f\x8b"sv}}},
                      .command = "gzip -dc",
                      .compression = Compression::gzip,
                      .oci_suffix = "+gzip",
                      .docker_suffix = ".gzip",
                      .is_in_docker = true},
    // RFC 8878, 3.1.1; and 3.1.2: pzstd and seekable files may start with a skippable frame.
    CompressionFormat{.name = "zstd",
                      .magic = {{{"\x28\xb5\x2f\xfd"sv}, {"\x50\x2a\x4d\x18"sv, 0xf0}}},
                      .command = "zstd -dc",
                      .compression = Compression::zstd,
                      .oci_suffix = "+zstd",
                      .docker_suffix = ".zstd"},
    CompressionFormat{.name = "xz",
                      .magic = {{{"\xfd"
                                  "7zXZ"sv}}},
                      .command = "xz -dc"},
    CompressionFormat{.name = "bzip2", .magic = {{{"BZh"sv}}}, .command = "bzip2 -dc"},
    CompressionFormat{.name = "lz4", .magic = {{{"\x04\x22\x4d\x18"sv}}}, .command = "lz4 -dc"},
    CompressionFormat{.name = "lzip", .magic = {{{"LZIP"sv}}}, .command = "lzip -dc"},
    CompressionFormat{.name = "lzma", .magic = {{{"\x5d\x00\x00"sv}}}, .command = "xz -dc"},
    CompressionFormat{.name = "compress", .magic = {{{"\x1f\x9d"sv}}}, .command = "gzip -dc"},
};

constexpr std::size_t kOfLayers = 2;
static_assert(std::ranges::count_if(kFormats, [](const CompressionFormat& format) {
                return format.compression != Compression::none;
              }) == kOfLayers);
static_assert(kFormats[0].compression == Compression::gzip && kFormats[1].compression == Compression::zstd);

}  // namespace

bool MagicNumber::matches(ByteView front) const noexcept {
  if (bytes.empty() || front.size() < bytes.size()) return false;
  const ByteView wanted = as_bytes(bytes);
  return (front[0] & std::byte{mask}) == wanted[0] &&
         std::ranges::equal(front.subspan(1, wanted.size() - 1), wanted.subspan(1));
}

std::span<const CompressionFormat> compression_formats() noexcept { return kFormats; }

const CompressionFormat* find_format(ByteView front) noexcept {
  for (const CompressionFormat& format : kFormats)
    if (std::ranges::any_of(format.magic, [&](const MagicNumber& magic) { return magic.matches(front); }))
      return &format;
  return nullptr;
}

Compression detect_compression(ByteView front) noexcept {
  const CompressionFormat* const format = find_format(front);
  return format == nullptr ? Compression::none : format->compression;
}

std::string_view name_of(Compression compression) noexcept {
  if (compression == Compression::none) return "none";
  const auto found = std::ranges::find(kFormats, compression, &CompressionFormat::compression);
  return found == kFormats.end() ? "unknown" : found->name;
}

}  // namespace layoutfs
