// Hashing of large content beside whatever else is done with it.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <thread>

#include "core/base/digest.h"

namespace layoutfs {

// Hashes pieces on a thread of its own while the caller writes them, or reads the next ones. Content of a
// single piece needs no thread and gets none. For one caller at a time; takes 1 MiB at most.
class HashPipe {
 public:
  static constexpr std::size_t kPieceSize = std::size_t{256} << 10;

  explicit HashPipe(Algorithm algorithm) : hasher_(algorithm) {}
  HashPipe(const HashPipe&) = delete;
  HashPipe& operator=(const HashPipe&) = delete;
  ~HashPipe() { join(); }

  // kPieceSize bytes for the next piece. Waits for the hashing of the oldest one.
  std::span<std::byte> buffer();
  // Hashes the first `size` bytes of the last buffer(): they may be read from now on, and no longer changed.
  void submit(std::size_t size);
  // Of all pieces. Once, at the end.
  Digest finish();

 private:
  static constexpr std::size_t kPieces = 4;
  struct Piece {
    std::unique_ptr<std::byte[]> bytes;  // allocated when it is first used
    std::size_t size = 0;
  };

  void start();
  void run();
  void hash_all();
  void join();

  std::array<Piece, kPieces> pieces_;  // a ring; a piece is the thread's from submit() until it is hashed
  Hasher hasher_;                      // the thread's, while it runs
  std::thread thread_;
  bool is_threadless_ = false;  // where no thread can be had

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::uint64_t submitted_ = 0, hashed_ = 0;  // pieces
  bool is_ended_ = false;
};

}  // namespace layoutfs
