// The file is that of table_file.h, with the gzip of the record as payload. It depends on the blobs of the
// stack alone. A config may name the digest of a tar with more blocks of zeros at its end (diff_id.h): these
// are a member of gzip of their own, which is not stored.
#include "core/engines/stored_tar_split.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/check.h"
#include "core/codec/gzip_writer.h"
#include "core/engines/tar_split.h"
#include "core/layer/table_file.h"
#include "layoutfs/log.h"

namespace layoutfs {
namespace {

constexpr std::uint32_t kTarSplitVersion = 1;
constexpr std::size_t kMaxInMemory = std::size_t{64} << 20;

using Sink = std::function<Status(ByteView)>;

std::size_t missing_blocks(const LayerStack& stack, const LayerIndex& top) {
  return top.facts().missing_blocks(stack.diff_ids.back()).value_or(0);
}

struct StoredRecord {
  SharedBytes file;
  ByteView record;  // a part of it
};

Result<StoredRecord> load(const IndexCache& cache, const Digest& stack) {
  auto file = cache.load(CacheKind::tar_split, stack);
  if (!file) return fail(std::move(file).error());
  const auto record = open_table_file(file->bytes, TableKind::tar_split, kTarSplitVersion, stack);
  if (!record) return fail(Error(record.error()));
  return StoredRecord{std::move(*file), *record};
}

Status write_record(const Image& image, const Layer& top, const Sink& sink, const Context& context) {
  const auto number = static_cast<std::uint32_t>(image.tree().layer_count() - 1);
  GzipWriter packed(sink);
  TarSplitWriter record(files_to_split(image.tree(), number, *top.index->entries()),
                        [&](ByteView line) { return packed.write(line); });
  Status fed;
  auto read = top.stream->read_all([&](ByteView bytes) { return fed = record.feed(bytes); }, context);
  if (!fed) return fed;
  if (!read) return read;
  if (auto finished = record.finish(); !finished) return finished;
  return packed.finish();
}

Status write_file(UniqueFd file, const Digest& digest, const Image& image, const Layer& top,
                  const Context& context) {
  TableFileWriter writer(std::move(file), TableKind::tar_split, kTarSplitVersion, digest);
  auto written = write_record(image, top, [&](ByteView piece) { return writer.write(piece); }, context);
  return written ? writer.finish() : written;
}

Result<TarSplitPtr> make_in_memory(const LayerStack& stack, const Image& image, const Layer& top,
                                   const Context& context) {
  Bytes record;
  const Sink sink = [&](ByteView piece) -> Status {
    if (record.size() + piece.size() > kMaxInMemory)
      return fail(Errc::io, "the record of the layer is too large to be made without a cache directory");
    record.insert(record.end(), piece.begin(), piece.end());
    return {};
  };
  if (auto written = write_record(image, top, sink, context); !written)
    return fail(std::move(written).error());
  const SharedBytes kept = SharedBytes::of(std::move(record));
  return std::make_shared<const TarSplit>(kept, kept.bytes, missing_blocks(stack, *top.index),
                                          kept.bytes.size());
}

}  // namespace

TarSplit::TarSplit(SharedBytes file, ByteView record, std::size_t missing, std::uint64_t memory)
    : file_(std::move(file)),
      record_(record),
      tail_(std::make_shared<const Bytes>(
          missing == 0 ? Bytes() : gzip_of(as_bytes(tar_split_of_zero_blocks(missing))))),
      memory_(memory) {}

void TarSplit::read(IoBuffers& out, std::size_t size, std::uint64_t offset) const {
  const auto part = [&](ByteView bytes, const std::shared_ptr<const void>& owner) {
    if (offset < bytes.size()) {
      const ByteView rest = bytes.subspan(static_cast<std::size_t>(offset));
      const ByteView piece = rest.first(std::min(size, rest.size()));
      out.append(piece, owner);
      size -= piece.size();
      offset = 0;
    } else {
      offset -= bytes.size();
    }
  };
  part(record_, file_.owner);
  part(*tail_, tail_);
}

Result<TarSplitPtr> open_cached_tar_split(const IndexCache& cache, const LayerStack& stack,
                                          const LayerIndex& top) {
  auto stored = load(cache, digest_of(stack));
  if (!stored) return fail(std::move(stored).error());
  return std::make_shared<const TarSplit>(std::move(stored->file), stored->record, missing_blocks(stack, top),
                                          0);
}

Status check_cached_tar_split(const IndexCache& cache, const Digest& stack) {
  auto stored = load(cache, stack);
  return stored ? Status() : fail(std::move(stored).error());
}

Result<TarSplitPtr> open_tar_split(const IndexCache& cache, const LayerStack& stack, const Image& image,
                                   const Layer& top, const Context& context) {
  check(!stack.layers.empty() && image.tree().layer_count() == stack.layers.size(), "the image is the stack");
  const Digest digest = digest_of(stack);
  const std::string name = "tar-split of " + top.index->blob().str();
  if (auto kept = open_cached_tar_split(cache, stack, *top.index))
    return kept;
  else if (kept.error().code() != Errc::not_found)
    log(LogLevel::info, name + ": " + kept.error().message() + "; making it again");
  if (!cache.files()) return make_in_memory(stack, image, top, context);
  auto created = cache.files()->create(CacheKind::tar_split, digest);
  auto file = created ? created->file() : Result<UniqueFd>(fail(Error(created.error())));
  if (!file) {
    log(LogLevel::info, name + ": " + file.error().message() + "; it is kept in memory");
    return make_in_memory(stack, image, top, context);
  }
  if (auto written = write_file(std::move(*file), digest, image, top, context); !written)
    return fail(std::move(written).error(), name);
  if (auto published = cache.files()->publish(*created, digest); !published)
    return fail(std::move(published).error(), name);
  auto made = open_cached_tar_split(cache, stack, *top.index);
  if (made) log(LogLevel::info, name + ": made, " + std::to_string((*made)->size()) + " bytes");
  return made;
}

}  // namespace layoutfs
