// Reads index files in place, except for the compressed tables of entries. They are validated once, on
// opening.
#include "core/layer/layer_index.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "core/base/guarded.h"
#include "core/layer/layer_index_generated.h"
#include "core/layer/layer_tables.h"
#include "core/layer/table_file.h"

namespace layoutfs {

using layer_file::LayerFile;

namespace {

using Strings = flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>;

// Ends before the first one that cannot be parsed.
std::vector<Digest> digests_in(const Strings& texts) {
  std::vector<Digest> digests;
  for (const flatbuffers::String* const text : texts) {
    auto digest = Digest::parse(text->string_view());
    if (!digest) break;
    digests.push_back(std::move(*digest));
  }
  return digests;
}

// Checks the file, but not the contents of its tables.
Result<const LayerFile*> open_tables(ByteView file, const Digest& blob) {
  const auto payload = open_table_file(file, TableKind::layer_index, kLayerIndexVersion, blob);
  if (!payload) return fail(Error(payload.error()));
  if (payload->size() >= FLATBUFFERS_MAX_BUFFER_SIZE) return fail(Errc::corrupt, "index file is too large");
  flatbuffers::Verifier verifier(reinterpret_cast<const std::uint8_t*>(payload->data()), payload->size(),
                                 /*max_depth=*/4, /*max_tables=*/4);
  if (!verifier.VerifyBuffer<LayerFile>(nullptr)) return fail(Errc::corrupt, "index file: damaged tables");
  const LayerFile* const tables = flatbuffers::GetRoot<LayerFile>(payload->data());
  if (tables->diff_ids()->size() == 0) return fail(Errc::corrupt, "index file: no diff ID");
  return tables;
}

LayerFacts facts_of(const LayerFile& tables) {
  return {.compression = static_cast<Compression>(tables.compression()),
          .blob_size = tables.blob_size(),
          .stream_size = tables.stream_size(),
          .diff_ids = digests_in(*tables.diff_ids())};
}

}  // namespace

struct LayerIndex::State {
  SharedBytes file;
  Digest blob, diff_id;
  const Strings* diff_ids;
  std::uint64_t blob_size;
  StreamIndex stream;
  ByteView packed_entries;
  std::size_t entry_count;
  mutable Guarded<std::weak_ptr<const LayerEntries>> entries = {};
};

LayerIndex::LayerIndex(std::unique_ptr<const State> state) : state_(std::move(state)) {}
LayerIndex::~LayerIndex() = default;

Result<LayerFacts> LayerFacts::read(ByteView file, const Digest& blob) {
  const auto tables = open_tables(file, blob);
  if (!tables) return fail(Error(tables.error()));
  LayerFacts facts = facts_of(**tables);
  if (facts.diff_ids.empty()) return fail(Errc::corrupt, "index file: invalid diff ID");
  return facts;
}

std::optional<std::size_t> LayerFacts::missing_blocks(const Digest& diff_id) const {
  const auto found = std::ranges::find(diff_ids, diff_id);
  if (found == diff_ids.end()) return std::nullopt;
  return static_cast<std::size_t>(found - diff_ids.begin());
}

Result<std::shared_ptr<const LayerIndex>> LayerIndex::open(SharedBytes file, const Digest& blob) {
  const auto opened = open_tables(file.bytes, blob);
  if (!opened) return fail(Error(opened.error()));
  const LayerFile* const tables = *opened;
  auto diff_id = Digest::parse(tables->diff_ids()->Get(0)->string_view());
  if (!diff_id) return fail(Errc::corrupt, "index file: invalid diff ID");
  const StreamIndex stream = {.compression = static_cast<Compression>(tables->compression()),
                              .size = tables->stream_size(),
                              .points = table_in_place<PointRecord>(tables->points()),
                              .spans = table_in_place<SpanRecord>(tables->spans()),
                              .states = table_in_place(tables->states()),
                              .owner = file.owner};
  if (!is_aligned(stream.points) || !is_aligned(stream.spans) || !is_consistent(stream, tables->blob_size()))
    return fail(Errc::corrupt, "index file: inconsistent tables");
  const ByteView packed_entries = table_in_place(tables->entries());
  const auto entries = LayerEntries::open(packed_entries, stream.size);
  if (!entries) return fail(Error(entries.error()));
  if ((*entries)->size() != tables->entry_count())
    return fail(Errc::corrupt, "index file: inconsistent tables");
  return std::shared_ptr<const LayerIndex>(
      new LayerIndex(std::unique_ptr<const State>(new State{.file = std::move(file),
                                                            .blob = blob,
                                                            .diff_id = std::move(*diff_id),
                                                            .diff_ids = tables->diff_ids(),
                                                            .blob_size = tables->blob_size(),
                                                            .stream = stream,
                                                            .packed_entries = packed_entries,
                                                            .entry_count = (*entries)->size()})));
}

const Digest& LayerIndex::blob() const noexcept { return state_->blob; }
const Digest& LayerIndex::diff_id() const noexcept { return state_->diff_id; }
LayerFacts LayerIndex::facts() const {
  return {.compression = state_->stream.compression,
          .blob_size = state_->blob_size,
          .stream_size = state_->stream.size,
          .diff_ids = digests_in(*state_->diff_ids)};
}
bool LayerIndex::has_diff_ids(std::span<const Digest> diff_ids) const {
  return std::ranges::equal(*state_->diff_ids, diff_ids,
                            [](const flatbuffers::String* kept, const Digest& diff_id) {
                              return kept->string_view() == diff_id.str();
                            });
}
std::uint64_t LayerIndex::blob_size() const noexcept { return state_->blob_size; }
StreamIndex LayerIndex::stream() const { return state_->stream; }
std::size_t LayerIndex::entry_count() const noexcept { return state_->entry_count; }

std::shared_ptr<const LayerEntries> LayerIndex::entries() const {
  auto held = state_->entries.lock();
  auto entries = held->lock();
  if (entries) return entries;
  auto opened = LayerEntries::open(state_->packed_entries, state_->stream.size);
  check(opened.has_value(), "the tables of entries were valid when the index was opened");
  *held = *opened;
  return *std::move(opened);
}

}  // namespace layoutfs
