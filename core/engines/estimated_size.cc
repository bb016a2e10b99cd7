#include "core/engines/estimated_size.h"

#include <zstd.h>

#include <array>

namespace layoutfs {
namespace {

// A usual ratio for tars of programs.
constexpr std::uint64_t kUsualRatio = 3;

std::uint64_t guess(const Blob& blob) { return blob.size() * kUsualRatio; }

// A gzip with several members has the size of the last one at its end, one of 4 GiB the size modulo 4 GiB.
// Both are often smaller than the blob, which no other tar of files is.
std::uint64_t gzip_size(const Blob& blob) {
  std::array<std::byte, 4> end{};
  if (blob.size() < end.size()) return guess(blob);
  const auto got = blob.read_at(end, blob.size() - end.size());
  if (!got || *got != end.size()) return guess(blob);
  const std::uint64_t size = load_le<std::uint32_t>(end);
  return size < blob.size() ? guess(blob) : size;
}

std::uint64_t zstd_size(const Blob& blob, ByteView front) {
  const unsigned long long size = ZSTD_getFrameContentSize(front.data(), front.size());
  const bool is_known = size != ZSTD_CONTENTSIZE_UNKNOWN && size != ZSTD_CONTENTSIZE_ERROR;
  return is_known && size >= blob.size() ? size : guess(blob);
}

}  // namespace

EstimatedSize estimated_size(const Blob& blob) {
  std::array<std::byte, 18> front{};  // the longest header of a frame
  const auto got = blob.read_at(front, 0);
  const ByteView read = ByteView(front).first(got ? *got : 0);
  const Compression compression = detect_compression(read);
  switch (compression) {
    case Compression::gzip:
      return {compression, gzip_size(blob)};
    case Compression::zstd:
      return {compression, zstd_size(blob, read)};
    case Compression::none:
      break;
  }
  return {compression, blob.size()};
}

}  // namespace layoutfs
