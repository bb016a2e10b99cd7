// What registries hand out: readers of blobs, and uploads.
#include <algorithm>

#include "core/registry/registry.h"

namespace layoutfs {

BlobReader::BlobReader(Descriptor descriptor, BlobPtr blob, std::uint64_t begin, std::uint64_t end)
    : descriptor_(std::move(descriptor)),
      blob_(std::move(blob)),
      begin_(begin),
      end_(end),
      source_(blob_, begin),
      left_(end - begin) {}

Result<std::size_t> BlobReader::read(std::span<std::byte> out) {
  auto got = source_.read(out.first(static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), left_))));
  if (got) left_ -= *got;
  return got;
}

Result<std::size_t> BlobReader::read_at(std::span<std::byte> out, std::uint64_t offset) const {
  if (offset >= size()) return 0;
  const auto wanted = std::min<std::uint64_t>(out.size(), size() - offset);
  return blob_->read_at(out.first(static_cast<std::size_t>(wanted)), begin_ + offset);
}

BlobWriter::BlobWriter(std::shared_ptr<Engine> engine, Upload upload, std::size_t chunk_size)
    : engine_(std::move(engine)),
      upload_(std::move(upload)),
      chunk_size_(chunk_size == 0 ? kDefaultChunkSize : chunk_size) {}

Result<Descriptor> BlobWriter::commit(const Digest& digest, const Context& context) {
  auto put = upload_.commit(digest, context);
  if (!put) return fail(std::move(put).error());
  return Descriptor{.media_type = "application/octet-stream", .digest = put->digest, .size = put->size};
}

}  // namespace layoutfs
