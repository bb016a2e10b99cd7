// Collects a layer's tables in memory, and writes them as one FlatBuffer at the end.
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
  check(!state_->points.empty(), "a span must have an access point");
  state_->spans.push_back({offset, state_->points.size() - 1, {digest[0], digest[1]}});
}

Result<Bytes> LayerIndexBuilder::finish(const Totals& totals) {
  State& from = *state_;
  const std::uint64_t size = from.size();
  if (size > kMaxTables) return fail(Errc::unsupported, "the layer is larger than an index can describe");

  flatbuffers::FlatBufferBuilder builder(static_cast<std::size_t>(size) + 1024);
  const auto states = bytes_into(builder, from.states);
  const auto pool = bytes_into(builder, as_bytes(from.pool.bytes()));
  const auto spans = move_into<layer_file::Span>(builder, from.spans);
  const auto points = move_into<layer_file::Point>(builder, from.points);
  const auto xattrs = move_into<layer_file::Xattr>(builder, from.xattrs);
  const auto extents = move_into<layer_file::Extent>(builder, from.extents);
  const auto entries = move_into<layer_file::Entry>(builder, from.entries);
  std::vector<std::string> diff_ids;
  for (const Digest& diff_id : totals.diff_ids) diff_ids.push_back(diff_id.str());
  const auto diff_id_table = builder.CreateVectorOfStrings(diff_ids);
  builder.Finish(layer_file::CreateLayerFile(builder, diff_id_table, totals.blob_size, totals.stream_size,
                                             static_cast<std::uint8_t>(totals.compression), entries, extents,
                                             xattrs, points, spans, pool, states));
  state_ = std::make_unique<State>();
  const auto payload = std::as_bytes(std::span(builder.GetBufferPointer(), builder.GetSize()));
  return seal_table_file(TableKind::layer_index, kLayerIndexVersion, totals.blob, payload);
}

}  // namespace layoutfs
