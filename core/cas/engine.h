// A content-addressed store: blobs by digest, references by name. This is all that the rest knows of a
// layout.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/context.h"
#include "core/base/digest.h"
#include "core/base/error.h"
#include "core/cas/descriptor.h"

namespace layoutfs {

// Where a blob's bytes lie in a file of the system.
struct BlobExtent {
  int fd;                // as long as the blob is open
  std::uint64_t offset;  // of its first byte
};

// One open blob. Immutable: any number of threads may read at once, also after the blob was deleted.
class Blob {
 public:
  virtual ~Blob() = default;
  virtual std::uint64_t size() const noexcept = 0;
  // Fills `out` from `offset` on; shorter only at the end.
  virtual Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset) const = 0;
  // That these bytes will soon be read, so that a disk may begin; waits for nothing.
  virtual void will_read([[maybe_unused]] std::uint64_t offset,
                         [[maybe_unused]] std::uint64_t size) const noexcept {}
  // For who can do more with a file than read it. Nothing where it lies in none.
  virtual std::optional<BlobExtent> extent() const noexcept { return std::nullopt; }
};
using BlobPtr = std::shared_ptr<const Blob>;

// The least that a reader of images needs: content by its digest. Thread-safe.
class Provider {
 public:
  virtual ~Provider() = default;
  // Errc::not_found where there is no such blob. Its content is not verified: VerifyingSource does.
  virtual Result<BlobPtr> get_blob(const Digest& digest) const = 0;
};

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
  std::vector<Descriptor> entries;    // named or not, in the order of index.json; from `refs/`: by name
  std::vector<std::string> problems;  // one sentence for each entry that could not be understood
  Bytes document;                     // index.json, byte for byte; empty where the layout has none
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

struct PutOptions {
  Algorithm algorithm = kBlobAlgorithm;  // where no digest says it
  Digest digest;                         // that the content must have; empty for any
  std::optional<std::uint64_t> size;     // bytes that it must have
  Context context;
};

struct PutResult {
  Digest digest;
  std::uint64_t size;  // bytes
};

// What becomes of a layout's entries.
struct ReferenceChanges {
  struct Change {
    std::size_t position;                   // in References::entries
    std::optional<Descriptor> replacement;  // nothing removes the entry
  };
  std::vector<Change> changed;    // by ascending positions
  std::vector<Descriptor> added;  // behind them
};
// Decides on them by what the references are now.
using ReferenceUpdate = std::function<Result<ReferenceChanges>(const References& now)>;

// What put_reference does where a reference of that name is there already and names something else.
enum class PutMode : std::uint8_t {
  no_clobber,  // Errc::clobber
  replace,     // in one step: a reader sees the old one or the new one
};

enum class SweepResult : std::uint8_t {
  removed,
  absent,
  young,  // or a symlink leads to it
  references_changed,
};

// Tells that references or blobs may have changed since it was made or asked last, whoever changed them.
// What a system does not tell of, as changes by another host on a network file system, it misses.
class Watch {
 public:
  virtual ~Watch() = default;
  // Polls readable once there is something to ask for.
  virtual int fd() const noexcept = 0;
  // Waits for nothing. Of one thread at a time.
  virtual bool has_changed() = 0;
};

class BlobBatch;
class Upload;

// A content-addressed store. Thread-safe, and safe beside other processes that use the layout: what is to be
// seen at any moment, also after a crash, is the old state or the new one.
//
// Opening and reading write nothing, so read-only media are fine. Everything that would change something
// fails there with Errc::io and EROFS; what has nothing to change succeeds: to delete what is not there, to
// put a reference that is there, to clean what is clean. After close() everything fails with Errc::closed. An
// empty digest is Errc::digest_invalid. What takes a Context fails with Errc::cancelled once that has ended,
// at the start and while it waits or walks; nothing has changed then, but for litter that clean() had removed
// already.
class Engine : public Provider {
 public:
  // As get_blob, without opening it; nothing where the layout has no such blob.
  virtual Result<std::optional<BlobStatus>> blob_status(const Digest& digest) const = 0;
  // Of a symlink, the size of the file that it leads to. Nothing if it leads to nothing.
  Result<std::optional<std::uint64_t>> blob_size(const Digest& digest) const;
  Result<bool> exists(const Digest& digest) const;
  // Where the blob lies, or would lie, as a path of the system; relative where the layout's is.
  // Errc::unsupported where it is no file of its own.
  virtual Result<std::string> blob_path(const Digest& digest) const = 0;
  // Of one algorithm, sorted. Files whose names are no digest are left out.
  virtual Result<std::vector<Digest>> list_blobs(Algorithm algorithm, const Context& context = {}) const = 0;
  // A time, in nanoseconds since 1970, that is another one whenever list_blobs() gives something else: when
  // that changed last, or now where it may have changed just before without another time to show for it.
  virtual std::int64_t listing_ns(Algorithm algorithm) const = 0;
  // Of every algorithm, sorted.
  Result<std::vector<Digest>> list_all_blobs(const Context& context = {}) const;

  // Stores what `content` delivers. It is there, whole and on disk, or nothing has changed; that it was there
  // before is no error, and what was there is kept, unless it is damaged: then the content replaces it, in
  // one step. Errc::digest_invalid and Errc::size_invalid where the content is not what the options say; no
  // more of it is read than needed.
  virtual Result<PutResult> put_blob(ByteSource& content, const PutOptions& options = {}) = 0;
  // put_blob of another layout's blob, which shares the disk's blocks with it where the file system can.
  virtual Result<PutResult> copy_blob(const BlobPtr& blob, const PutOptions& options = {});
  // Whether copy_blob of this one shares its blocks, and so takes no time to speak of but that of reading it.
  virtual bool can_clone(const Blob& blob) const;
  // Many blobs together (blob_batch.h). The engine must outlive it.
  virtual std::unique_ptr<BlobBatch> start_batch();
  // Content that arrives in pieces (upload.h). The engine must outlive it. `id` is for
  // who wants to find it again by something else than what it was called; a random one where it is empty.
  // Errc::already_exists where there is one of that id.
  virtual Result<std::unique_ptr<Upload>> start_upload(std::string_view id = {}) = 0;
  // Goes on with one that this process or another one has begun. Errc::blob_upload_unknown;
  // Errc::blob_upload_invalid where another Upload has it.
  virtual Result<std::unique_ptr<Upload>> resume_upload(std::string_view id) = 0;
  // put_blob of `value` as canonical_json writes it: the same value has the same digest.
  Result<PutResult> put_blob_json(JsonValue value, const PutOptions& options = {});
  // Whether it was there. Nobody asks whether it is in use: collect_garbage does.
  virtual Result<bool> delete_blob(const Digest& digest) = 0;
  // delete_blob, if the references are still those of `seen` and the blob was not put at or after `limit_ns`
  // (see BlobStatus), decided and done while nobody else changes references or puts this blob.
  virtual Result<SweepResult> sweep_blob(const Digest& digest, const References& seen, std::int64_t limit_ns,
                                         const Context& context = {}) = 0;

  // The references now. The same pointer as before as long as nothing has changed, which costs one stat.
  virtual Result<std::shared_ptr<const References>> references(const Context& context = {}) const = 0;
  // The reference of that name (kRefName), without that annotation. Errc::not_found, Errc::invalid_image;
  // Errc::ambiguous, listing them, if entries of that name differ in their digests, full names
  // (kContainerdName) or platforms: programs write the tag of several images as their name.
  virtual Result<Descriptor> get_reference(std::string_view name, const Context& context = {}) const = 0;
  // The names, each once, in byte order.
  virtual Result<std::vector<std::string>> list_references(const Context& context = {}) const = 0;
  // Makes `name` name `descriptor`; that it does already is no error. An entry whose full name is not that of
  // `descriptor` is another image's, and stays beside the new one. Errc::ambiguous if more than one image
  // would be replaced; Errc::clobber where a file of `refs/` is of an image with another full name.
  // Errc::clobber by `mode`; Errc::invalid_argument for a name that breaks the grammar (is_reference_name),
  // and for a descriptor without a digest where references are entries of index.json.
  virtual Status put_reference(std::string_view name, const Descriptor& descriptor,
                               PutMode mode = PutMode::no_clobber, const Context& context = {}) = 0;
  // Removes the reference of that name, repeated entries of it too. Returns whether there was one. Blobs
  // stay. Errc::ambiguous as get_reference().
  virtual Result<bool> delete_reference(std::string_view name, const Context& context = {}) = 0;
  // Changes several entries in one step, whatever they are called, while nobody else changes any and no blob
  // is swept; `update` may read from this engine, and must not change anything through it. Entries that it
  // does not name stay as they stand in index.json, those that could not be understood too. Errc::unsupported
  // where references are no entries of index.json; what `update` fails with.
  virtual Status update_references(const ReferenceUpdate& update, const Context& context = {}) = 0;

  // Removes what crashed writers have left behind; never a blob, a reference, what another process is at
  // work with, or what is not ours.
  virtual Status clean(const Context& context = {}) = 0;
  // Lets go of temporary files. Once more is no error.
  virtual Status close() = 0;

  // Null where nothing changes, or where the system has no way, or no more room, to tell.
  virtual std::unique_ptr<Watch> watch() const { return nullptr; }

  // The bytes of the `oci-layout` file.
  virtual const Bytes& marker() const noexcept = 0;
};

// Reads a whole document blob: the size must be that of `descriptor`, the content must match its digest.
// Errc::not_found, Errc::corrupt, or Errc::unsupported over 4 MiB.
Result<Bytes> read_document(const Provider& provider, const Descriptor& descriptor);

}  // namespace layoutfs
