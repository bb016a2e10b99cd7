// What can go wrong, as a value: a kind for callers, an errno for the kernel, a sentence for people.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <system_error>

#include "layoutfs/expected.h"

namespace layoutfs {

// Few on purpose: a caller that needs to parse the sentence needs a new kind here, or, if a single domain
// distinguishes it, a code of that domain as Error::detail(), e.g. RegistryCode (registry_code.h).
enum class Errc : std::uint8_t {
  invalid_argument,  // the request itself makes no sense: an option, a reference, a name
  not_found,         // the layout, reference, blob or path is not there
  invalid_image,     // not an image layout, or a document that breaks its format
  ambiguous,         // several things answer to one name
  unsupported,       // a media type, compression or size that this program does not handle
  corrupt,           // content that differs from its digest or breaks its stream format
  mount_failed,      // the kernel or fusermount3 refused the mount
  clobber,           // a reference of that name is there and names something else
  already_exists,    // what was to be made is there
  closed,            // the engine was closed
  cancelled,         // stopped on request, or for its deadline
  io,                // a system call failed; sys() is its errno

  // Of copying between stores, and of named images.
  failed_precondition,  // what the operation builds on is not given
  bad_partial_request,  // pieces of a blob that cannot be asked for, or that its source refuses
  partial_fallback,     // a blob that cannot be made of pieces, and can be had whole
  unexpected_eof,       // a source that delivers less than it said

  // Of stores.
  digest_invalid,  // malformed, missing, or the content has another one
  size_invalid,    // the content has another size
  upload_unknown,  // no upload of that ID
  upload_busy,     // another writer has the upload
  denied,          // not permitted, or what is to be removed is in use
};

class [[nodiscard]] Error {
 public:
  // `message` is one sentence without a final full stop, lower case at the start.
  Error(Errc code, std::string message, std::error_code detail = {})
      : code_(code), detail_(detail), message_(std::move(message)) {}

  // A failed system call: "`what`: <text of the errno>". ENOENT becomes Errc::not_found, everything else
  // Errc::io.
  static Error system(int errno_value, std::string_view what);

  Errc code() const noexcept { return code_; }
  // The code of a domain, which says more than code(); empty if there is none.
  const std::error_code& detail() const noexcept { return detail_; }
  // The errno of a failed system call, 0 where none failed.
  int sys() const noexcept { return sys_; }
  // What a file operation that failed for this reason answers to the kernel; never 0, never ENOSYS.
  int to_errno() const noexcept;
  const std::string& message() const noexcept { return message_; }

  // The same error seen from further out: "`context`: message".
  Error&& with(std::string_view context) &&;

 private:
  Errc code_;
  int sys_ = 0;
  std::error_code detail_;
  std::string message_;
};

// What fails by an Error. The compiler warns of one that is dropped (expected.h).
template <class T>
using Result = Expected<T, Error>;
using Status = Result<void>;

// For `return fail(Errc::corrupt, "...")`.
[[nodiscard]] inline std::unexpected<Error> fail(Errc code, std::string message) {
  return std::unexpected(Error(code, std::move(message)));
}
// For handing on the error of `result`: `return fail(std::move(result).error())`, with or without context.
[[nodiscard]] inline std::unexpected<Error> fail(Error&& error) { return std::unexpected(std::move(error)); }
[[nodiscard]] inline std::unexpected<Error> fail(Error&& error, std::string_view context) {
  return std::unexpected(std::move(error).with(context));
}

}  // namespace layoutfs
