// Decoders that have come to their end, kept for the memory of the next ones.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "core/base/guarded.h"
#include "core/codec/codec.h"

namespace layoutfs {

// The kernel clears each page of new memory, so a decoder with a large window would spend a third of its time
// on that. Thread-safe.
class EndedDecoders {
 public:
  static constexpr std::size_t kMost = 16;
  static constexpr std::size_t kMostMemory = std::size_t{16} << 20;

  // Ends the decoder. Keeps it if its memory is worth it and there is room.
  void keep(std::unique_ptr<Decoder> decoder) noexcept;
  // Removes and returns one for Codec::resume; nullptr if there is none.
  std::unique_ptr<Decoder> take(Compression compression) noexcept;

 private:
  struct Entry {
    Compression compression;
    std::unique_ptr<Decoder> decoder;
  };
  Guarded<std::vector<Entry>> entries_;
};

}  // namespace layoutfs
