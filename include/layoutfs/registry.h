// Repositories, tags and uploads of the OCI distribution specification, on top of image layouts.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "layoutfs/bytes.h"
#include "layoutfs/context.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/digest.h"
#include "layoutfs/engine.h"
#include "layoutfs/error.h"
#include "layoutfs/registry_code.h"
#include "layoutfs/upload.h"

namespace layoutfs {

// Reads a blob or a range of it. read() is for one thread at a time, read_at() for any number.
class BlobReader final : public ByteSource {
 public:
  // Reads the bytes [begin, end) of `blob`. Precondition: begin <= end <= size.
  BlobReader(Descriptor descriptor, BlobPtr blob, std::uint64_t begin, std::uint64_t end);

  // Of the whole blob, even if this reads a range.
  const Descriptor& descriptor() const noexcept { return descriptor_; }
  // The whole blob.
  const BlobPtr& blob() const noexcept { return blob_; }
  // Returns the number of bytes in the range.
  std::uint64_t size() const noexcept { return end_ - begin_; }
  Result<std::size_t> read(std::span<std::byte> out) override;
  // Fills `out`, starting at `offset` of the range. Returns fewer bytes than out.size() only at the end of
  // the range.
  Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset) const;

 private:
  Descriptor descriptor_;
  BlobPtr blob_;
  std::uint64_t begin_, end_;
  BlobSource source_;
  std::uint64_t left_;  // bytes that read() has not returned yet
};

// An upload in pieces. It survives the writer and the process, and can be resumed
// (Registry::push_blob_chunked_resume). For one thread at a time. Errc::closed if it is used after close().
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;

  // Appends all of `piece`, of any size.
  virtual Status write(ByteView piece) = 0;
  // Returns the number of bytes so far, including those of earlier writers.
  virtual std::uint64_t size() const noexcept = 0;
  // Returns the preferred size of a piece in bytes. A hint.
  virtual std::size_t chunk_size() const noexcept = 0;
  // Returns the ID with which the upload can be resumed; 32 hex digits if an Engine stores it.
  virtual const std::string& id() const noexcept = 0;
  // Returns the sha256 of the content so far, for callers that did not compute it.
  virtual Result<Digest> digest(const Context& context = {}) = 0;
  // Releases the upload without removing it. A second call has no effect.
  virtual Status close() = 0;
  // Closes the upload and turns it into the blob `digest`. Returns its descriptor, with the media type
  // application/octet-stream. Errc::digest_invalid if the content does not match; Errc::size_invalid if
  // another writer has appended to it. After either error the upload still exists and can be resumed,
  // committed or cancelled. RegistryCode::blob_upload_unknown if it was committed or cancelled before.
  virtual Result<Descriptor> commit(const Digest& digest, const Context& context = {}) = 0;
  // Removes the upload. Has no effect a second time or after commit().
  virtual Status cancel() = 0;
};

// Returns a writer for an engine's upload, which keeps both alive. If `chunk_size` is 0, it is
// kDefaultChunkSize.
std::unique_ptr<BlobWriter> write_upload(std::shared_ptr<Engine> engine, std::unique_ptr<Upload> upload,
                                         std::size_t chunk_size);

// Options of push_manifest().
struct PushManifestParameters {
  Digest digest;  // expected digest; empty: compute the sha256
  std::vector<std::string> tags;
  // Annotations of the entries, in addition to media type, digest and size. Annotations with names of
  // references are ignored.
  Annotations annotations;
  std::optional<Platform> platform;
  std::string artifact_type;
  Context context = {};
};

// A page of a sorted listing.
struct Page {
  std::string start_after;  // names after this one in byte order; it need not exist
  std::size_t limit = 0;    // maximum number of names; 0: all
};

// Default size in bytes of the pieces of an upload.
inline constexpr std::size_t kDefaultChunkSize = 8192;

// Repositories with blobs, manifests and tags. Thread-safe, and safe with other processes. Operations that an
// implementation lacks return Errc::unsupported.
//
// Errors of all operations: RegistryCode::name_invalid if a repository or tag breaks the grammar
// (oci/repository_names.h). Errc::digest_invalid if a digest is empty. RegistryCode::name_unknown if an
// operation on entries names a repository without any. Functions with a Context return Errc::cancelled if it
// has ended, at the start and while they wait or list directories. registry_code() maps an error to the code
// of a server's response.
class Registry {
 public:
  virtual ~Registry() = default;

  // Blobs belong to the layout and are shared by its repositories. Descriptors have a digest and a size, but
  // no media type. Content is not verified; VerifyingSource does that. RegistryCode::blob_unknown if the blob
  // does not exist.
  virtual Result<Descriptor> resolve_blob(std::string_view repository, const Digest& digest);
  virtual Result<BlobReader> get_blob(std::string_view repository, const Digest& digest);
  // Returns the bytes [begin, end). If `end` is negative or beyond the end, it is the size of the blob.
  // RegistryCode::range_invalid if `begin` is negative or beyond the end.
  virtual Result<BlobReader> get_blob_range(std::string_view repository, const Digest& digest,
                                            std::int64_t begin, std::int64_t end);

  // Finds a manifest or an index that is reachable from the entries of the repository, directly or through
  // indexes, or that referrers() lists. Returns the descriptor of the entry, or of the parent document.
  // RegistryCode::manifest_unknown if it is not reachable; from get_manifest also if the blob is missing.
  virtual Result<Descriptor> resolve_manifest(std::string_view repository, const Digest& digest,
                                              const Context& context = {});
  virtual Result<BlobReader> get_manifest(std::string_view repository, const Digest& digest,
                                          const Context& context = {});
  // Finds the first entry of that tag. RegistryCode::manifest_unknown as above.
  virtual Result<Descriptor> resolve_tag(std::string_view repository, std::string_view tag,
                                         const Context& context = {});
  virtual Result<BlobReader> get_tag(std::string_view repository, std::string_view tag,
                                     const Context& context = {});

  // Stores `content` as the blob `descriptor` and returns it. If the blob exists, reads nothing.
  // Errc::digest_invalid or Errc::size_invalid if the content does not match; nothing is stored then.
  virtual Result<Descriptor> push_blob(std::string_view repository, const Descriptor& descriptor,
                                       ByteSource& content, const Context& context = {});
  virtual Result<std::unique_ptr<BlobWriter>> push_blob_chunked(std::string_view repository,
                                                                std::size_t chunk_size = kDefaultChunkSize);
  // Resumes the upload `id` of any repository, or starts a new one if `id` is empty. `offset` must be the
  // upload's size, or -1 for any. RegistryCode::blob_upload_unknown if there is no such upload.
  // RegistryCode::range_invalid if the offset differs. RegistryCode::blob_upload_invalid if another writer
  // holds it.
  virtual Result<std::unique_ptr<BlobWriter>> push_blob_chunked_resume(
      std::string_view repository, std::string_view id, std::int64_t offset,
      std::size_t chunk_size = kDefaultChunkSize);
  // Makes a blob of the repository `from` available in `to`; copies it if they are different layouts.
  // Errc::corrupt if the blob is damaged.
  virtual Result<Descriptor> mount_blob(std::string_view from, std::string_view to, const Digest& digest,
                                        const Context& context = {});

  // Stores a manifest byte for byte, and adds an entry for each tag, or one entry without a tag. A tag that
  // exists moves to it. Manifests and indexes of OCI and Docker must be well-formed, and everything they
  // refer to must exist, except subjects and layers with URLs. RegistryCode::manifest_invalid, with the
  // member, if they are not. Errc::digest_invalid if it does not match parameters.digest.
  virtual Result<Descriptor> push_manifest(std::string_view repository, ByteView manifest,
                                           std::string_view media_type,
                                           const PushManifestParameters& parameters = {});

  // Only collect_garbage() removes blobs: RegistryCode::denied if the blob exists.
  virtual Status delete_blob(std::string_view repository, const Digest& digest);
  // Removes all entries with that digest. RegistryCode::manifest_unknown if it is only reachable through
  // indexes.
  virtual Status delete_manifest(std::string_view repository, const Digest& digest,
                                 const Context& context = {});
  virtual Status delete_tag(std::string_view repository, std::string_view tag, const Context& context = {});

  // Returns the repositories that have entries, in byte order. In a directory of layouts, includes
  // repositories with unreadable layouts.
  virtual Result<std::vector<std::string>> repositories(const Page& page = {}, const Context& context = {});
  // Returns the tags without duplicates, in byte order.
  virtual Result<std::vector<std::string>> tags(std::string_view repository, const Page& page = {},
                                                const Context& context = {});
  // Returns the documents with the subject `digest`, sorted by digest; the subject need not exist. Searches
  // everything reachable from the repository's entries through indexes, artifact manifests and subjects. If
  // `artifact_type` is not empty, returns only documents of that type. Descriptors have the artifact type of
  // the manifest or its config, and the manifest's annotations.
  virtual Result<std::vector<Descriptor>> referrers(std::string_view repository, const Digest& digest,
                                                    std::string_view artifact_type = {},
                                                    const Context& context = {});
};

// The treatment of entries without a repository in their names (EntryName), such as a tag alone, and of
// invalid ones. An entry that is skipped is never changed.
enum class ForeignEntry : std::uint8_t {
  error,                    // operations on entries return Errc::invalid_image
  skip,                     // skip both kinds
  skip_without_repository,  // an invalid entry is an error
};

// Options of open_registry() and open_repositories().
struct RegistryOptions {
  std::string default_repository;  // for entries without a name, or with only a tag
  ForeignEntry foreign = ForeignEntry::error;
  // Keep an entry without a name for a manifest that loses its last tag.
  bool keep_untagged = false;
  // Follow symlinks that leave a layout (DirOptions::follow_links).
  bool follow_links = false;
  // Wait for the disk before returning. Only tests turn it off.
  bool is_durable = true;
};

// Returns the repositories of the layout in `directory`, which is created with the first write.
// Errc::invalid_argument if the path is empty. RegistryCode::name_invalid if the default repository is
// invalid. Errc::invalid_image as in open_dir.
Result<std::unique_ptr<Registry>> open_registry(const std::string& directory,
                                                const RegistryOptions& options = {});

// Returns repositories that have one layout each below `directory`: `a/b` is stored in `directory/a/b`.
// Directories are created with the first write. RegistryCode::name_invalid if a component after the first is
// the name of a layout's file (is_repository_directory in repository_tree.h). Errc::invalid_argument if there
// is a default repository, because each layout is one repository.
Result<std::unique_ptr<Registry>> open_repositories(const std::string& directory,
                                                    const RegistryOptions& options = {});

// Returns the repositories of `registry` below `prefix/`, without that prefix.
std::unique_ptr<Registry> below_prefix(std::shared_ptr<Registry> registry, std::string prefix);

}  // namespace layoutfs
