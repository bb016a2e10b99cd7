// The names with which layers delete files (image-spec layer.md, "Whiteouts"). No file of an image has such a
// name.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

#include "core/layer/layer_entries.h"

namespace layoutfs {

inline constexpr std::string_view kWhiteout = ".wh.";
// Names with two prefixes were reserved for aufs, except the opaque marker.
inline constexpr std::string_view kReserved = ".wh..wh.";
inline constexpr std::string_view kOpaque = ".wh..wh..opq";

// Returns whether a component of `path` starts with kWhiteout.
bool has_whiteout_name(std::string_view path);

// Returns whether a component exceeds the limit of Linux; for a whiteout, the name that it removes counts.
bool has_long_name(std::string_view path);

// The entries of one layer with whiteout names in their paths. aufs stored the content of files with several
// names in .wh..wh.plnk/, so hard links may refer to such an entry although it is never visible.
class WhiteoutEntries {
 public:
  explicit WhiteoutEntries(const LayerEntries& entries) : entries_(entries) {}

  // Returns the number of the last entry with that path before entry `before`, which must not decrease
  // between calls. Cost: all calls together read each entry of the layer once.
  std::optional<std::uint32_t> find(std::string_view path, std::uint32_t before);

 private:
  const LayerEntries& entries_;
  std::uint32_t seen_ = 0;  // number of entries processed
  std::map<std::string_view, std::uint32_t> numbers_;
};

}  // namespace layoutfs
