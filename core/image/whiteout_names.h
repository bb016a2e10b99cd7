// The names by which layers delete (image-spec layer.md, "Whiteouts"). No file of an image has one of them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

#include "core/layer/layer_index.h"

namespace layoutfs {

inline constexpr std::string_view kWhiteout = ".wh.";
// Names with two prefixes were aufs's own, but for that of the opaque marker.
inline constexpr std::string_view kReserved = ".wh..wh.";
inline constexpr std::string_view kOpaque = ".wh..wh..opq";

// Returns true if a component of `path` begins with kWhiteout.
bool has_whiteout_name(std::string_view path);

// Returns true if a component is longer than Linux allows. Of a whiteout, that is the name which it removes.
bool has_long_name(std::string_view path);

// The entries of one layer whose paths have whiteout names. aufs kept the content of files with several names
// in .wh..wh.plnk/, so hard links may name such an entry though it never shows itself.
class WhiteoutEntries {
 public:
  explicit WhiteoutEntries(const LayerIndex& index) : index_(index) {}

  // Returns the number of the last entry of that path before entry `before`, which must not become smaller
  // from one call to the next. Cost: all calls together read each entry of the layer once.
  std::optional<std::uint32_t> find(std::string_view path, std::uint32_t before);

 private:
  const LayerIndex& index_;
  std::uint32_t seen_ = 0;  // entries that numbers_ knows
  std::map<std::string_view, std::uint32_t> numbers_;
};

}  // namespace layoutfs
