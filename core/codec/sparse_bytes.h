// The needed bytes of a window, as runs. Serialized, they are
//   for each run: the number of bytes before it that are not needed,
//   for each run: its length minus one (both as numbers of 7 bits a byte, low ones first; the upper bit:
//   more), the bytes of all runs.
// Equal kinds stand together because they compress better.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "layoutfs/bytes.h"

namespace layoutfs {

class RunWriter {
 public:
  // Runs are added in ascending order, and do not overlap. `bytes` is not empty.
  void add(std::size_t at, ByteView bytes);
  std::uint32_t runs() const noexcept { return runs_; }
  // Appends the runs to `out`.
  void finish(Bytes& out) const;
  // Starts again, with the same memory.
  void clear() noexcept;

 private:
  Bytes gaps_, lengths_, bytes_;
  std::uint32_t runs_ = 0;
  std::size_t end_ = 0;  // of the last run
};

// Copies `runs` serialized runs into `window`, which is zero. Returns false if `packed` is not exactly that
// many runs, or if they do not fit; the window then has some of them.
bool copy_runs(ByteView packed, std::size_t runs, std::span<std::byte> window);
// Zeroes the bytes that copy_runs has copied, with the same arguments.
void clear_runs(ByteView packed, std::size_t runs, std::span<std::byte> window) noexcept;

}  // namespace layoutfs
