// Blobs by digest: the least that a reader of images needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "layoutfs/bytes.h"
#include "layoutfs/context.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// The place of a blob's bytes in a file of the system.
struct BlobExtent {
  int fd;                // valid as long as the blob is open
  std::uint64_t offset;  // of the blob's first byte
};

// One open blob. Immutable: any number of threads may read at once, also after the blob was deleted.
class Blob {
 public:
  virtual ~Blob() = default;
  // Bytes. Waits for nothing.
  virtual std::uint64_t size() const noexcept = 0;
  // Reads into `out`, starting at `offset`. Returns the number of bytes read; fewer than out.size() only at
  // the end of the blob. Errc::io; Errc::corrupt if the file was truncated since the blob was opened;
  // Errc::cancelled if the context ends while the read waits, e.g. for a network: reads of local files do not
  // look at it.
  virtual Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset,
                                      const Context& context = {}) const = 0;
  // Announces that these bytes will be read soon, so that a disk can begin. Waits for nothing.
  virtual void will_read([[maybe_unused]] std::uint64_t offset,
                         [[maybe_unused]] std::uint64_t size) const noexcept {}
  // The file behind the blob, e.g. for FICLONE; nothing if its bytes do not lie in one piece of a file.
  virtual std::optional<BlobExtent> extent() const noexcept { return std::nullopt; }
};
using BlobPtr = std::shared_ptr<const Blob>;

// Content by digest. Thread-safe.
class Provider {
 public:
  virtual ~Provider() = default;
  // Opens a blob. Its content is not verified: VerifyingSource does that. Errc::not_found if there is no such
  // blob, Errc::digest_invalid for an empty digest, Errc::cancelled.
  virtual Result<BlobPtr> get_blob(const Digest& digest, const Context& context = {}) const = 0;
};

// A blob's bytes in order, from `offset` on, read ahead in pieces of 128 KiB. For one thread.
// Errors are those of Blob::read_at; Errc::cancelled once the context has ended.
class BlobSource final : public ByteSource {
 public:
  explicit BlobSource(BlobPtr blob, std::uint64_t offset = 0, Context context = {});
  Result<std::size_t> read(std::span<std::byte> out) override;

 private:
  Result<std::size_t> read_next(std::span<std::byte> out);
  Status fill();

  BlobPtr blob_;
  std::uint64_t offset_;  // of the byte after the buffer's last one
  Context context_;
  Bytes buffer_;
  std::size_t position_ = 0;  // in buffer_
};

}  // namespace layoutfs
