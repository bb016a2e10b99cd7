// Validates the maps of sparse files.
#include "core/tar/sparse.h"

#include <charconv>
#include <limits>
#include <utility>

#include "core/tar/tar_header.h"

namespace layoutfs {
namespace {

constexpr auto kMaxSize = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

}  // namespace

Status SparseMap::add(std::uint64_t offset, std::uint64_t size) {
  if (offset < end_ || offset > kMaxSize || size > kMaxSize - offset) {
    return fail(Errc::corrupt, "extents of the sparse map are out of order");
  }
  end_ = offset + size;
  if (size == 0) return {};
  if (extents_.size() == kMaxExtents)
    return fail(Errc::unsupported, "the sparse map has more than 1000000 extents");
  extents_.push_back({offset, size, stored_});
  stored_ += size;  // not above end_
  return {};
}

Status SparseMap::add_all(const std::vector<std::uint64_t>& numbers) {
  if (numbers.size() % 2 != 0) return fail(Errc::corrupt, "the sparse map ends inside an extent");
  for (std::size_t i = 0; i < numbers.size(); i += 2) {
    if (auto added = add(numbers[i], numbers[i + 1]); !added) return added;
  }
  return {};
}

Result<std::vector<Extent>> SparseMap::finish(std::uint64_t real_size, std::uint64_t stored_size,
                                              std::uint64_t stream_offset) && {
  if (real_size > kMaxSize || end_ > real_size)
    return fail(Errc::corrupt, "the sparse map is larger than the file");
  if (stored_ != stored_size)
    return fail(Errc::corrupt, "the sparse map does not match the size of the data");
  for (Extent& extent : extents_) extent.stream_offset += stream_offset;
  return std::move(extents_);
}

Status add_old_sparse(SparseMap& map, ByteView table, std::size_t count) {
  constexpr std::size_t kWidth = 12;  // of a number
  for (std::size_t i = 0; i < count; ++i) {
    const ByteView offset_field = table.subspan(i * 2 * kWidth, kWidth);
    const ByteView size_field = table.subspan((i * 2 + 1) * kWidth, kWidth);
    if (size_field[0] == std::byte{0}) return {};
    const auto offset = parse_tar_number(offset_field), size = parse_tar_number(size_field);
    if (!offset || !size || *offset < 0 || *size < 0)
      return fail(Errc::corrupt, "invalid number in the sparse map");
    if (auto added = map.add(static_cast<std::uint64_t>(*offset), static_cast<std::uint64_t>(*size));
        !added) {
      return added;
    }
  }
  return {};
}

Status SparseTextMap::feed(ByteView& piece) {
  constexpr std::size_t kMaxDigits = 20;
  while (!piece.empty() && !is_complete()) {
    const char next = static_cast<char>(piece.front());
    piece = piece.subspan(1);
    if (next >= '0' && next <= '9' && digits_.size() < kMaxDigits) {
      digits_.push_back(next);
      continue;
    }
    std::uint64_t number = 0;
    const char* end = digits_.data() + digits_.size();
    const auto parsed = std::from_chars(digits_.data(), end, number);
    if (next != '\n' || parsed.ec != std::errc() || parsed.ptr != end) {
      return fail(Errc::corrupt, "invalid number in the sparse map");
    }
    digits_.clear();
    if (auto added = add_number(number); !added) return added;
  }
  return {};
}

Status SparseTextMap::add_number(std::uint64_t number) {
  if (!remaining_) {
    if (number > kMaxExtents) return fail(Errc::unsupported, "the sparse map has more than 1000000 extents");
    remaining_ = number * 2;
    return {};
  }
  --*remaining_;
  if (!offset_) {
    offset_ = number;
    return {};
  }
  const std::uint64_t offset = *std::exchange(offset_, std::nullopt);
  return map_.add(offset, number);
}

}  // namespace layoutfs
