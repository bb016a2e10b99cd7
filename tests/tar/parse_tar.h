// Runs the tar parser over a whole tar.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/tar/tar_parser.h"

namespace layoutfs::testing {

// The entries of `tar`, fed in pieces of `piece_size` bytes.
inline Result<std::vector<TarEntry>> parse_tar(std::string_view tar, std::size_t piece_size = 1 << 20) {
  std::vector<TarEntry> entries;
  TarParser parser([&entries](TarEntry&& entry) -> Status {
    entries.push_back(std::move(entry));
    return {};
  });
  while (!tar.empty()) {
    const std::string_view piece = tar.substr(0, piece_size);
    if (auto fed = parser.feed(as_bytes(piece)); !fed) return fail(std::move(fed).error());
    tar.remove_prefix(piece.size());
  }
  if (auto finished = parser.finish(); !finished) return fail(std::move(finished).error());
  return entries;
}

// As parse_tar, jumping over the data as a reader does that can seek.
inline Result<std::vector<TarEntry>> parse_tar_jumping(std::string_view tar) {
  std::vector<TarEntry> entries;
  TarParser parser([&entries](TarEntry&& entry) -> Status {
    entries.push_back(std::move(entry));
    return {};
  });
  while (!tar.empty()) {
    const auto jump = static_cast<std::size_t>(std::min<std::uint64_t>(parser.skippable(), tar.size()));
    parser.skip(jump);
    tar.remove_prefix(jump);
    const std::string_view block = tar.substr(0, 512);
    if (auto fed = parser.feed(as_bytes(block)); !fed) return fail(std::move(fed).error());
    tar.remove_prefix(block.size());
  }
  if (auto finished = parser.finish(); !finished) return fail(std::move(finished).error());
  return entries;
}

// Returns all fields of a TarEntry as text, for comparison and messages.
inline std::string describe(const TarEntry& entry) {
  std::string out =
      std::to_string(static_cast<int>(entry.type)) + " '" + entry.path + "' -> '" + entry.target + "'";
  for (const std::uint64_t number :
       {std::uint64_t{entry.mode}, std::uint64_t{entry.uid}, std::uint64_t{entry.gid},
        static_cast<std::uint64_t>(entry.mtime.seconds), std::uint64_t{entry.mtime.nanoseconds},
        std::uint64_t{entry.device_major}, std::uint64_t{entry.device_minor}, entry.size, entry.stream_offset,
        std::uint64_t{entry.is_sparse}}) {
    out += " " + std::to_string(number);
  }
  for (const Extent& extent : entry.extents) {
    out += " [" + std::to_string(extent.offset) + "," + std::to_string(extent.size) + "," +
           std::to_string(extent.stream_offset) + "]";
  }
  for (const auto& [name, value] : entry.xattrs) out += " {" + name + "=" + value + "}";
  return out;
}

inline std::string describe(const Result<std::vector<TarEntry>>& parsed) {
  if (!parsed) return "error: " + parsed.error().message();
  std::string out;
  for (const TarEntry& entry : *parsed) out += describe(entry) + "\n";
  return out;
}

}  // namespace layoutfs::testing
