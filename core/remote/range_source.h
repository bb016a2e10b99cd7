// Ranges of one blob, as a registry delivers them.
#pragma once

#include <cstdint>
#include <memory>

#include "layoutfs/bytes.h"
#include "layoutfs/context.h"
#include "layoutfs/error.h"

namespace layoutfs {

// An open response with the bytes [offset, offset + size) of a blob.
struct OpenedRange {
  std::uint64_t offset, size;
  std::unique_ptr<ByteSource> content;
};

// Delivers ranges of one blob of a registry, from its first byte to its last, and resumes after
// interruptions. Thread-safe. It outlives the sources that it opens.
class RangeSource {
 public:
  virtual ~RangeSource() = default;
  // Returns the bytes [offset, offset + size), which lie in the blob. They may be a part of the result: a
  // registry without ranges sends the whole blob. The end of `context` also ends reads of the result. A
  // caller that needs no more bytes destroys the result early; until then it may leave a second between two
  // reads. Errc::unexpected_eof if the blob is shorter. Errc::io if the network fails. Errc::not_found.
  // Errc::cancelled. Reads of the result return the same errors.
  virtual Result<OpenedRange> open(std::uint64_t offset, std::uint64_t size,
                                   const Context& context) const = 0;
};

}  // namespace layoutfs
