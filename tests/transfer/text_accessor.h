// For tests of partial puts: a source of pieces that can be wrong in every way.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/transfer/blob_chunks.h"
#include "tests/http/streams.h"

namespace layoutfs::testing {

class TextBlob final : public Blob {
 public:
  // Announces `size` bytes, independent of the content.
  explicit TextBlob(std::string text, std::uint64_t size) : text_(std::move(text)), size_(size) {}
  explicit TextBlob(const std::string& text) : TextBlob(text, text.size()) {}
  std::uint64_t size() const noexcept override { return size_; }
  Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset,
                              const Context& = {}) const override {
    if (offset >= text_.size()) return 0;
    MemorySource rest(as_bytes(text_).subspan(static_cast<std::size_t>(offset)));
    return rest.read(out);
  }

 private:
  std::string text_;
  std::uint64_t size_;
};

// Delivers these texts, then its error, if there is one.
class TextStream final : public ChunkStream {
 public:
  explicit TextStream(std::vector<std::string> texts, std::optional<Error> failure = {})
      : texts_(std::move(texts)), failure_(std::move(failure)) {}
  Result<ByteSource*> next() override {
    if (at_ < texts_.size()) {
      source_ = source_of(texts_[at_++]);
      return source_.get();
    }
    if (failure_) return fail(Error(*failure_));
    return nullptr;
  }

 private:
  std::vector<std::string> texts_;
  std::optional<Error> failure_;
  std::size_t at_ = 0;
  std::unique_ptr<ByteSource> source_;
};

// Chunks of one text.
class TextAccessor final : public BlobChunkAccessor {
 public:
  explicit TextAccessor(std::string whole) : text(std::move(whole)) {}
  Result<std::unique_ptr<ChunkStream>> get_blob_at(const BlobInfo&, std::span<const BlobChunk> chunks,
                                                   const Context&) override {
    requests.emplace_back(chunks.begin(), chunks.end());
    if (failure) return fail(Error(*failure));
    if (chunks.size() > most_chunks) return fail(Errc::bad_partial_request, "400 Bad Request");
    if (delivered) return std::make_unique<TextStream>(*delivered, stream_failure);
    return chunks_of(std::make_shared<const TextBlob>(text.substr(0, available), text.size()),
                     {chunks.begin(), chunks.end()});
  }

  std::string text;
  std::size_t available = std::string::npos;  // bytes that can be read before an error
  std::size_t most_chunks = 100;
  std::optional<Error> failure;                       // of every request
  std::optional<std::vector<std::string>> delivered;  // independent of the request
  std::optional<Error> stream_failure;                // after these
  std::vector<std::vector<BlobChunk>> requests;
};

}  // namespace layoutfs::testing
