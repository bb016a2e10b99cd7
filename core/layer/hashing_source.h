// A blob on its way to a decoder.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "core/base/bytes.h"
#include "core/base/digest.h"
#include "core/base/error.h"
#include "core/base/hash_pipe.h"
#include "core/cas/engine.h"

namespace layoutfs {

// Delivers a blob and hashes, beside that, the very bytes that it delivers. For one thread at a time.
class HashingSource final : public ByteSource {
 public:
  // `on_bytes` is called with the size of each piece that was read; where it fails, reading does.
  HashingSource(BlobPtr blob, Algorithm algorithm, std::function<Status(std::uint64_t bytes)> on_bytes)
      : source_(std::move(blob)), hashes_(algorithm), on_bytes_(std::move(on_bytes)) {}

  // The first failure stays, also where a decoder makes another error of it.
  Result<std::size_t> read(std::span<std::byte> out) override;
  // Reads what is left. What has seen the whole blob; once.
  Result<Hasher> finish();
  std::uint64_t bytes_read() const noexcept { return bytes_read_; }

 private:
  Result<std::size_t> read_piece();

  BlobSource source_;
  HashPipe hashes_;
  const std::function<Status(std::uint64_t)> on_bytes_;
  ByteView piece_;  // read and not yet delivered
  std::uint64_t bytes_read_ = 0;
  std::optional<Error> failure_;
};

}  // namespace layoutfs
