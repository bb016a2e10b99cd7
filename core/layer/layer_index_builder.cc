// Collects a layer's tables in memory, and writes them as one FlatBuffer at the end.
#include <zstd.h>

#include <new>
#include <string>

#include "core/base/check.h"
#include "core/layer/layer_index.h"
#include "core/layer/layer_index_generated.h"
#include "core/layer/layer_tables.h"
#include "core/layer/table_file.h"
#include "core/layer/text_pool.h"

namespace layoutfs {
namespace {

// Below the 2 GiB of a FlatBuffer, with room for its overhead.
constexpr std::uint64_t kMaxTables = (std::uint64_t{19} << 30) / 10;

// Returns the bytes that an entry may add to the tables.
std::uint64_t table_size(const TarEntry& entry) {
  std::uint64_t size = sizeof(layer_file::Entry) + entry.path.size() + entry.target.size();
  size += entry.extents.size() * sizeof(Extent);
  for (const auto& [name, value] : entry.xattrs)
    size += sizeof(layer_file::Xattr) + name.size() + value.size();
  return size;
}

// Writes `structs` to `builder` and frees them, because tables may be large.
template <class Stored, class T>
auto move_into(flatbuffers::FlatBufferBuilder& builder, std::vector<T>& structs) {
  static_assert(sizeof(T) == sizeof(Stored) && alignof(T) == alignof(Stored));
  const auto written =
      builder.CreateVectorOfStructs(reinterpret_cast<const Stored*>(structs.data()), structs.size());
  std::vector<T>().swap(structs);
  return written;
}

// A higher level makes the tables of a million entries slower, but not smaller.
constexpr int kEntriesLevel = 1;

auto bytes_into(flatbuffers::FlatBufferBuilder& builder, ByteView bytes) {
  return builder.CreateVector(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

struct LayerIndexBuilder::State {
  std::vector<layer_file::Entry> entries;
  std::vector<Extent> extents;
  std::vector<layer_file::Xattr> xattrs;
  std::vector<PointRecord> points;
  std::vector<SpanRecord> spans;
  Bytes states;
  TextPool pool;

  // Assigns each span to the last point at or before it.
  void assign_points();
  // Returns the tables of entries as in the file, and frees them.
  Bytes take_entries();

  std::uint64_t size() const {
    return entries.size() * sizeof(layer_file::Entry) + extents.size() * sizeof(Extent) +
           xattrs.size() * sizeof(layer_file::Xattr) + points.size() * sizeof(PointRecord) +
           spans.size() * sizeof(SpanRecord) + states.size() + pool.bytes().size();
  }

  std::uint64_t place_of(const TarEntry& entry) const {
    if (entry.is_sparse) {
      return join_halves(static_cast<std::uint32_t>(extents.size()),
                         static_cast<std::uint32_t>(entry.extents.size()));
    }
    if (entry.type == EntryType::file) return entry.stream_offset;
    return join_halves(entry.device_major, entry.device_minor);
  }
};

void LayerIndexBuilder::State::assign_points() {
  std::uint64_t point = 0;
  for (SpanRecord& span : spans) {
    check(!points.empty() && points.front().offset <= span.offset, "a span must have an access point");
    while (point + 1 < points.size() && points[point + 1].offset <= span.offset) ++point;
    span.point = point;
  }
}

Bytes LayerIndexBuilder::State::take_entries() {
  flatbuffers::FlatBufferBuilder builder(static_cast<std::size_t>(size()) + 1024);
  const auto pool_bytes = bytes_into(builder, as_bytes(pool.bytes()));
  const auto xattr_table = move_into<layer_file::Xattr>(builder, xattrs);
  const auto extent_table = move_into<layer_file::Extent>(builder, extents);
  const auto entry_table = move_into<layer_file::Entry>(builder, entries);
  builder.Finish(layer_file::CreateEntryTables(builder, entry_table, extent_table, xattr_table, pool_bytes));
  Bytes packed(ZSTD_compressBound(builder.GetSize()));
  const std::size_t packed_size = ZSTD_compress(packed.data(), packed.size(), builder.GetBufferPointer(),
                                                builder.GetSize(), kEntriesLevel);
  if (ZSTD_isError(packed_size))
    throw std::bad_alloc();  // with enough room, lack of memory is the only error
  packed.resize(packed_size);
  return packed;
}

LayerIndexBuilder::LayerIndexBuilder() : state_(std::make_unique<State>()) {}
LayerIndexBuilder::~LayerIndexBuilder() = default;

Status LayerIndexBuilder::add_entry(const TarEntry& entry) {
  State& to = *state_;
  if (to.entries.size() == kMaxEntries || to.size() + table_size(entry) > kMaxTables)
    return fail(Errc::unsupported, "the layer has more entries than an index can hold");
  if (entry.xattrs.size() > kMaxLayerXattrs - to.xattrs.size())
    return fail(Errc::unsupported, "the layer has more xattrs than an index can hold");
  const auto first_xattr = static_cast<std::uint32_t>(to.xattrs.size());
  for (const auto& [name, value] : entry.xattrs) {
    to.xattrs.emplace_back(to.pool.add_shared<layer_file::Text>(name),
                           to.pool.add_shared<layer_file::Text>(value));
  }
  const std::uint64_t place = to.place_of(entry);
  to.entries.emplace_back(
      entry.size, place, entry.mtime.seconds, entry.mtime.nanoseconds, entry.uid, entry.gid,
      to.pool.add<layer_file::Text>(entry.path), to.pool.add_shared<layer_file::Text>(entry.target),
      first_xattr, static_cast<std::uint32_t>(entry.xattrs.size()), static_cast<std::uint16_t>(entry.mode),
      static_cast<std::uint8_t>(entry.type), static_cast<std::uint8_t>(entry.is_sparse));
  to.extents.insert(to.extents.end(), entry.extents.begin(), entry.extents.end());
  return {};
}

void LayerIndexBuilder::add_point(std::uint64_t offset, std::uint64_t position, ByteView state) {
  state_->points.push_back({offset, position, state_->states.size(), state.size()});
  state_->states.insert(state_->states.end(), state.begin(), state.end());
}

void LayerIndexBuilder::add_span(std::uint64_t offset, const SpanDigest& digest) {
  state_->spans.push_back({offset, 0, {digest[0], digest[1]}});
}

Result<Bytes> LayerIndexBuilder::finish(const Totals& totals) {
  State& from = *state_;
  if (from.size() > kMaxTables)
    return fail(Errc::unsupported, "the layer is larger than an index can describe");

  from.assign_points();
  const std::uint64_t entry_count = from.entries.size();
  const Bytes packed_entries = from.take_entries();
  flatbuffers::FlatBufferBuilder builder(packed_entries.size() + static_cast<std::size_t>(from.size()) +
                                         1024);
  const auto states = bytes_into(builder, from.states);
  const auto spans = move_into<layer_file::Span>(builder, from.spans);
  const auto points = move_into<layer_file::Point>(builder, from.points);
  const auto entries = bytes_into(builder, packed_entries);
  std::vector<std::string> diff_ids;
  for (const Digest& diff_id : totals.diff_ids) diff_ids.push_back(diff_id.str());
  const auto diff_id_table = builder.CreateVectorOfStrings(diff_ids);
  builder.Finish(layer_file::CreateLayerFile(builder, diff_id_table, totals.blob_size, totals.stream_size,
                                             static_cast<std::uint8_t>(totals.compression), entry_count,
                                             entries, points, spans, states));
  state_ = std::make_unique<State>();
  const auto payload = std::as_bytes(std::span(builder.GetBufferPointer(), builder.GetSize()));
  return seal_table_file(TableKind::layer_index, kLayerIndexVersion, totals.blob, payload);
}

}  // namespace layoutfs
