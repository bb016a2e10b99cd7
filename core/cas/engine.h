// A content-addressed store: blobs by digest, references by name. This is all that the rest knows of a
// layout.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/digest.h"
#include "core/base/error.h"
#include "core/cas/descriptor.h"

namespace layoutfs {

// One open blob. Immutable: any number of threads may read at once, also after the blob was deleted.
class Blob {
 public:
  virtual ~Blob() = default;
  virtual std::uint64_t size() const noexcept = 0;
  // Fills `out` from `offset` on; shorter only at the end.
  virtual Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset) const = 0;
};
using BlobPtr = std::shared_ptr<const Blob>;

// A blob's bytes in order, from `offset` on, read ahead in pieces of 128 KiB.
class BlobSource final : public ByteSource {
 public:
  explicit BlobSource(BlobPtr blob, std::uint64_t offset = 0);
  Result<std::size_t> read(std::span<std::byte> out) override;

 private:
  Status fill();

  BlobPtr blob_;
  std::uint64_t offset_;  // of the byte after the buffer's last one
  Bytes buffer_;
  std::size_t position_ = 0;  // in buffer_
};

// What the layout's references were at one moment.
struct References {
  std::vector<Descriptor> entries;    // in the order of index.json, named or not
  std::vector<std::string> problems;  // one sentence for each entry that could not be understood
  Bytes document;                     // index.json, byte for byte
  std::int64_t mtime_ns;              // of index.json
};

// Thread-safe.
class Engine {
 public:
  virtual ~Engine() = default;
  // Errc::not_found where the layout has no such blob.
  virtual Result<BlobPtr> get_blob(const Digest& digest) const = 0;
  // As get_blob, without opening it; nothing where the layout has no such blob.
  virtual Result<std::optional<std::uint64_t>> blob_size(const Digest& digest) const = 0;
  // Of one algorithm, sorted. Files whose names are no digest are left out.
  virtual Result<std::vector<Digest>> list_blobs(Algorithm algorithm) const = 0;
  // The references now. The same pointer as before as long as nothing has changed, which costs one stat.
  virtual Result<std::shared_ptr<const References>> references() const = 0;
  // The bytes of the `oci-layout` file.
  virtual const Bytes& marker() const noexcept = 0;
};

// Reads a whole document blob: the size must be that of `descriptor`, the content must match its digest.
// Errc::not_found, Errc::corrupt, or Errc::unsupported over 4 MiB.
Result<Bytes> read_document(const Engine& engine, const Descriptor& descriptor);

}  // namespace layoutfs
