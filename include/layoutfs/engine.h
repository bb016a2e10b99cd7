// A layout that can be written: a content-addressed store of blobs by digest and references by name.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "layoutfs/bytes.h"
#include "layoutfs/context.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

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

class BlobBatch;
class Upload;

// A LayoutReader that can also write. Thread-safe, and safe beside other processes that use the layout: what
// is to be seen at any moment, also after a crash, is the old state or the new one.
//
// On read-only media everything that would change something fails with Errc::io and EROFS; what has nothing
// to change succeeds: to delete what does not exist, to put a reference that exists, to clean what is clean.
// After close() everything fails with Errc::closed, reading too. An empty digest is Errc::digest_invalid.
// What takes a Context fails with Errc::cancelled once that has ended, at the start and while it waits or
// walks; nothing has changed then, but for litter that clean() had removed already.
class Engine : public LayoutReader {
 public:
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
  // Goes on with one that this process or another one has begun. Errc::upload_unknown;
  // Errc::upload_busy where another Upload has it.
  virtual Result<std::unique_ptr<Upload>> resume_upload(std::string_view id) = 0;
  // put_blob of the JSON document `json` in its canonical form (compact, members sorted by name, as Go's
  // encoding/json writes a map): the same value has the same digest. Errc::invalid_image if it is not JSON.
  Result<PutResult> put_blob_json(std::string_view json, const PutOptions& options = {});
  // Whether it was there. Nobody asks whether it is in use: collect_garbage does.
  virtual Result<bool> delete_blob(const Digest& digest) = 0;
  // delete_blob, if the references are still those of `seen` and the blob was not put at or after `limit_ns`
  // (see BlobStatus), decided and done while nobody else changes references or puts this blob.
  virtual Result<SweepResult> sweep_blob(const Digest& digest, const References& seen, std::int64_t limit_ns,
                                         const Context& context = {}) = 0;

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
};

}  // namespace layoutfs
