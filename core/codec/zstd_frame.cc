// Parses frame and block headers, and writes the header of a synthetic frame.
#include "core/codec/zstd_frame.h"

#include <array>

#include "core/codec/zstd_context.h"

namespace layoutfs::zstd {
namespace {

constexpr std::uint32_t kFrameMagic = 0xFD2FB528;
constexpr std::uint32_t kSkippableMagic = 0x184D2A50;  // and the following 15 numbers

// RFC 8878, 3.1.1.1.2: the upper five bits are the exponent, the lower three the mantissa in eighths.
std::uint64_t window_of(unsigned descriptor) {
  const auto base = std::uint64_t{1} << (10 + (descriptor >> 3));
  return base + base / 8 * (descriptor & 7);
}

}  // namespace

bool is_frame(ByteView bytes) noexcept { return load_le<std::uint32_t>(bytes) == kFrameMagic; }

bool is_skippable_frame(ByteView bytes) noexcept {
  return (load_le<std::uint32_t>(bytes) & 0xFFFFFFF0U) == kSkippableMagic;
}

Result<std::optional<FrameHeader>> parse_frame_header(ByteView bytes) {
  constexpr std::array<std::size_t, 4> kDictionaryIdSizes = {0, 1, 2, 4};
  constexpr std::array<std::size_t, 4> kContentSizeSizes = {0, 2, 4, 8};
  if (bytes.size() <= kMagicSize) return std::nullopt;
  const auto descriptor = std::to_integer<unsigned>(bytes[kMagicSize]);
  const bool is_single_segment = (descriptor >> 5 & 1) != 0;
  if ((descriptor >> 3 & 1) != 0) return fail(Errc::corrupt, "zstd frame header has a reserved bit set");

  const std::size_t dictionary_at = kMagicSize + 1 + (is_single_segment ? 0 : 1);
  const std::size_t content_size_at = dictionary_at + kDictionaryIdSizes[descriptor & 3];
  const std::size_t content_size_flag = descriptor >> 6;
  const std::size_t content_size_size =
      content_size_flag == 0 && is_single_segment ? 1 : kContentSizeSizes[content_size_flag];
  FrameHeader header{};
  header.size = content_size_at + content_size_size;
  header.has_checksum = (descriptor >> 2 & 1) != 0;
  if (bytes.size() < header.size) return std::nullopt;

  for (const std::byte byte : bytes.subspan(dictionary_at, content_size_at - dictionary_at))
    if (byte != std::byte{0}) return fail(Errc::unsupported, "zstd frame needs a dictionary");
  if (content_size_size > 0) {
    std::uint64_t size = content_size_size == 2 ? 256 : 0;
    for (std::size_t i = 0; i < content_size_size; ++i)
      size += std::to_integer<std::uint64_t>(bytes[content_size_at + i]) << (8 * i);
    header.content_size = size;
  }
  // The window of a single segment is its content.
  header.window_size =
      is_single_segment ? *header.content_size : window_of(std::to_integer<unsigned>(bytes[kMagicSize + 1]));
  if (header.window_size > std::uint64_t{1} << kMaxWindowLog)
    return fail(Errc::unsupported, "zstd frame has a window of more than 128 MiB");
  return header;
}

Result<BlockHeader> parse_block_header(ByteView bytes) {
  const auto fields = std::to_integer<std::uint32_t>(bytes[0]) |
                      std::to_integer<std::uint32_t>(bytes[1]) << 8 |
                      std::to_integer<std::uint32_t>(bytes[2]) << 16;
  const std::size_t size = fields >> 3;
  if (size > kMaxBlockSize) return fail(Errc::corrupt, "invalid zstd stream: block of more than 128 KiB");
  const bool is_last = (fields & 1) != 0;
  switch (fields >> 1 & 3) {
    case 0:
      return BlockHeader{is_last, BlockType::raw, size, size};
    case 1:
      return BlockHeader{is_last, BlockType::rle, 1, size};
    case 2:
      return BlockHeader{is_last, BlockType::compressed, size, 0};
    default:
      return fail(Errc::corrupt, "invalid zstd stream: block of a reserved type");
  }
}

Bytes make_frame_header(std::uint64_t window_size, std::uint8_t dictionary_id) {
  constexpr std::byte kOneByteDictionaryId{1};
  unsigned descriptor = 0;
  while (descriptor < 255 && window_of(descriptor) < window_size) ++descriptor;
  Bytes header(kMagicSize);
  std::memcpy(header.data(), &kFrameMagic, kMagicSize);
  header.push_back(kOneByteDictionaryId);
  header.push_back(static_cast<std::byte>(descriptor));
  header.push_back(std::byte{dictionary_id});
  return header;
}

}  // namespace layoutfs::zstd
