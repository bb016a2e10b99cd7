// Reads index files in place. They are validated once, on opening.
#include "core/layer/layer_index.h"

#include <algorithm>

#include "core/layer/layer_index_generated.h"
#include "core/layer/layer_tables.h"
#include "core/layer/table_file.h"

namespace layoutfs {
namespace {

using layer_file::LayerFile;

// Converts a vector of structs to the program's structs of equal layout; an absent vector is empty.
template <class T, class Stored>
std::span<const T> in_place(const flatbuffers::Vector<const Stored*>* vector) {
  static_assert(sizeof(T) == sizeof(Stored) && alignof(T) == alignof(Stored));
  static_assert(std::is_trivially_copyable_v<T>);
  if (vector == nullptr) return {};
  return {reinterpret_cast<const T*>(vector->Data()), vector->size()};
}

ByteView in_place(const flatbuffers::Vector<std::uint8_t>* vector) {
  if (vector == nullptr) return {};
  return std::as_bytes(std::span(vector->Data(), vector->size()));
}

// Returns whether `size` items from `offset` on are among `whole` items; the sum may overflow.
bool is_inside(std::uint64_t offset, std::uint64_t size, std::uint64_t whole) {
  return offset <= whole && size <= whole - offset;
}

}  // namespace

struct LayerIndex::State {
  SharedBytes file;
  Digest blob, diff_id;
  const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>* diff_ids;
  std::uint64_t blob_size;
  StreamIndex stream;
  std::span<const layer_file::Entry> entries;
  std::span<const Extent> extents;
  std::span<const layer_file::Xattr> xattrs;
  std::string_view pool;

  bool has(const layer_file::Text& text) const { return is_inside(text.offset(), text.size(), pool.size()); }
  std::string_view text(const layer_file::Text& text) const {
    return {pool.data() + text.offset(), text.size()};
  }

  bool is_consistent(const layer_file::Entry& entry) const;
  bool extents_are_consistent(const layer_file::Entry& entry) const;
  bool is_consistent() const;
};

bool LayerIndex::State::extents_are_consistent(const layer_file::Entry& entry) const {
  if (!is_inside(upper_half(entry.place()), lower_half(entry.place()), extents.size())) return false;
  std::uint64_t end = 0;
  for (const Extent& extent : extents.subspan(upper_half(entry.place()), lower_half(entry.place()))) {
    if (extent.offset < end || extent.size == 0 || !is_inside(extent.offset, extent.size, entry.size()))
      return false;
    if (!is_inside(extent.stream_offset, extent.size, stream.size)) return false;
    end = extent.offset + extent.size;
  }
  return true;
}

bool LayerIndex::State::is_consistent(const layer_file::Entry& entry) const {
  if (entry.type() > static_cast<std::uint8_t>(EntryType::fifo) || entry.is_sparse() > 1) return false;
  if (entry.mode() > 07777 || entry.nanoseconds() > 999'999'999) return false;
  if (!has(entry.path()) || !has(entry.target())) return false;
  if (!is_inside(entry.first_xattr(), entry.xattr_count(), xattrs.size())) return false;
  if (static_cast<EntryType>(entry.type()) != EntryType::file)
    return entry.size() == 0 && entry.is_sparse() == 0;
  if (entry.is_sparse() != 0) return extents_are_consistent(entry);
  return is_inside(entry.place(), entry.size(), stream.size);
}

bool LayerIndex::State::is_consistent() const {
  if (!is_aligned(entries) || !is_aligned(extents) || !is_aligned(xattrs)) return false;
  if (!is_aligned(stream.points) || !is_aligned(stream.spans)) return false;
  for (const auto& xattr : xattrs) {
    if (!has(xattr.name()) || !has(xattr.value())) return false;
  }
  for (const auto& entry : entries) {
    if (!is_consistent(entry)) return false;
  }
  return layoutfs::is_consistent(stream, blob_size);
}

LayerIndex::LayerIndex(std::unique_ptr<const State> state) : state_(std::move(state)) {}
LayerIndex::~LayerIndex() = default;

Result<std::shared_ptr<const LayerIndex>> LayerIndex::open(SharedBytes file, const Digest& blob) {
  const auto payload = open_table_file(file.bytes, TableKind::layer_index, kLayerIndexVersion, blob);
  if (!payload) return fail(Error(payload.error()));
  if (payload->size() >= FLATBUFFERS_MAX_BUFFER_SIZE) return fail(Errc::corrupt, "index file is too large");
  flatbuffers::Verifier verifier(reinterpret_cast<const std::uint8_t*>(payload->data()), payload->size(),
                                 /*max_depth=*/4, /*max_tables=*/4);
  if (!verifier.VerifyBuffer<LayerFile>(nullptr)) return fail(Errc::corrupt, "index file: damaged tables");

  const LayerFile* tables = flatbuffers::GetRoot<LayerFile>(payload->data());
  if (tables->diff_ids()->size() == 0) return fail(Errc::corrupt, "index file: no diff ID");
  auto diff_id = Digest::parse(tables->diff_ids()->Get(0)->string_view());
  if (!diff_id) return fail(Errc::corrupt, "index file: invalid diff ID");
  const StreamIndex stream = {.compression = static_cast<Compression>(tables->compression()),
                              .size = tables->stream_size(),
                              .points = in_place<PointRecord>(tables->points()),
                              .spans = in_place<SpanRecord>(tables->spans()),
                              .states = in_place(tables->states()),
                              .owner = file.owner};
  auto state = std::make_unique<const State>(State{.file = std::move(file),
                                                   .blob = blob,
                                                   .diff_id = std::move(*diff_id),
                                                   .diff_ids = tables->diff_ids(),
                                                   .blob_size = tables->blob_size(),
                                                   .stream = stream,
                                                   .entries = in_place<layer_file::Entry>(tables->entries()),
                                                   .extents = in_place<Extent>(tables->extents()),
                                                   .xattrs = in_place<layer_file::Xattr>(tables->xattrs()),
                                                   .pool = as_text(in_place(tables->pool()))});
  if (!state->is_consistent()) return fail(Errc::corrupt, "index file: inconsistent tables");
  return std::shared_ptr<const LayerIndex>(new LayerIndex(std::move(state)));
}

const Digest& LayerIndex::blob() const noexcept { return state_->blob; }
const Digest& LayerIndex::diff_id() const noexcept { return state_->diff_id; }
bool LayerIndex::is_diff_id(const Digest& digest) const {
  if (digest == state_->diff_id) return true;
  return std::ranges::any_of(*state_->diff_ids, [text = digest.str()](const flatbuffers::String* diff_id) {
    return diff_id->string_view() == text;
  });
}
bool LayerIndex::has_diff_ids(std::span<const Digest> diff_ids) const {
  return std::ranges::equal(*state_->diff_ids, diff_ids,
                            [](const flatbuffers::String* kept, const Digest& diff_id) {
                              return kept->string_view() == diff_id.str();
                            });
}
std::uint64_t LayerIndex::blob_size() const noexcept { return state_->blob_size; }
StreamIndex LayerIndex::stream() const { return state_->stream; }
std::size_t LayerIndex::entry_count() const noexcept { return state_->entries.size(); }

EntryView LayerIndex::entry(std::size_t number) const {
  const layer_file::Entry& entry = state_->entries[number];
  EntryView view = {.type = static_cast<EntryType>(entry.type()),
                    .is_sparse = entry.is_sparse() != 0,
                    .mode = entry.mode(),
                    .uid = entry.uid(),
                    .gid = entry.gid(),
                    .mtime = {entry.seconds(), entry.nanoseconds()},
                    .device_major = 0,
                    .device_minor = 0,
                    .size = entry.size(),
                    .stream_offset = 0,
                    .path = state_->text(entry.path()),
                    .target = state_->text(entry.target()),
                    .extents = {},
                    .first_xattr = entry.first_xattr(),
                    .xattr_count = entry.xattr_count()};
  if (view.is_sparse) {
    view.extents = state_->extents.subspan(upper_half(entry.place()), lower_half(entry.place()));
  } else if (view.type == EntryType::file) {
    view.stream_offset = entry.place();
  } else if (view.type == EntryType::character || view.type == EntryType::block) {
    view.device_major = upper_half(entry.place());
    view.device_minor = lower_half(entry.place());
  }
  return view;
}

std::pair<std::string_view, std::string_view> LayerIndex::xattr(std::uint32_t number) const {
  const layer_file::Xattr& xattr = state_->xattrs[number];
  return {state_->text(xattr.name()), state_->text(xattr.value())};
}

}  // namespace layoutfs
