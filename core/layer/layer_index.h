// The result of one pass over a layer's blob: its entries, and the points for random access to its stream.
// One file per blob digest, used in place.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/file.h"
#include "core/codec/span_digest.h"
#include "core/codec/stream_index.h"
#include "core/layer/limits.h"
#include "core/tar/tar_parser.h"
#include "layoutfs/bytes.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// A TarEntry in place. All views live as long as the LayerIndex.
struct EntryView {
  EntryType type;
  bool is_sparse;
  std::uint32_t mode, uid, gid;
  Timestamp mtime;
  std::uint32_t device_major, device_minor;
  std::uint64_t size, stream_offset;
  std::string_view path, target;
  std::span<const Extent> extents;
  std::uint32_t first_xattr, xattr_count;  // for LayerIndex::xattr
};

// Immutable.
class LayerIndex {
 public:
  // Opens the content of an index file. Errc::corrupt if it is damaged, or belongs to another version or
  // blob; the caller then rebuilds it. Cost: linear in the tables, which are checked once.
  static Result<std::shared_ptr<const LayerIndex>> open(SharedBytes file, const Digest& blob);

  const Digest& blob() const noexcept;
  // Returns the digest of the uncompressed stream (image-spec config.md, "Layer DiffID").
  const Digest& diff_id() const noexcept;
  // Returns whether a config with this diff_id means this layer; see diff_id.h.
  bool is_diff_id(const Digest& digest) const;
  // Returns whether these are all accepted digests, in this order.
  bool has_diff_ids(std::span<const Digest> diff_ids) const;
  std::uint64_t blob_size() const noexcept;
  StreamIndex stream() const;
  // Entries in the order of the tar, on which merging depends. Precondition: `number` < entry_count().
  std::size_t entry_count() const noexcept;
  EntryView entry(std::size_t number) const;
  // Returns name and value; `number` counts over all entries of the layer.
  std::pair<std::string_view, std::string_view> xattr(std::uint32_t number) const;

 private:
  struct State;
  explicit LayerIndex(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;

 public:
  ~LayerIndex();
};

// Collects the results of the pass, and writes the file for LayerIndex::open.
class LayerIndexBuilder {
 public:
  LayerIndexBuilder();
  ~LayerIndexBuilder();
  // Errc::unsupported if there are more than kMaxEntries, or if the tables would exceed the 2 GiB of a
  // FlatBuffer.
  Status add_entry(const TarEntry& entry);
  void add_point(std::uint64_t offset, std::uint64_t position, ByteView state);
  // Belongs to the point added last.
  void add_span(std::uint64_t offset, const SpanDigest& digest);
  struct Totals {
    Digest blob;
    std::vector<Digest> diff_ids;  // from diff_ids_of
    std::uint64_t blob_size, stream_size;
    Compression compression;
  };
  Result<Bytes> finish(const Totals& totals);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace layoutfs
