// The place of a file's content in the stream of its layer.
#pragma once

#include <cstdint>
#include <optional>

#include "core/tar/tar_parser.h"

namespace layoutfs {

// Returns the offset in the layer's stream of the first byte of content that a file stores: of a sparse file,
// of the first extent. Returns nullopt if nothing is stored: the file is empty or a single hole, or it is not
// a regular file. The contents of two entries of a layer never have the same offset. `File` is an EntryView
// of a layer, or an InodeView of an image.
template <class File>
std::optional<std::uint64_t> data_offset(const File& file) {
  if (file.type != EntryType::file || file.size == 0) return std::nullopt;
  if (!file.is_sparse) return file.stream_offset;
  if (file.extents.empty()) return std::nullopt;
  return file.extents.front().stream_offset;
}

}  // namespace layoutfs
