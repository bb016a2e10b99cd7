// Threads that decode the next chunks of a gzip blob.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "core/base/guarded.h"
#include "core/base/serial_executor.h"
#include "core/base/worker_pool.h"
#include "core/codec/gzip_chunk.h"

namespace layoutfs::gzip {

// A queue of chunks, each from one piece of the blob. For one caller at a time, not one of the
// threads.
class ChunkQueue {
 public:
  struct Options {
    std::size_t threads;
    std::size_t chunk_size;  // most bytes of the stream in a chunk
    std::size_t most;        // chunks
    std::uint64_t spacing;   // of boundaries
    bool has_states;         // of the boundaries
    DeflateLibrary library;
  };
  explicit ChunkQueue(const Options& options);
  // Waits for the chunks that are being decoded, but does not start others.
  ~ChunkQueue();

  bool is_empty() const noexcept { return is_empty_; }
  bool is_full();
  // Precondition: it is not full; the piece follows that of the last chunk, unless end_run() was called.
  void push(Piece piece);
  // Tells the last chunk that no other one follows.
  void end_run();

  // Returns the least begin of a chunk that is not before bit `least` of the blob, nullopt if there is none.
  // Waits until it is found.
  std::optional<std::uint64_t> first_begin(std::uint64_t least);

  // Precondition of this and the following: it is not empty.
  void pop();
  // Returns the end of the front chunk's piece, in bytes from the start of the blob.
  std::uint64_t front_end();
  // Returns the first block of the front chunk, nullopt if there is no chunk after all. Waits for it.
  std::optional<std::uint64_t> front_begin();
  // Returns the front chunk after its states were made, nullptr if it is unusable. The stream ends at its
  // begin, and `window` is the end of the member so far. Waits.
  Chunk* front_after(const Bytes& window);
  // Returns the end of the member, as of the end of that chunk.
  const Bytes& window_after_front();

 private:
  enum class Stage { waiting, finding, found, decoding, decoded, has_window, resolving, resolved, unusable };
  // The chunk and its memory belong to the thread of the stage; the rest is guarded.
  struct Job {
    explicit Job(Piece of_piece) : piece(of_piece), chunk(std::move(of_piece)) {}
    Stage stage = Stage::waiting;
    bool is_last = false;  // of its run
    std::shared_ptr<Job> next;
    const Piece piece;
    Chunk chunk;
    BufferRing::Buffer memory;
    Bytes window_after;
  };
  using JobPtr = std::shared_ptr<Job>;
  struct State {
    std::deque<JobPtr> jobs;
    bool is_ending = false;
  };
  using Locked = Guarded<State>::Locked;

  static bool has_begin(const Job& job) noexcept { return job.stage > Stage::finding; }
  static bool can_be_decoded(const Job& job) noexcept;
  JobPtr pick();
  void wake();
  void work();
  void do_stage(Job& job);
  void decode(Job& job);
  void set_stage(Job& job, Stage stage);
  void set_windows();

  const Options options_;
  bool is_empty_ = true;
  BufferRing memory_;
  Guarded<std::vector<std::unique_ptr<GzipStateWriter>>> writers_;  // that are not in use

  // Of the caller: the chunks from this one on have no window. The window belongs before it if it begins at
  // the position.
  std::size_t windows_set_ = 0;
  std::optional<std::uint64_t> position_;
  Bytes window_;

  Guarded<State> state_;
  std::condition_variable changed_;
  WorkerPool pool_;  // destroyed first
};

}  // namespace layoutfs::gzip
