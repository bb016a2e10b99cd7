// Blobs by digest: the smallest interface that a reader of images needs.
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

// The location of a blob's bytes in a file.
struct BlobExtent {
  int fd;                // valid while the blob is open
  std::uint64_t offset;  // of the blob's first byte
};

// One open blob. Immutable. Any number of threads may read at the same time, even after the blob is deleted.
class Blob {
 public:
  virtual ~Blob() = default;
  // Returns the size in bytes. Does not block.
  virtual std::uint64_t size() const noexcept = 0;
  // Reads into `out`, starting at `offset`. Returns the number of bytes read; fewer than out.size() only at
  // the end of the blob.
  // Errc::io if the system fails to read. Errc::corrupt if the file was truncated after the blob was opened.
  // Errc::cancelled if the context ends while the read waits, e.g. for a network; reads of local files do not
  // check the context.
  virtual Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset,
                                      const Context& context = {}) const = 0;
  // Announces that these bytes will be read soon, so that the system can start reading ahead. Does not block.
  virtual void will_read([[maybe_unused]] std::uint64_t offset,
                         [[maybe_unused]] std::uint64_t size) const noexcept {}
  // Returns whether these bytes can be read without waiting for a network. May read a local file.
  virtual bool is_at_hand([[maybe_unused]] std::uint64_t offset,
                          [[maybe_unused]] std::uint64_t size) const noexcept {
    return true;
  }
  // Returns the file behind the blob, e.g. for FICLONE; nullopt if the bytes are not contiguous in one file.
  virtual std::optional<BlobExtent> extent() const noexcept { return std::nullopt; }
  // Reports that content does not match its digest, or cannot be decoded, because of some of these bytes.
  // Returns whether reading them again may give other bytes: a blob from a network forgets them and fetches
  // them again, unless they stay wrong. The bytes of a local file stay the same: false. May write to the
  // cache, does not wait for the network.
  virtual bool distrust([[maybe_unused]] std::uint64_t offset,
                        [[maybe_unused]] std::uint64_t size) const noexcept {
    return false;
  }
  // A reader repeats a read at most this number of times because of distrust().
  static constexpr int kMostRereads = 3;
};
using BlobPtr = std::shared_ptr<const Blob>;

// Gives access to content by digest. Thread-safe.
class Provider {
 public:
  virtual ~Provider() = default;
  // Opens a blob. Does not verify its content; VerifyingSource does. Cost: opens one file, reads nothing.
  // Errc::not_found if the blob does not exist. Errc::digest_invalid if the digest is empty. Errc::cancelled.
  virtual Result<BlobPtr> get_blob(const Digest& digest, const Context& context = {}) const = 0;
};

// Reads a blob in order from `offset`, in pieces of 128 KiB that are read ahead. For one thread.
// Errors are those of Blob::read_at; Errc::cancelled if the context has ended.
class BlobSource final : public ByteSource {
 public:
  explicit BlobSource(BlobPtr blob, std::uint64_t offset = 0, Context context = {});
  Result<std::size_t> read(std::span<std::byte> out) override;

 private:
  Result<std::size_t> read_next(std::span<std::byte> out);
  std::uint64_t rest() const noexcept;  // bytes after the buffer
  Status fill();

  BlobPtr blob_;
  std::uint64_t offset_;  // of the byte after the last one in the buffer
  Context context_;
  Bytes buffer_;
  std::size_t position_ = 0;  // in buffer_
};

}  // namespace layoutfs
