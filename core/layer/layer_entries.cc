// Reads the tables of entries in place, after decompressing and validating them.
#include "core/layer/layer_entries.h"

#include <zstd.h>

#include <algorithm>

#include "core/codec/zstd_context.h"
#include "core/layer/layer_index_generated.h"
#include "core/layer/layer_tables.h"
#include "core/layer/table_file.h"

namespace layoutfs {

struct LayerEntries::State {
  std::unique_ptr<std::byte[]> tables;  // aligned for FlatBuffers by operator new
  std::uint64_t stream_size;
  std::span<const layer_file::Entry> entries;
  std::span<const Extent> extents;
  std::span<const layer_file::Xattr> xattrs;
  std::string_view pool;

  bool has(const layer_file::Text& text) const {
    return is_inside_table(text.offset(), text.size(), pool.size());
  }
  std::string_view text(const layer_file::Text& text) const {
    return {pool.data() + text.offset(), text.size()};
  }

  bool is_consistent(const layer_file::Entry& entry) const;
  bool extents_are_consistent(const layer_file::Entry& entry) const;
  bool is_consistent() const;
};

bool LayerEntries::State::extents_are_consistent(const layer_file::Entry& entry) const {
  if (!is_inside_table(upper_half(entry.place()), lower_half(entry.place()), extents.size())) return false;
  std::uint64_t end = 0;
  for (const Extent& extent : extents.subspan(upper_half(entry.place()), lower_half(entry.place()))) {
    if (extent.offset < end || extent.size == 0 || !is_inside_table(extent.offset, extent.size, entry.size()))
      return false;
    if (!is_inside_table(extent.stream_offset, extent.size, stream_size)) return false;
    end = extent.offset + extent.size;
  }
  return true;
}

bool LayerEntries::State::is_consistent(const layer_file::Entry& entry) const {
  if (entry.type() > static_cast<std::uint8_t>(EntryType::fifo) || entry.is_sparse() > 1) return false;
  if (entry.mode() > 07777 || entry.nanoseconds() > 999'999'999) return false;
  if (!has(entry.path()) || !has(entry.target())) return false;
  if (!is_inside_table(entry.first_xattr(), entry.xattr_count(), xattrs.size())) return false;
  if (static_cast<EntryType>(entry.type()) != EntryType::file)
    return entry.size() == 0 && entry.is_sparse() == 0;
  if (entry.is_sparse() != 0) return extents_are_consistent(entry);
  return is_inside_table(entry.place(), entry.size(), stream_size);
}

bool LayerEntries::State::is_consistent() const {
  if (!is_aligned(entries) || !is_aligned(extents) || !is_aligned(xattrs)) return false;
  for (const auto& xattr : xattrs) {
    if (!has(xattr.name()) || !has(xattr.value())) return false;
  }
  return std::ranges::all_of(entries, [this](const auto& entry) { return is_consistent(entry); });
}

LayerEntries::LayerEntries(std::unique_ptr<const State> state) : state_(std::move(state)) {}
LayerEntries::~LayerEntries() = default;

Result<std::shared_ptr<const LayerEntries>> LayerEntries::open(ByteView packed, std::uint64_t stream_size) {
  const auto damaged = [] { return fail(Errc::corrupt, "index file: damaged tables of entries"); };
  const unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (size >= FLATBUFFERS_MAX_BUFFER_SIZE) return damaged();  // errors are huge numbers
  auto tables = std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(size));
  if (zstd::decompress(packed, {tables.get(), static_cast<std::size_t>(size)}) != size) return damaged();
  flatbuffers::Verifier verifier(reinterpret_cast<const std::uint8_t*>(tables.get()), size,
                                 /*max_depth=*/4, /*max_tables=*/4);
  if (!verifier.VerifyBuffer<layer_file::EntryTables>(nullptr)) return damaged();
  const auto* root = flatbuffers::GetRoot<layer_file::EntryTables>(tables.get());
  auto state =
      std::make_unique<const State>(State{.tables = std::move(tables),
                                          .stream_size = stream_size,
                                          .entries = table_in_place<layer_file::Entry>(root->entries()),
                                          .extents = table_in_place<Extent>(root->extents()),
                                          .xattrs = table_in_place<layer_file::Xattr>(root->xattrs()),
                                          .pool = as_text(table_in_place(root->pool()))});
  if (!state->is_consistent()) return fail(Errc::corrupt, "index file: inconsistent tables");
  return std::shared_ptr<const LayerEntries>(new LayerEntries(std::move(state)));
}

std::size_t LayerEntries::size() const noexcept { return state_->entries.size(); }

EntryView LayerEntries::entry(std::size_t number) const {
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

std::pair<std::string_view, std::string_view> LayerEntries::xattr(std::uint32_t number) const {
  const layer_file::Xattr& xattr = state_->xattrs[number];
  return {state_->text(xattr.name()), state_->text(xattr.value())};
}

}  // namespace layoutfs
