// Reads a layout: blobs by digest, references by name. Readers of images use only this interface.
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

// A snapshot of the layout's references.
struct References {
  std::vector<Descriptor> entries;    // in the order of index.json; if from `refs/`, sorted by name
  std::vector<std::string> problems;  // one sentence for each invalid entry
  Bytes document;                     // the bytes of index.json; empty if the layout has none
  std::int64_t mtime_ns;              // of index.json, or of `refs`
};

// The attributes of a blob that need no reading.
struct BlobStatus {
  std::uint64_t size;   // bytes
  std::int64_t put_ns;  // time of the last put of the blob or its symlink, ns since 1970
  // Whether it is a symlink that is not followed: it is dangling, circular, leaves the layout, or its target
  // is not a regular file. The blob has no size and cannot be read; get_blob returns the reason.
  bool is_dead_link = false;
  // Whether a symlink of the layout pointed to it in the last listing. sweep_blob keeps such a blob.
  bool is_link_target = false;
};

// Detects changes of references and blobs by any process since it was created or last asked. Misses changes
// that the system does not report, such as those of other hosts on a network file system.
class Watch {
 public:
  virtual ~Watch() = default;
  // Returns a descriptor that becomes readable when there may be changes.
  virtual int fd() const noexcept = 0;
  // Returns whether there were changes since the last call. Does not block. For one thread at a time.
  virtual bool has_changed() = 0;
};

// A layout that is open for reading. Never writes, so read-only media work. Thread-safe.
//
// Errc::digest_invalid if a digest is empty. Every function returns Errc::cancelled if its context has ended,
// at the start and while it waits or lists directories.
class LayoutReader : public Provider {
 public:
  // Returns the status of a blob without opening it, nullopt if it does not exist. Cost: one stat.
  virtual Result<std::optional<BlobStatus>> blob_status(const Digest& digest,
                                                        const Context& context = {}) const = 0;
  // Returns the size in bytes; for a symlink, that of its target. nullopt if the blob does not exist or the
  // symlink is dangling.
  Result<std::optional<std::uint64_t>> blob_size(const Digest& digest, const Context& context = {}) const;
  Result<bool> exists(const Digest& digest, const Context& context = {}) const;
  // Returns the path of the blob's file, even if it does not exist; relative if the layout's path is.
  // Errc::unsupported if blobs are not separate files.
  virtual Result<std::string> blob_path(const Digest& digest, const Context& context = {}) const = 0;
  // Returns the blobs of one algorithm, sorted. Ignores other files. Cost: reads a
  // directory.
  virtual Result<std::vector<Digest>> list_blobs(Algorithm algorithm, const Context& context = {}) const = 0;
  // Returns a time in nanoseconds since 1970 that changes whenever the result of list_blobs() changes: the
  // time of the last change, or the current time if a change may be too recent to have another time stamp.
  virtual std::int64_t listing_ns(Algorithm algorithm, const Context& context = {}) const = 0;
  // Returns the blobs of all algorithms, sorted.
  Result<std::vector<Digest>> list_all_blobs(const Context& context = {}) const;

  // Returns the current references; the same pointer while nothing has changed. Cost: one stat if nothing has
  // changed.
  virtual Result<std::shared_ptr<const References>> references(const Context& context = {}) const = 0;
  // Returns the reference with that name (kRefName), without that annotation. Errc::not_found if there is
  // none. Errc::invalid_image if the entry is invalid. Errc::ambiguous, with a list, if entries of that name
  // have different digests, full names (kContainerdName) or platforms: some programs write only the tag as
  // the name.
  virtual Result<Descriptor> get_reference(std::string_view name, const Context& context = {}) const = 0;
  // Returns the names without duplicates, in byte order.
  virtual Result<std::vector<std::string>> list_references(const Context& context = {}) const = 0;

  // Returns null if the layout cannot change, or if the system does not support watches or has no more of
  // them.
  virtual std::unique_ptr<Watch> watch([[maybe_unused]] const Context& context = {}) const { return nullptr; }

  // Returns the bytes of the `oci-layout` file.
  virtual Result<Bytes> marker(const Context& context = {}) const = 0;
};

// Reads a complete document blob and verifies its size and digest; again if Blob::distrust() says that this
// may help. Errc::not_found if it does not exist.
// Errc::corrupt if it does not match. Errc::unsupported if it is larger than 4 MiB. Errc::cancelled.
Result<Bytes> read_document(const Provider& provider, const Descriptor& descriptor,
                            const Context& context = {});

}  // namespace layoutfs
