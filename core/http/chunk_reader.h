// The common part of chunk streams: the order of calls, lengths, and the final error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/http/chunks.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Delivers the chunks that a derived class reads. The derived class seeks to each chunk and reads it; its
// functions are called for one chunk after the other, and never after an error.
class ChunkReader : public ChunkStream, public ByteSource {
 public:
  // Precondition: the chunks were validated.
  explicit ChunkReader(std::vector<BlobChunk> chunks) : chunks_(std::move(chunks)) {}

  Result<ByteSource*> next() final;

 protected:
  const std::vector<BlobChunk>& chunks() const { return chunks_; }
  // Returns "chunk 2 of 3 (10 bytes from 500 on)" for messages about the current chunk.
  std::string chunk_name() const;

  // Seeks to the start of the chunk. Returns its length in bytes, kToEnd if it is unknown.
  virtual Result<std::uint64_t> begin_chunk(const BlobChunk& chunk) = 0;
  // Returns the number of bytes read; 0 only at the end of the chunk. `out` is not empty.
  virtual Result<std::size_t> read_chunk(std::span<std::byte> out) = 0;
  // Skips the rest of the chunk.
  virtual Status skip_chunk();
  // Called at the end of each chunk.
  virtual Status end_chunk() { return {}; }
  // Called at the end of the last chunk.
  virtual Status end_chunks() { return {}; }

 private:
  Result<std::size_t> read(std::span<std::byte> out) final;
  Result<std::size_t> read_some(std::span<std::byte> out);
  Result<bool> advance();

  std::vector<BlobChunk> chunks_;
  std::size_t count_ = 0;  // started so far
  bool is_inside_ = false;
  std::uint64_t left_ = 0;  // remaining bytes of the chunk, or kToEnd
  std::optional<Error> failure_;
};

}  // namespace layoutfs
