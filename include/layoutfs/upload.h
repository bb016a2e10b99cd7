// Uploads: content of a blob that arrives in pieces, possibly from several processes in turn. Stored as
// `blobs/uploads/<id>`.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "layoutfs/bytes.h"
#include "layoutfs/context.h"
#include "layoutfs/digest.h"
#include "layoutfs/engine.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Returns whether `text` is the ID of an upload: 32 lower-case hex digits.
bool is_upload_id(std::string_view text) noexcept;
// Returns Errc::upload_unknown with a message.
Error unknown_upload(std::string_view id);

// An upload that this object holds exclusively. For one thread at a time. The upload survives the object
// until it is committed or cancelled, or until Engine::clean() finds it unchanged for a day. In a directory
// it is a file with a flock(2).
class Upload {
 public:
  virtual ~Upload() = default;

  // Returns the ID with which the upload can be resumed.
  virtual const std::string& id() const noexcept = 0;
  // Returns the number of bytes so far.
  virtual std::uint64_t size() const noexcept = 0;
  // Appends all of `piece`. After an error, size() includes the part that was written. Errc::closed.
  virtual Status append(ByteView piece) = 0;
  // Returns the kBlobAlgorithm digest of the content so far. Cost: nothing if all of it was appended through
  // this object, otherwise reads it. Errc::closed.
  virtual Result<Digest> digest(const Context& context = {}) = 0;
  // Releases the upload to other processes. A second call has no effect.
  virtual Status close() = 0;
  // Closes the upload and turns it into the blob `digest`, as put_blob does. Errc::digest_invalid if the
  // content does not match; Errc::size_invalid if another process has appended to it; the upload stays in
  // both cases. Errc::upload_unknown if it does not exist. Errc::upload_busy if another process holds it.
  virtual Result<PutResult> commit(const Digest& digest, const Context& context = {}) = 0;
  // Closes and removes the upload. Succeeds if it does not exist. Errc::upload_busy if another process holds
  // it.
  virtual Status cancel() = 0;
};

}  // namespace layoutfs
