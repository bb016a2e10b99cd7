// The entries of a layer, in memory. An index file contains them compressed.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "core/layer/limits.h"
#include "core/tar/tar_parser.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// A TarEntry in place. All views live as long as the LayerEntries.
struct EntryView {
  EntryType type;
  bool is_sparse;
  std::uint32_t mode, uid, gid;
  Timestamp mtime;
  std::uint32_t device_major, device_minor;
  std::uint64_t size, stream_offset;
  std::string_view path, target;
  std::span<const Extent> extents;
  std::uint32_t first_xattr, xattr_count;  // for LayerEntries::xattr
};

// Immutable.
class LayerEntries {
 public:
  // Decompresses and checks the tables of entries of an index file for a stream of `stream_size` bytes.
  // Errc::corrupt if they are damaged. Cost: linear in the tables, about 110 bytes for each entry, which stay
  // in memory.
  static Result<std::shared_ptr<const LayerEntries>> open(ByteView packed, std::uint64_t stream_size);

  // Entries in the order of the tar, on which merging depends.
  std::size_t size() const noexcept;
  // Precondition: `number` < size().
  EntryView entry(std::size_t number) const;
  // Returns name and value; `number` counts over all entries of the layer.
  std::pair<std::string_view, std::string_view> xattr(std::uint32_t number) const;

 private:
  struct State;
  explicit LayerEntries(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;

 public:
  ~LayerEntries();
};

}  // namespace layoutfs
