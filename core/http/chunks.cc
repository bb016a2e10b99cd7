#include "core/http/chunks.h"

#include <string>

#include "core/http/chunk_reader.h"

namespace layoutfs {
namespace {

// Checks another, untrusted stream.
class CheckedChunks final : public ChunkReader {
 public:
  CheckedChunks(std::unique_ptr<ChunkStream> stream, std::vector<BlobChunk> chunks)
      : ChunkReader(std::move(chunks)), stream_(std::move(stream)) {}

 private:
  Result<std::uint64_t> begin_chunk(const BlobChunk& chunk) override {
    auto source = stream_->next();
    if (!source) return fail(std::move(source).error());
    if (*source == nullptr) return fail(Errc::unexpected_eof, chunk_name() + ": missing in the response");
    source_ = *source;
    return chunk.length;
  }
  Result<std::size_t> read_chunk(std::span<std::byte> out) override { return source_->read(out); }
  Status end_chunk() override {
    std::byte more;
    const auto got = source_->read(std::span(&more, 1));
    if (!got) return fail(Error(got.error()));
    return *got == 0 ? Status() : fail(Errc::corrupt, chunk_name() + ": longer than requested");
  }
  Status end_chunks() override {
    auto source = stream_->next();
    if (!source) return fail(std::move(source).error());
    if (*source == nullptr) return {};
    return fail(Errc::corrupt,
                "response has more than the " + std::to_string(chunks().size()) + " requested chunks");
  }

  std::unique_ptr<ChunkStream> stream_;
  ByteSource* source_ = nullptr;  // of stream_
};

}  // namespace

Status validate_chunks(std::span<const BlobChunk> chunks, std::optional<std::uint64_t> blob_size) {
  if (chunks.empty()) return fail(Errc::bad_partial_request, "no chunks requested");
  std::uint64_t end = 0;  // of the preceding chunk
  for (const BlobChunk& chunk : chunks) {
    const auto bad = [&](const std::string& why) {
      return fail(Errc::bad_partial_request,
                  "invalid request for the chunk at " + std::to_string(chunk.offset) + ": " + why);
    };
    const bool is_open_ended = chunk.length == kToEnd;
    if (chunk.length == 0) return bad("it is empty");
    if (end == kToEnd) return bad("the preceding chunk extends to the end");
    if (chunk.offset < end) return bad("the preceding chunk ends at " + std::to_string(end));
    if (!is_open_ended && chunk.length >= kToEnd - chunk.offset)
      return bad("its end exceeds the largest offset");
    end = is_open_ended ? kToEnd : chunk.offset + chunk.length;
    const bool is_outside = blob_size && (is_open_ended ? chunk.offset >= *blob_size : end > *blob_size);
    if (is_outside) return bad("the blob has " + std::to_string(*blob_size) + " bytes");
  }
  return {};
}

std::unique_ptr<ChunkStream> checked_chunks(std::unique_ptr<ChunkStream> stream,
                                            std::vector<BlobChunk> chunks) {
  return std::make_unique<CheckedChunks>(std::move(stream), std::move(chunks));
}

}  // namespace layoutfs
