// Reads a blob for a decoder and hashes it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <optional>

#include "core/base/guarded.h"
#include "core/base/serial_executor.h"
#include "layoutfs/blob.h"
#include "layoutfs/bytes.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Delivers a blob that its own thread reads ahead and hashes: exactly the bytes that are delivered. For one
// thread at a time.
class HashingSource final : public ByteSource {
 public:
  // `on_bytes` is called with the size of each piece before delivery; if it fails, reading fails.
  HashingSource(BlobPtr blob, Algorithm algorithm, std::function<Status(std::uint64_t bytes)> on_bytes)
      : source_(std::move(blob)), hasher_(algorithm), on_bytes_(std::move(on_bytes)) {}

  // The first error is final, even if a decoder converts it to another one. Throws std::bad_alloc; the source
  // is unusable then.
  Result<std::size_t> read(std::span<std::byte> out) override;
  // Reads the remaining bytes, and returns the hasher of the whole blob. Call it once.
  Result<Hasher> finish();
  std::uint64_t bytes_read() const noexcept { return bytes_read_; }

 private:
  static constexpr std::size_t kPieceSize = std::size_t{256} << 10;
  static constexpr std::size_t kAhead = 2;  // pieces
  struct Piece {
    BufferRing::Buffer bytes;
    Result<std::size_t> size;  // 0 at the end
  };

  // Pieces that the executor has read. After an exception there are no more.
  struct Ready {
    std::deque<Piece> pieces;
    std::exception_ptr failure;
  };

  Piece read_one();
  void run(std::move_only_function<void()> work);
  void read_ahead();
  Piece next_piece();
  Result<std::size_t> take_piece();

  BlobSource source_;  // used by the executor after it has started
  Hasher hasher_;      // used by the executor
  const std::function<Status(std::uint64_t)> on_bytes_;
  BufferRing buffers_{kAhead + 3, kPieceSize};  // read ahead, with the caller, and being read or hashed

  BufferRing::Buffer piece_;  // with the caller
  ByteView rest_;             // the part of piece_ that was not delivered yet
  std::uint64_t bytes_read_ = 0;
  std::optional<Error> failure_;
  bool is_ahead_ = false, is_at_end_ = false;

  Guarded<Ready> ready_;
  std::condition_variable is_ready_;
  SerialExecutor executor_{kAhead + 2};  // destroyed first
};

}  // namespace layoutfs
