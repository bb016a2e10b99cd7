#include "layoutfs/error.h"

#include <cerrno>
#include <system_error>
#include <utility>

namespace layoutfs {

Error Error::system(int errno_value, std::string_view what) {
  Error error(errno_value == ENOENT ? Errc::not_found : Errc::io,
              std::string(what) + ": " + std::generic_category().message(errno_value));
  error.sys_ = errno_value;
  return error;
}

int Error::to_errno() const noexcept {
  switch (code_) {
    case Errc::invalid_argument:
    case Errc::ambiguous:
    case Errc::digest_invalid:
    case Errc::size_invalid:
    case Errc::failed_precondition:
    case Errc::bad_partial_request:
      return EINVAL;
    case Errc::not_found:
    case Errc::upload_unknown:
      return ENOENT;
    case Errc::upload_busy:
      return EBUSY;
    case Errc::denied:
      return EACCES;
    case Errc::unsupported:
    case Errc::partial_fallback:
      return EOPNOTSUPP;
    case Errc::io:
      return sys_ != 0 && sys_ != ENOSYS ? sys_ : EIO;
    case Errc::clobber:
    case Errc::already_exists:
      return EEXIST;
    case Errc::closed:
      return EBADF;
    case Errc::cancelled:
      return EINTR;
    case Errc::invalid_image:
    case Errc::corrupt:
    case Errc::mount_failed:
    case Errc::unexpected_eof:
      return EIO;
  }
  return EIO;
}

Error&& Error::with(std::string_view context) && {
  message_.insert(0, ": ").insert(0, context);
  return std::move(*this);
}

Error&& Error::with_hint(std::string hint) && {
  hint_ = std::move(hint);
  return std::move(*this);
}

}  // namespace layoutfs
