#include "core/cas/intact_blob.h"

#include <cerrno>

#include "core/base/hash_pipe.h"
#include "core/cas/verifying_source.h"

namespace layoutfs {
namespace {

// A bad sector, or a checksum error of the file system.
bool is_media_error(const Error& error) {
  return error.sys() == EIO || error.sys() == EUCLEAN || error.sys() == EBADMSG;
}

// Small blobs are not worth a thread and buffers.
Result<bool> is_small_intact(const Blob& blob, const Digest& digest) {
  Bytes content(static_cast<std::size_t>(blob.size()));
  const auto got = blob.read_at(content, 0);
  if (!got && (got.error().code() == Errc::corrupt || is_media_error(got.error()))) return false;
  if (!got) return fail(Error(got.error()));
  return *got == content.size() && Digest::of(content, digest.algorithm()) == digest;
}

}  // namespace

Result<bool> is_intact(const BlobPtr& blob, const Digest& digest, std::uint64_t size,
                       const Context& context) {
  if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
  if (blob->size() != size) return false;
  if (size <= HashPipe::kPieceSize) return is_small_intact(*blob, digest);
  BlobSource content(blob);
  VerifyingSource verifying(content, digest, size);
  for (Bytes piece(HashPipe::kPieceSize);;) {
    if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
    const auto got = verifying.read(piece);
    if (!got && (got.error().code() == Errc::corrupt || is_media_error(got.error()))) return false;
    if (!got) return fail(Error(got.error()));
    if (*got == 0) return true;
  }
}

}  // namespace layoutfs
