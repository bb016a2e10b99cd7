#include "core/commit/sparse_content.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/base/file.h"

namespace layoutfs {
namespace {

constexpr std::uint64_t kUnit = 4096;
constexpr std::size_t kReadSize = std::size_t{256} << 10;
// More extents make a map that is slower to read than zeros.
constexpr std::size_t kMostExtents = 100'000;

bool is_zero(ByteView bytes) {
  return bytes.empty() ||
         (bytes[0] == std::byte{0} && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

// Returns the next offset of that kind, `size` if there is none.
Result<std::uint64_t> seek(int fd, std::uint64_t from, int whence, std::uint64_t size) {
  const off_t found = ::lseek(fd, static_cast<off_t>(from), whence);
  if (found >= 0) return std::min(static_cast<std::uint64_t>(found), size);
  if (errno == ENXIO) return size;
  return std::unexpected(Error::system(errno, "lseek"));
}

// Adds the units of [begin, end) that are not zeros. `begin` is a multiple of the unit.
Status add_data(int fd, std::uint64_t begin, std::uint64_t end, std::vector<Extent>& extents) {
  Bytes buffer(kReadSize);
  for (std::uint64_t at = begin; at < end;) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(kReadSize, end - at));
    const auto size = pread_full(fd, std::span(buffer).first(wanted), at);
    if (!size) return fail(Error(size.error()));
    if (*size == 0) return {};  // the file was truncated, which its reader notices
    for (std::size_t unit = 0; unit < *size; unit += kUnit) {
      const ByteView bytes = ByteView(buffer).subspan(unit, std::min<std::size_t>(kUnit, *size - unit));
      if (is_zero(bytes)) continue;
      const std::uint64_t offset = at + unit;
      if (!extents.empty() && extents.back().offset + extents.back().size == offset)
        extents.back().size += bytes.size();
      else
        extents.push_back({.offset = offset, .size = bytes.size(), .stream_offset = 0});
      if (extents.size() > kMostExtents) return {};
    }
    at += *size;
  }
  return {};
}

}  // namespace

Result<std::optional<std::vector<Extent>>> find_extents(int fd, std::uint64_t size, std::uint64_t least) {
  if (size < least) return std::nullopt;
  auto hole = seek(fd, 0, SEEK_HOLE, size);
  if (!hole) return fail(std::move(hole).error());
  if (*hole >= size) return std::nullopt;
  std::vector<Extent> extents;
  for (std::uint64_t end = 0; end < size && extents.size() <= kMostExtents;) {
    auto begin = seek(fd, end, SEEK_DATA, size);
    if (!begin) return fail(std::move(begin).error());
    if (*begin >= size) break;
    // A unit may begin in a hole and end in data.
    const std::uint64_t start = std::max(*begin / kUnit * kUnit, end);
    auto until = seek(fd, *begin, SEEK_HOLE, size);
    if (!until) return fail(std::move(until).error());
    end = std::min((*until + kUnit - 1) / kUnit * kUnit, size);
    if (auto added = add_data(fd, start, end, extents); !added) return fail(std::move(added).error());
  }
  std::uint64_t stored = 0;
  for (const Extent& extent : extents) stored += extent.size;
  if (extents.size() > kMostExtents || size - stored < least) return std::nullopt;
  return extents;
}

}  // namespace layoutfs
