// The result of one pass over a layer's blob: its entries, and the points for random access to its stream.
// One file per blob digest, used in place except for the entries.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/base/file.h"
#include "core/codec/span_digest.h"
#include "core/codec/stream_index.h"
#include "core/layer/layer_entries.h"
#include "core/layer/limits.h"
#include "core/tar/tar_parser.h"
#include "layoutfs/bytes.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// What the whole layer is, without its entries.
struct LayerFacts {
  Compression compression;       // of the blob
  std::uint64_t blob_size;       // bytes
  std::uint64_t stream_size;     // bytes of the uncompressed stream
  std::vector<Digest> diff_ids;  // the digest of the stream, followed by the others of diff_id.h

  // Returns the number of blocks of zeros that follow the stream in the tar with this diff_id; nullopt if it
  // is not that of this layer.
  std::optional<std::size_t> missing_blocks(const Digest& diff_id) const;

  // Reads the facts from the content of an index file, without the checks of LayerIndex::open() that take
  // time. Errc::corrupt if it is damaged, or belongs to another version or blob.
  static Result<LayerFacts> read(ByteView file, const Digest& blob);
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
  LayerFacts facts() const;
  // Returns whether these are all diff_ids by which a config may name this layer (diff_id.h), in this order.
  bool has_diff_ids(std::span<const Digest> diff_ids) const;
  std::uint64_t blob_size() const noexcept;
  StreamIndex stream() const;
  std::size_t entry_count() const noexcept;
  // Returns the entries; they are in memory only while somebody holds them, and all holders share them.
  // Thread-safe. Cost: that of LayerEntries::open, if nobody holds them.
  std::shared_ptr<const LayerEntries> entries() const;

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
  // Points ascend in their offsets, and spans as well, but a point may be added after its span. The first
  // point is at the start of the stream.
  void add_point(std::uint64_t offset, std::uint64_t position, ByteView state);
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
