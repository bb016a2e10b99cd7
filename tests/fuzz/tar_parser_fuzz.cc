// Fuzzes the tar parser: however a stream is cut, and whether data is fed or skipped, its entries are the
// same.
#include "core/tar/tar_parser.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/tar_writer.h"
#include "tests/tar/parse_tar.h"

namespace layoutfs::fuzzing {
namespace {

struct Parsed {
  std::vector<TarEntry> entries;
  std::string error;  // empty: none
};

enum class Data { feed, skip };

Parsed parse(ByteView tar, Choices choices, std::size_t longest_piece, Data data) {
  Parsed parsed;
  TarParser parser([&parsed](TarEntry&& entry) -> Status {
    parsed.entries.push_back(std::move(entry));
    return {};
  });
  Status status;
  while (status && !tar.empty()) {
    if (data == Data::skip && parser.skippable() != 0) {
      const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(parser.skippable(), tar.size()));
      const std::size_t size = choices.below(2) == 0 ? most : choices.below(most + 1);
      parser.skip(size);
      tar = tar.subspan(size);
    }
    const std::size_t piece = std::min(tar.size(), 1 + choices.below(longest_piece));
    status = parser.feed(tar.first(piece));
    tar = tar.subspan(piece);
  }
  if (status) status = parser.finish();
  if (!status) parsed.error = status.error().message();
  return parsed;
}

void check_entry(const TarEntry& entry) {
  check(clean_path(entry.path) == entry.path, "a path is not clean");
  check(entry.path.find('\0') == std::string::npos && entry.target.find('\0') == std::string::npos,
        "a name holds a NUL");
  if (entry.type == EntryType::hardlink)
    check(clean_path(entry.target) == entry.target, "a target is not clean");
  check(entry.mode <= 07777 && entry.mtime.nanoseconds <= 999'999'999, "a mode or time is out of range");
  check(entry.type == EntryType::file || (entry.size == 0 && !entry.is_sparse), "what is no file has a size");
  check(entry.is_sparse || entry.extents.empty(), "a file that is not sparse has extents");
  std::uint64_t end = 0;
  for (const Extent& extent : entry.extents) {
    check(extent.size != 0 && extent.offset >= end, "extents do not ascend");
    check(extent.offset <= entry.size && extent.size <= entry.size - extent.offset, "an extent is outside");
    end = extent.offset + extent.size;
  }
  for (std::size_t i = 1; i < entry.xattrs.size(); ++i)
    check(entry.xattrs[i - 1].first < entry.xattrs[i].first, "xattrs are not sorted");
}

// `size` is that of a tar that was read to its end.
void check_is_inside(const TarEntry& entry, std::uint64_t size) {
  const auto is_inside = [size](std::uint64_t offset, std::uint64_t length) {
    return offset <= size && length <= size - offset;
  };
  if (entry.type != EntryType::file) return;
  if (!entry.is_sparse)
    check(is_inside(entry.stream_offset, entry.size), "a file's data is outside the stream");
  for (const Extent& extent : entry.extents)
    check(is_inside(extent.stream_offset, extent.size), "an extent's data is outside the stream");
}

void check_same(const Parsed& one, const Parsed& other) {
  check(one.error == other.error, "the error depends on how the stream is cut");
  check(one.entries.size() == other.entries.size(), "the number of entries depends on how the stream is cut");
  for (std::size_t i = 0; i < one.entries.size(); ++i)
    check(testing::describe(one.entries[i]) == testing::describe(other.entries[i]),
          "an entry depends on how the stream is cut");
}

bool is_zero(ByteView block) {
  return std::ranges::all_of(block, [](std::byte byte) { return byte == std::byte{0}; });
}

bool has_end_marker(ByteView tar) {
  for (std::size_t at = 0; at + 1024 <= tar.size(); at += 512)
    if (is_zero(tar.subspan(at, 1024))) return true;
  return false;
}

// Behind anything but two blocks of zeros, an entry is shown, or the tar is refused.
void check_nothing_is_hidden(const Parsed& whole, Bytes tar, Choices choices) {
  if (!whole.error.empty() || tar.size() % 512 != 0 || has_end_marker(tar)) return;
  const std::string entry = std::move(testing::TarWriter().file("behind", "")).text(0);
  tar.insert(tar.end(), as_bytes(entry).begin(), as_bytes(entry).end());
  const Parsed longer = parse(tar, choices, SIZE_MAX >> 1, Data::feed);
  check(!longer.error.empty() || longer.entries.size() > whole.entries.size(), "an entry is hidden");
}

void run(Input input) {
  const std::uint8_t how = input.byte();
  const Choices choices(input.number());
  Bytes tar = copy_of(input.rest());
  if ((how & 1) != 0) repair_checksums(tar);

  const Parsed whole = parse(tar, choices, SIZE_MAX >> 1, Data::feed);
  for (const TarEntry& entry : whole.entries) {
    check_entry(entry);
    if (whole.error.empty()) check_is_inside(entry, tar.size());
  }
  check_nothing_is_hidden(whole, tar, choices);
  const std::size_t longest_piece = std::size_t{1} << (how >> 1) % 12;
  check_same(whole, parse(tar, choices, longest_piece, Data::feed));
  check_same(whole, parse(tar, choices, longest_piece, Data::skip));
}

}  // namespace
}  // namespace layoutfs::fuzzing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  layoutfs::fuzzing::run({data, size});
  return 0;
}
