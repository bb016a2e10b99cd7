#include "core/transfer/blob_chunks.h"

#include <string>
#include <utility>

#include "core/http/chunk_reader.h"

namespace layoutfs {
namespace {

// Reads a blob at any offset.
class BlobChunks final : public ChunkReader {
 public:
  BlobChunks(BlobPtr blob, std::vector<BlobChunk> chunks)
      : ChunkReader(std::move(chunks)), blob_(std::move(blob)) {}

 private:
  Result<std::uint64_t> begin_chunk(const BlobChunk& chunk) override {
    offset_ = chunk.offset;
    if (chunk.length != kToEnd) return chunk.length;
    if (offset_ >= blob_->size())
      return fail(Errc::unexpected_eof, chunk_name() + ": the blob ends at " + std::to_string(blob_->size()));
    return blob_->size() - offset_;
  }
  Result<std::size_t> read_chunk(std::span<std::byte> out) override {
    auto got = blob_->read_at(out, offset_);
    if (got) offset_ += *got;
    return got;
  }
  // Chunks are read by offset, so there is nothing to skip.
  Status skip_chunk() override { return {}; }

  BlobPtr blob_;
  std::uint64_t offset_ = 0;
};

}  // namespace

Result<std::unique_ptr<ChunkStream>> chunks_of(BlobPtr blob, std::vector<BlobChunk> chunks) {
  if (auto valid = validate_chunks(chunks); !valid) return fail(std::move(valid).error());
  return std::make_unique<BlobChunks>(std::move(blob), std::move(chunks));
}

}  // namespace layoutfs
