// Content on its way, held against its digest and size.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/hash_pipe.h"
#include "layoutfs/bytes.h"
#include "layoutfs/digest.h"

namespace layoutfs {

// Hands on what `content` delivers; the end is only reported once all of it was right. For one thread at a
// time.
class VerifyingSource final : public ByteSource {
 public:
  // `content` must outlive this. Without `size`, any number of bytes may come.
  VerifyingSource(ByteSource& content, Digest digest, std::optional<std::uint64_t> size);

  // Errc::corrupt instead of the end where the digest or the size is another one, and as soon as one byte
  // more than `size` has come. Of both, the digest is named. An error stays.
  Result<std::size_t> read(std::span<std::byte> out) override;
  // Reads what is left. Errc::corrupt as read() gives it.
  Status close();

 private:
  Status check_end();

  ByteSource& content_;
  Digest digest_;
  std::optional<std::uint64_t> size_;
  std::uint64_t received_ = 0;
  HashPipe hashes_;
  std::optional<Status> outcome_;  // once the end, or an error, was seen
};

}  // namespace layoutfs
