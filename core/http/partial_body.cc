#include "core/http/partial_body.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/http/chunk_reader.h"
#include "core/http/fields.h"
#include "core/http/multipart.h"

namespace layoutfs {
namespace {

constexpr std::size_t kPassSize = std::size_t{64} << 10;  // bytes per read

// Reads the whole blob in order.
class FullBodyChunks final : public ChunkReader {
 public:
  FullBodyChunks(std::unique_ptr<ByteSource> body, std::vector<BlobChunk> chunks)
      : ChunkReader(std::move(chunks)), body_(std::move(body)) {}

 private:
  Result<std::uint64_t> begin_chunk(const BlobChunk& chunk) override {
    Bytes skipped(static_cast<std::size_t>(std::min<std::uint64_t>(chunk.offset - at_, kPassSize)));
    while (at_ < chunk.offset) {
      const auto wanted = std::min<std::uint64_t>(skipped.size(), chunk.offset - at_);
      const auto got = body_->read(std::span(skipped).first(static_cast<std::size_t>(wanted)));
      if (!got) return fail(Error(got.error()));
      if (*got == 0)
        return fail(Errc::unexpected_eof, chunk_name() + ": the blob ends at " + std::to_string(at_));
      at_ += *got;
    }
    return chunk.length;
  }
  Result<std::size_t> read_chunk(std::span<std::byte> out) override {
    auto got = body_->read(out);
    if (got) at_ += *got;
    return got;
  }

  std::unique_ptr<ByteSource> body_;
  std::uint64_t at_ = 0;  // bytes read so far
};

// Returns the number of bytes of `chunk` in a range. Errc::corrupt if the range does not match.
// Errc::unexpected_eof if the end of the blob cuts the chunk off.
Result<std::uint64_t> length_of(std::string_view content_range, const BlobChunk& chunk,
                                const std::string& chunk_name) {
  const auto range = ContentRange::parse(content_range);
  if (!range) return fail(Error(range.error()), chunk_name);
  const std::uint64_t length = range->last - range->first + 1;
  const bool is_to_end = range->size && range->last == *range->size - 1;
  const bool is_right_end =
      chunk.length == kToEnd ? is_to_end || !range->size.has_value() : chunk.length == length;
  if (range->first == chunk.offset && is_right_end) return length;
  const auto answered = [&] { return chunk_name + ": the response is '" + std::string(content_range) + "'"; };
  if (range->first == chunk.offset && is_to_end && length < chunk.length)
    return fail(Errc::unexpected_eof, answered());
  return fail(Errc::corrupt, answered());
}

// A body with one range.
class LoneBodyChunk final : public ChunkReader {
 public:
  LoneBodyChunk(std::unique_ptr<ByteSource> body, std::string content_range, std::vector<BlobChunk> chunks)
      : ChunkReader(std::move(chunks)), body_(std::move(body)), content_range_(std::move(content_range)) {}

 private:
  Result<std::uint64_t> begin_chunk(const BlobChunk& chunk) override {
    return length_of(content_range_, chunk, chunk_name());
  }
  Result<std::size_t> read_chunk(std::span<std::byte> out) override { return body_->read(out); }
  Status end_chunk() override {
    std::byte more;
    const auto got = body_->read(std::span(&more, 1));
    if (!got) return fail(Error(got.error()));
    return *got == 0 ? Status() : fail(Errc::corrupt, chunk_name() + ": the response has more bytes");
  }

  std::unique_ptr<ByteSource> body_;
  std::string content_range_;
};

// A body with several ranges.
class MultipartChunks final : public ChunkReader {
 public:
  MultipartChunks(MultipartReader parts, std::vector<BlobChunk> chunks)
      : ChunkReader(std::move(chunks)), parts_(std::move(parts)) {}

 private:
  Result<std::uint64_t> begin_chunk(const BlobChunk& chunk) override {
    const auto is_there = parts_.next_part();
    if (!is_there) return fail(Error(is_there.error()));
    if (!*is_there) return fail(Errc::unexpected_eof, chunk_name() + ": the response has too few parts");
    // RFC 9110, 14.6: every part has one.
    if (!parts_.content_range()) return fail(Errc::corrupt, chunk_name() + ": its part has no Content-Range");
    return length_of(*parts_.content_range(), chunk, chunk_name());
  }
  Result<std::size_t> read_chunk(std::span<std::byte> out) override { return parts_.read(out); }
  Status end_chunk() override {
    std::byte more;
    const auto got = parts_.read(std::span(&more, 1));
    if (!got) return fail(Error(got.error()));
    return *got == 0 ? Status() : fail(Errc::corrupt, chunk_name() + ": its part has more bytes");
  }
  Status end_chunks() override {
    const auto is_there = parts_.next_part();
    if (!is_there) return fail(Error(is_there.error()));
    if (!*is_there) return {};
    return fail(Errc::corrupt,
                "the response has more parts than the " + std::to_string(chunks().size()) + " requested");
  }

  MultipartReader parts_;
};

bool is_multipart(std::string_view content_type) {
  constexpr std::string_view kMultipart = "multipart/";
  const auto begin = content_type.find_first_not_of(" \t");
  return begin != std::string_view::npos &&
         is_same_token(content_type.substr(begin, kMultipart.size()), kMultipart);
}

}  // namespace

Result<std::unique_ptr<ChunkStream>> split_full_body(std::unique_ptr<ByteSource> body,
                                                     std::vector<BlobChunk> chunks) {
  if (auto valid = validate_chunks(chunks); !valid) return fail(std::move(valid).error());
  return std::make_unique<FullBodyChunks>(std::move(body), std::move(chunks));
}

Result<std::unique_ptr<ChunkStream>> split_partial_body(std::unique_ptr<ByteSource> body,
                                                        const PartialResponse& response,
                                                        std::vector<BlobChunk> chunks) {
  if (auto valid = validate_chunks(chunks); !valid) return fail(std::move(valid).error());
  if (!is_multipart(response.content_type)) {
    if (chunks.size() > 1)
      return fail(Errc::corrupt,
                  std::to_string(chunks.size()) + " chunks were requested, the response has one");
    return std::make_unique<LoneBodyChunk>(std::move(body), std::string(response.content_range),
                                           std::move(chunks));
  }
  const auto type = ContentType::parse(response.content_type);
  if (!type) return fail(Error(type.error()));
  if (!type->boundary)
    return fail(Errc::corrupt, "'" + std::string(response.content_type) + "' has no boundary");
  auto parts = MultipartReader::open(std::move(body), *type->boundary);
  if (!parts) return fail(std::move(parts).error());
  return std::make_unique<MultipartChunks>(std::move(*parts), std::move(chunks));
}

}  // namespace layoutfs
