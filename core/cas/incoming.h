// What blobs and uploads have in common while their content arrives.
#pragma once

#include <cstdint>

#include "core/base/bytes.h"
#include "core/base/context.h"
#include "core/base/digest.h"
#include "core/cas/engine.h"

namespace layoutfs {

// Has the disk begin to write a file while it grows, so that fsync has little left to wait for.
class Writeback {
 public:
  // Of a file that has `size` bytes already, which are left alone.
  explicit Writeback(std::uint64_t size = 0) : begun_(size) {}
  // The file has `size` bytes now. A hint: where it fails, fsync does all of the work.
  void advance(int fd, std::uint64_t size) noexcept;

 private:
  std::uint64_t begun_;  // bytes
};

// The digest and the size of all that `content` delivers.
Result<PutResult> hash_content(ByteSource& content, Algorithm algorithm, const Context& context);

}  // namespace layoutfs
