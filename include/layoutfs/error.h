// Errors as values: a kind for callers, an errno for the kernel, and a sentence for people.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <system_error>

#include "layoutfs/expected.h"

namespace layoutfs {

// There are few kinds. If a caller would need to parse the message, add a kind here, or, if only one domain
// distinguishes it, a code of that domain as Error::detail(), e.g. RegistryCode (registry_code.h).
enum class Errc : std::uint8_t {
  invalid_argument,  // the request is invalid: an option, a reference, a name
  not_found,         // the layout, reference, blob or path does not exist
  invalid_image,     // not an image layout, or a document that violates its format
  ambiguous,         // several entries match the name
  unsupported,       // a media type, compression or size that is not supported
  corrupt,           // content that does not match its digest, or an invalid stream
  mount_failed,      // the kernel or fusermount3 refused the mount
  clobber,           // the reference exists with another target
  already_exists,    // the target exists
  closed,            // the engine was closed
  cancelled,         // stopped on request, or the deadline has passed
  io,                // a system call failed; sys() is its errno

  // For copies between stores, and for named images.
  failed_precondition,  // a requirement of the operation is not met
  bad_partial_request,  // invalid ranges of a blob, or ranges that its source refuses
  partial_fallback,     // the blob cannot be assembled from ranges; fetch all of it
  unexpected_eof,       // the source ended before its announced size

  // For stores.
  digest_invalid,  // malformed or missing, or the content has another digest
  size_invalid,    // the content has another size
  upload_unknown,  // the upload does not exist
  upload_busy,     // another writer holds the upload
  denied,          // not permitted, or still in use
};

class [[nodiscard]] Error {
 public:
  // `message` is one sentence without a final full stop, and starts in lower case.
  Error(Errc code, std::string message, std::error_code detail = {})
      : code_(code), detail_(detail), message_(std::move(message)) {}

  // A failed system call: "`what`: <text of the errno>". The kind is Errc::not_found for ENOENT, otherwise
  // Errc::io.
  static Error system(int errno_value, std::string_view what);

  Errc code() const noexcept { return code_; }
  // The code of a domain, which is more specific than code(); empty if there is none.
  const std::error_code& detail() const noexcept { return detail_; }
  // The errno of a failed system call, otherwise 0.
  int sys() const noexcept { return sys_; }
  // Returns the errno of a file operation that fails with this error. Never 0, never ENOSYS.
  int to_errno() const noexcept;
  const std::string& message() const noexcept { return message_; }
  // What the user can do about it, a sentence as message(); empty if nothing is known.
  const std::string& hint() const noexcept { return hint_; }

  // Returns the error with a prefix: "`context`: message".
  Error&& with(std::string_view context) &&;
  // The same error with this hint.
  Error&& with_hint(std::string hint) &&;

 private:
  Errc code_;
  int sys_ = 0;
  std::error_code detail_;
  std::string message_;
  std::string hint_;
};

// The result of a function that can fail. The compiler warns if a caller ignores it (expected.h).
template <class T>
using Result = Expected<T, Error>;
using Status = Result<void>;

// Makes the error of a result: `return fail(Errc::corrupt, "...")`.
[[nodiscard]] inline std::unexpected<Error> fail(Errc code, std::string message) {
  return std::unexpected(Error(code, std::move(message)));
}
// Passes an error on: `return fail(std::move(result).error())`, with or without context.
[[nodiscard]] inline std::unexpected<Error> fail(Error&& error) { return std::unexpected(std::move(error)); }
[[nodiscard]] inline std::unexpected<Error> fail(Error&& error, std::string_view context) {
  return std::unexpected(std::move(error).with(context));
}

}  // namespace layoutfs
