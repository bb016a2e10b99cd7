// Repositories, tags and uploads as the OCI distribution specification has them, over image layouts.
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

// A blob, or a range of one. read() is for one thread at a time, read_at() for any number.
class BlobReader final : public ByteSource {
 public:
  // The bytes [begin, end) of `blob`; begin <= end <= its size.
  BlobReader(Descriptor descriptor, BlobPtr blob, std::uint64_t begin, std::uint64_t end);

  // Of the whole blob, also where this is a range of it.
  const Descriptor& descriptor() const noexcept { return descriptor_; }
  // Of the whole blob too.
  const BlobPtr& blob() const noexcept { return blob_; }
  // Bytes of the range.
  std::uint64_t size() const noexcept { return end_ - begin_; }
  Result<std::size_t> read(std::span<std::byte> out) override;
  // Fills `out` from `offset` of the range on; shorter only at its end.
  Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset) const;

 private:
  Descriptor descriptor_;
  BlobPtr blob_;
  std::uint64_t begin_, end_;
  BlobSource source_;
  std::uint64_t left_;  // bytes that read() has not delivered
};

// An upload in pieces, which outlives this and the process: see Registry::push_blob_chunked_resume. For one
// thread at a time. Errc::closed for what is written after close().
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;

  // All of `piece`, of any size.
  virtual Status write(ByteView piece) = 0;
  // Bytes so far, those of earlier writers included.
  virtual std::uint64_t size() const noexcept = 0;
  // What whoever began this wanted to write at a time. A hint.
  virtual std::size_t chunk_size() const noexcept = 0;
  // By which the upload is gone on with; 32 hex digits where an Engine has it.
  virtual const std::string& id() const noexcept = 0;
  // sha256 of what is there, for who does not know it.
  virtual Result<Digest> digest(const Context& context = {}) = 0;
  // Lets go of the upload, and keeps it. Once more is no error.
  virtual Status close() = 0;
  // Closes, and makes of what was written the blob `digest`. Its descriptor has the media type
  // application/octet-stream. Errc::digest_invalid where the content is another one, Errc::size_invalid where
  // another writer has added to it meanwhile: the upload is still there after both, to be committed again,
  // gone on with, or cancelled. RegistryCode::blob_upload_unknown once it was committed or cancelled.
  virtual Result<Descriptor> commit(const Digest& digest, const Context& context = {}) = 0;
  // Removes the upload. Once more, or after commit(), is no error.
  virtual Status cancel() = 0;
};

// The writer of an upload that an engine has; both live as long as it. A `chunk_size` of 0 is
// kDefaultChunkSize.
std::unique_ptr<BlobWriter> write_upload(std::shared_ptr<Engine> engine, std::unique_ptr<Upload> upload,
                                         std::size_t chunk_size);

struct PushManifestParameters {
  Digest digest;  // to be checked; empty for the manifest's sha256
  std::vector<std::string> tags;
  // What the entries say of the manifest beside its media type, digest and size. Names among the annotations
  // count for nothing.
  Annotations annotations;
  std::optional<Platform> platform;
  std::string artifact_type;
  Context context = {};
};

// A page of a sorted listing.
struct Page {
  std::string start_after;  // names after this one in byte order, whether it exists or not
  std::size_t limit = 0;    // at most so many; 0 for all
};

// Bytes that a writer is asked to take at a time where nobody says how many.
inline constexpr std::size_t kDefaultChunkSize = 8192;

// Repositories of blobs, manifests and tags. Thread-safe, and safe beside other processes. Whatever an
// implementation does not have is Errc::unsupported.
//
// Everywhere: RegistryCode::name_invalid for a repository or a tag that breaks the grammar
// (oci/repository_names.h), Errc::digest_invalid for an empty digest, RegistryCode::name_unknown for a
// repository without entries where entries are asked for. What takes a Context fails with Errc::cancelled
// once that has ended, at the start and while it waits or walks. registry_code() gives the code that a server
// answers with.
class Registry {
 public:
  virtual ~Registry() = default;

  // Blobs belong to the layout, not to a repository: each one sees all of them. The descriptors have digest
  // and size, no media type. RegistryCode::blob_unknown. The content is not verified: VerifyingSource does.
  virtual Result<Descriptor> resolve_blob(std::string_view repository, const Digest& digest);
  virtual Result<BlobReader> get_blob(std::string_view repository, const Digest& digest);
  // The bytes [begin, end); an `end` that is negative or behind the blob's stands for the blob's.
  // RegistryCode::range_invalid for a negative `begin` and for one behind the end.
  virtual Result<BlobReader> get_blob_range(std::string_view repository, const Digest& digest,
                                            std::int64_t begin, std::int64_t end);

  // A manifest or an index that the repository's entries reach, directly or through indexes, or that
  // referrers() lists. The descriptor is that of the entry, or of the document that names it.
  // RegistryCode::manifest_unknown, also where get_manifest finds no blob.
  virtual Result<Descriptor> resolve_manifest(std::string_view repository, const Digest& digest,
                                              const Context& context = {});
  virtual Result<BlobReader> get_manifest(std::string_view repository, const Digest& digest,
                                          const Context& context = {});
  // The first entry of that tag. RegistryCode::manifest_unknown, as above.
  virtual Result<Descriptor> resolve_tag(std::string_view repository, std::string_view tag,
                                         const Context& context = {});
  virtual Result<BlobReader> get_tag(std::string_view repository, std::string_view tag,
                                     const Context& context = {});

  // Stores what `content` delivers as the blob that `descriptor` names, and returns that. Where the blob is
  // there, nothing is read. Errc::digest_invalid, Errc::size_invalid where either differs; nothing stays.
  virtual Result<Descriptor> push_blob(std::string_view repository, const Descriptor& descriptor,
                                       ByteSource& content, const Context& context = {});
  virtual Result<std::unique_ptr<BlobWriter>> push_blob_chunked(std::string_view repository,
                                                                std::size_t chunk_size = kDefaultChunkSize);
  // Goes on with the upload `id`, of whichever repository, or begins a new one where it is empty. `offset` is
  // where: the upload's size, or -1 for that, whatever it is. RegistryCode::blob_upload_unknown;
  // RegistryCode::range_invalid for another offset; RegistryCode::blob_upload_invalid where another writer
  // has it.
  virtual Result<std::unique_ptr<BlobWriter>> push_blob_chunked_resume(
      std::string_view repository, std::string_view id, std::int64_t offset,
      std::size_t chunk_size = kDefaultChunkSize);
  // Gives the blob of repository `from` to `to`, by a copy where they have not one layout. A blob that is
  // damaged is Errc::corrupt.
  virtual Result<Descriptor> mount_blob(std::string_view from, std::string_view to, const Digest& digest,
                                        const Context& context = {});

  // Stores a manifest byte for byte, with an entry for each tag, which moves to it, or one without a tag.
  // Of manifests and indexes, OCI's and Docker's, the structure is checked, and that everything they name is
  // there (but for subjects, and layers with URLs). RegistryCode::manifest_invalid, naming the member;
  // Errc::digest_invalid where parameters.digest is another one.
  virtual Result<Descriptor> push_manifest(std::string_view repository, ByteView manifest,
                                           std::string_view media_type,
                                           const PushManifestParameters& parameters = {});

  // Blobs are only removed by collect_garbage(): RegistryCode::denied for each that is there.
  virtual Status delete_blob(std::string_view repository, const Digest& digest);
  // All entries of that digest. What only indexes reach is RegistryCode::manifest_unknown.
  virtual Status delete_manifest(std::string_view repository, const Digest& digest,
                                 const Context& context = {});
  virtual Status delete_tag(std::string_view repository, std::string_view tag, const Context& context = {});

  // Those that have entries, in byte order; in a directory of layouts also those whose layout cannot be read.
  virtual Result<std::vector<std::string>> repositories(const Page& page = {}, const Context& context = {});
  // Each once, in byte order.
  virtual Result<std::vector<std::string>> tags(std::string_view repository, const Page& page = {},
                                                const Context& context = {});
  // The documents whose subject is `digest`, which need not be there, sorted by their digests: of all that
  // the repository's entries lead to, through indexes, artifact manifests and the subjects of other documents
  // too; where `artifact_type` is not empty, only those of that type. The descriptors have the artifact type
  // of the manifest, or of its config, and the manifest's own annotations.
  virtual Result<std::vector<Descriptor>> referrers(std::string_view repository, const Digest& digest,
                                                    std::string_view artifact_type = {},
                                                    const Context& context = {});
};

// What becomes of an entry whose name says no repository (EntryName).
enum class ForeignEntry : std::uint8_t {
  error,  // everything that looks at entries is Errc::invalid_image
  skip,
};

struct RegistryOptions {
  std::string default_repository;  // of entries without a name, or with a tag for one
  ForeignEntry foreign = ForeignEntry::error;
  // Whether a manifest that loses its last tag keeps an entry without one.
  bool keep_untagged = false;
  // Whether symlinks that leave a layout are followed (DirOptions::follow_links).
  bool follow_links = false;
  // Whether what was written is on disk when the call returns. Only tests can do without.
  bool is_durable = true;
};

// The repositories of the layout in `directory`, which is made at the first write where it is missing.
// Errc::invalid_argument for an empty path; RegistryCode::name_invalid for a default repository that is none;
// Errc::invalid_image as open_dir gives it.
Result<std::unique_ptr<Registry>> open_registry(const std::string& directory,
                                                const RegistryOptions& options = {});

// A layout for each repository, below `directory`: that of `a/b` is `directory/a/b`. Neither of the
// directories needs to be there before the first write. Repositories with a component, after the first, that
// a layout has a file for are RegistryCode::name_invalid (is_repository_directory in repository_tree.h).
// Errc::invalid_argument for a default repository: it is the repository itself.
Result<std::unique_ptr<Registry>> open_repositories(const std::string& directory,
                                                    const RegistryOptions& options = {});

// What of `registry` is below `prefix/`, without that.
std::unique_ptr<Registry> below_prefix(std::shared_ptr<Registry> registry, std::string prefix);

}  // namespace layoutfs
