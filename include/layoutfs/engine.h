// A writable layout: a content-addressed store of blobs by digest, and references by name.
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

// Expectations of the content of a blob; all are optional.
struct PutOptions {
  Algorithm algorithm = kBlobAlgorithm;  // if `digest` is empty
  Digest digest;                         // expected digest of the content; empty: any
  std::optional<std::uint64_t> size;     // expected number of bytes
  Context context;
};

// A stored blob.
struct PutResult {
  Digest digest;
  std::uint64_t size;  // bytes
};

// Changes to the entries of a layout, which are applied in one step.
struct ReferenceChanges {
  struct Change {
    std::size_t position;                   // in References::entries
    std::optional<Descriptor> replacement;  // nullopt removes the entry
  };
  std::vector<Change> changed;    // in ascending order of positions
  std::vector<Descriptor> added;  // after the existing entries
};
// Returns the changes for the current references. Called under the layout's lock.
using ReferenceUpdate = std::function<Result<ReferenceChanges>(const References& now)>;

// The behaviour of put_reference if the name already exists with another target.
enum class PutMode : std::uint8_t {
  no_clobber,  // fail with Errc::clobber
  replace,     // in one step: a reader sees the old target or the new one
};

// The result of sweep_blob().
enum class SweepResult : std::uint8_t {
  removed,
  absent,
  young,  // or a symlink points to it
  references_changed,
};

class BlobBatch;
class Upload;

// A LayoutReader that can also write. Thread-safe, and safe with other processes that use the layout: at any
// moment, and after a crash, readers see either the old state or the new one.
//
// On read-only media, operations that would change the layout fail with Errc::io and EROFS. Operations that
// change nothing succeed: deleting a missing blob, putting an existing reference, cleaning a clean layout.
// After close(), everything including reads fails with Errc::closed. An empty digest is Errc::digest_invalid.
// Functions with a Context fail with Errc::cancelled if it has ended, at the start and while they wait or
// list directories; the layout is then unchanged, except that clean() may have removed some files.
class Engine : public LayoutReader {
 public:
  // Stores a blob. If it returns success, the blob is complete and on disk; otherwise nothing has changed. If
  // the blob already exists, it is kept; a damaged one is replaced in one step. Cost: hashes the content, and
  // waits for the disk once.
  // Errc::digest_invalid or Errc::size_invalid if the content does not match the options; then it is not read
  // further than necessary.
  virtual Result<PutResult> put_blob(ByteSource& content, const PutOptions& options = {}) = 0;
  // put_blob of a blob of another layout. Shares its disk blocks (FICLONE) if the file system supports this.
  virtual Result<PutResult> copy_blob(const BlobPtr& blob, const PutOptions& options = {});
  // Returns whether copy_blob shares the blocks of `blob`. The only cost is then to read and verify it.
  virtual bool can_clone(const Blob& blob) const;
  // Starts a batch of blobs (blob_batch.h). The engine must outlive it.
  virtual std::unique_ptr<BlobBatch> start_batch();
  // Starts an upload: content that arrives in pieces (upload.h). The engine must outlive it. `id` lets the
  // caller choose the name under which the upload can be resumed; if it is empty, the name is random.
  // Errc::already_exists if there is an upload of that name.
  virtual Result<std::unique_ptr<Upload>> start_upload(std::string_view id = {}) = 0;
  // Resumes an upload of this process or another one. Errc::upload_unknown if it does not exist.
  // Errc::upload_busy if another Upload holds it.
  virtual Result<std::unique_ptr<Upload>> resume_upload(std::string_view id) = 0;
  // put_blob of the JSON document `json` in canonical form: compact, with members sorted by name, as Go's
  // encoding/json writes a map. Equal values have equal digests. Errc::invalid_image if it is not JSON.
  Result<PutResult> put_blob_json(std::string_view json, const PutOptions& options = {});
  // Deletes a blob, even if it is referenced (collect_garbage checks that). Returns whether it existed.
  virtual Result<bool> delete_blob(const Digest& digest) = 0;
  // delete_blob under the layout's lock, but only if the references still equal `seen` and the blob was last
  // put before `limit_ns` (see BlobStatus). During the call nobody else changes references or puts this blob.
  virtual Result<SweepResult> sweep_blob(const Digest& digest, const References& seen, std::int64_t limit_ns,
                                         const Context& context = {}) = 0;

  // Sets the reference `name` to `descriptor`. Succeeds without a change if it already has this target. An
  // entry with the same name and another full name belongs to another image, and is kept.
  // Errc::clobber if the name has another target and `mode` is no_clobber, or if a file of `refs/` belongs to
  // an image with another full name. Errc::ambiguous if more than one image would be replaced.
  // Errc::invalid_argument if the name breaks the grammar (is_reference_name), or if the descriptor has no
  // digest and the layout uses index.json.
  virtual Status put_reference(std::string_view name, const Descriptor& descriptor,
                               PutMode mode = PutMode::no_clobber, const Context& context = {}) = 0;
  // Removes all entries with that name; their blobs stay. Returns whether there was one. Errc::ambiguous as
  // in get_reference().
  virtual Result<bool> delete_reference(std::string_view name, const Context& context = {}) = 0;
  // Changes several entries in one step. Nobody else changes references or sweeps blobs during the call.
  // `update` may read from this engine but must not change it. Entries without a change keep their text in
  // index.json, including invalid ones. Errc::unsupported if the layout does not use index.json. Errors of
  // `update` are returned.
  virtual Status update_references(const ReferenceUpdate& update, const Context& context = {}) = 0;

  // Removes files of crashed writers. Never removes blobs, references, files that another process uses, or
  // files that layoutfs did not create.
  virtual Status clean(const Context& context = {}) = 0;
  // Removes temporary files and closes the layout. A second call has no effect.
  virtual Status close() = 0;
};

}  // namespace layoutfs
