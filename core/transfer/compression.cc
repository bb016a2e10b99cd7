#include "core/transfer/compression.h"

#include <array>
#include <string_view>

namespace layoutfs {
namespace {

std::string_view algorithm_of(ByteView start) {
  if (start.size() >= 2 && start[0] == std::byte{0x1f} && start[1] == std::byte{0x8b}) return "gzip";
  if (start.size() < 4) return {};
  constexpr std::uint32_t kFrame = 0xfd2fb528, kSkippable = 0x184d2a50;
  const auto magic = load_le<std::uint32_t>(start);
  return magic == kFrame || (magic & ~0xfU) == kSkippable ? "zstd" : "";
}

}  // namespace

Result<BlobInfo> substituted(BlobInfo info, const Digest& digest, const Blob& blob) {
  std::array<std::byte, 4> start;
  const auto got = blob.read_at(start, 0);
  if (!got) return fail(Error(got.error()));
  info.digest = digest;
  info.size = blob.size();
  info.compression_algorithm = algorithm_of(ByteView(start).first(*got));
  info.compression_operation =
      info.compression_algorithm.empty() ? LayerCompression::decompress : LayerCompression::compress;
  return info;
}

}  // namespace layoutfs
