// How to rebuild the tar of a layer, byte for byte, from the files of the merged tree: the format of
// github.com/vbatts/tar-split (tar/storage), which containers/storage keeps as LAYER.tar-split.gz.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/engines/crc64.h"
#include "core/image/image_tree.h"
#include "core/layer/layer_entries.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// A file with content that is not part of the record.
struct SplitFile {
  std::string path;
  std::uint64_t offset;  // of the content in the layer's stream
  std::uint64_t size;    // bytes, not 0
};

// Returns the files of the layer `number` that `tree` shows with exactly these bytes at their own paths, in
// the order of the stream. `tree` is that of the layers up to this one, which has `entries`. No component of
// such a path is a symlink: engines open DIFF/PATH and follow symlinks, even out of the tree, so all other
// content belongs into the record. A sparse file belongs there, too, since its content differs from the bytes
// in the tar.
std::vector<SplitFile> files_to_split(const ImageTree& tree, std::uint32_t number,
                                      const LayerEntries& entries);

// Writes a record from the stream of the layer. The record is JSON, one entry in each line: bytes of the tar,
// or a file with its checksum. Bytes are passed on in pieces, so memory is bounded.
class TarSplitWriter {
 public:
  using Sink = std::function<Status(ByteView)>;
  // `files` are in the order of the stream and do not overlap.
  TarSplitWriter(std::vector<SplitFile> files, Sink sink);

  // Adds the next bytes of the stream. Errors are those of the sink.
  Status feed(ByteView bytes);
  // Call it at the end of the stream. Errc::corrupt if it ends before the last file does.
  Status finish();

 private:
  Status add_raw(ByteView bytes);
  Status write_raw();
  Status write_file(const SplitFile& file);
  Status write_line(std::string line);

  const std::vector<SplitFile> files_;
  const Sink sink_;
  std::size_t next_ = 0;        // in files_
  std::uint64_t position_ = 0;  // in the stream
  std::uint64_t lines_ = 0;
  Bytes raw_;
  Crc64 crc_;  // of the part of the current file
};

// Returns a record of `count` blocks of zeros, to be appended to another one.
std::string tar_split_of_zero_blocks(std::size_t count);

}  // namespace layoutfs
