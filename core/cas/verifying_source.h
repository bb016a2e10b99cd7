// Verifies the digest and size of content while it is read.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/hash_pipe.h"
#include "layoutfs/bytes.h"
#include "layoutfs/digest.h"

namespace layoutfs {

// Passes `content` on, and reports its end only if all of it was correct. For one thread at a time.
class VerifyingSource final : public ByteSource {
 public:
  // `content` must outlive this. Without `size`, any number of bytes is allowed.
  VerifyingSource(ByteSource& content, Digest digest, std::optional<std::uint64_t> size);

  // Errc::corrupt instead of the end if the digest or the size differs, and immediately if there are more
  // than `size` bytes. If both differ, the message names the digest. Errors are final.
  Result<std::size_t> read(std::span<std::byte> out) override;
  // Reads the remaining content. Errc::corrupt as in read().
  Status close();

 private:
  Status check_end();

  ByteSource& content_;
  Digest digest_;
  std::optional<std::uint64_t> size_;
  std::uint64_t received_ = 0;
  HashPipe hashes_;
  std::optional<Status> outcome_;  // after the end or an error
};

}  // namespace layoutfs
