// Reading a layout: blobs by digest, references by name. All that a reader of images knows of a layout.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "layoutfs/blob.h"
#include "layoutfs/bytes.h"
#include "layoutfs/context.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// The layout's references at one moment.
struct References {
  std::vector<Descriptor> entries;    // named or not, in the order of index.json; from `refs/`: by name
  std::vector<std::string> problems;  // one sentence for each entry that could not be understood
  Bytes document;                     // index.json, byte for byte; empty if the layout has none
  std::int64_t mtime_ns;              // of index.json, or of `refs`
};

struct BlobStatus {
  std::uint64_t size;   // bytes
  std::int64_t put_ns;  // when it, or the symlink that it is, was put last, in nanoseconds since 1970
  // Whether it is a symlink that is not followed: it leads to nothing, to no regular file, in a circle, or
  // out of the layout. The blob cannot be read then (get_blob gives the reason), and has no size.
  bool is_dead_link = false;
  // Whether a symlink of the layout led to it when the blobs were listed last: sweep_blob keeps it.
  bool is_link_target = false;
};

// Tells that references or blobs may have changed since it was made or asked last, by any process.
// Changes that the system does not report, as those of another host on a network file system, are missed.
class Watch {
 public:
  virtual ~Watch() = default;
  // Polls readable once there is something to ask for.
  virtual int fd() const noexcept = 0;
  // Waits for nothing. Of one thread at a time.
  virtual bool has_changed() = 0;
};

// A layout that is open for reading. Writes nothing, so read-only media are fine. Thread-safe.
//
// An empty digest is Errc::digest_invalid. Every function fails with Errc::cancelled once its context has
// ended, at the start and while it waits or walks.
class LayoutReader : public Provider {
 public:
  // The status of a blob, without opening it; nothing if the layout has no such blob.
  virtual Result<std::optional<BlobStatus>> blob_status(const Digest& digest,
                                                        const Context& context = {}) const = 0;
  // Bytes; of a symlink, those of the file that it leads to. Nothing if the layout has no such blob, or if it
  // is a symlink that leads to nothing.
  Result<std::optional<std::uint64_t>> blob_size(const Digest& digest, const Context& context = {}) const;
  Result<bool> exists(const Digest& digest, const Context& context = {}) const;
  // The path of the blob's file, whether it exists or not; relative if the layout's is.
  // Errc::unsupported if a blob is not a file of its own.
  virtual Result<std::string> blob_path(const Digest& digest, const Context& context = {}) const = 0;
  // Of one algorithm, sorted. Files whose names are not digests are left out. Cost: reads a directory.
  virtual Result<std::vector<Digest>> list_blobs(Algorithm algorithm, const Context& context = {}) const = 0;
  // A time, in nanoseconds since 1970, that differs whenever list_blobs() returns something else: the time of
  // the last change, or now if the blobs may have changed just before without another time to show for it.
  virtual std::int64_t listing_ns(Algorithm algorithm, const Context& context = {}) const = 0;
  // Of every algorithm, sorted.
  Result<std::vector<Digest>> list_all_blobs(const Context& context = {}) const;

  // The references now. The same pointer as before as long as nothing has changed, which costs one stat.
  virtual Result<std::shared_ptr<const References>> references(const Context& context = {}) const = 0;
  // The reference of that name (kRefName), without that annotation. Errc::not_found, Errc::invalid_image;
  // Errc::ambiguous, listing them, if entries of that name differ in their digests, full names
  // (kContainerdName) or platforms: programs write the tag of several images as their name.
  virtual Result<Descriptor> get_reference(std::string_view name, const Context& context = {}) const = 0;
  // The names, each once, in byte order.
  virtual Result<std::vector<std::string>> list_references(const Context& context = {}) const = 0;

  // Null if nothing changes, or if the system has no way, or no more room, to tell.
  virtual std::unique_ptr<Watch> watch([[maybe_unused]] const Context& context = {}) const { return nullptr; }

  // The bytes of the `oci-layout` file.
  virtual Result<Bytes> marker(const Context& context = {}) const = 0;
};

// Reads a whole document blob: the size must be that of `descriptor`, the content must match its digest.
// Errc::not_found, Errc::corrupt, Errc::cancelled, or Errc::unsupported over 4 MiB.
Result<Bytes> read_document(const Provider& provider, const Descriptor& descriptor,
                            const Context& context = {});

}  // namespace layoutfs
