// Content of a blob that arrives in pieces, over more than one process if need be: `blobs/uploads/<id>`.
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

// Whether `text` is the id of an upload: 32 lower-case hex digits.
bool is_upload_id(std::string_view text) noexcept;
// Errc::upload_unknown
Error unknown_upload(std::string_view id);

// An upload that this process has, and no other one. For one thread at a time. It stays when this goes, until
// somebody commits or cancels it, or Engine::clean() finds that nobody has touched it for a day. In a
// directory it is a file, locked by flock(2).
class Upload {
 public:
  virtual ~Upload() = default;

  virtual const std::string& id() const noexcept = 0;
  // Bytes so far.
  virtual std::uint64_t size() const noexcept = 0;
  // All of `piece`; after an error size() says how far it came. Errc::closed.
  virtual Status append(ByteView piece) = 0;
  // kBlobAlgorithm's of what is there. Costs nothing where all of it was appended here. Errc::closed.
  virtual Result<Digest> digest(const Context& context = {}) = 0;
  // Lets others have the upload. Once more is no error.
  virtual Status close() = 0;
  // Closes, and makes the blob `digest` of it, as put_blob does. Errc::digest_invalid; Errc::size_invalid
  // where another process has added to it: the upload stays. Errc::upload_unknown where it is gone,
  // Errc::upload_busy where another process has it.
  virtual Result<PutResult> commit(const Digest& digest, const Context& context = {}) = 0;
  // Closes, and removes it. That it is gone is no error; Errc::upload_busy where another process has
  // it.
  virtual Status cancel() = 0;
};

}  // namespace layoutfs
