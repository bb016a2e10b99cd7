#include "core/registry/wire.h"

namespace layoutfs {
namespace {

struct Answer {
  std::string_view code;
  int status;
};

constexpr Answer kUnknown{"UNKNOWN", 500};

Answer answer_to(Errc code) noexcept {
  switch (code) {
    case Errc::blob_unknown:
      return {"BLOB_UNKNOWN", 404};
    case Errc::blob_upload_invalid:
      return {"BLOB_UPLOAD_INVALID", 416};
    case Errc::blob_upload_unknown:
      return {"BLOB_UPLOAD_UNKNOWN", 404};
    case Errc::digest_invalid:
      return {"DIGEST_INVALID", 400};
    case Errc::manifest_blob_unknown:
      return {"MANIFEST_BLOB_UNKNOWN", 404};
    case Errc::manifest_invalid:
      return {"MANIFEST_INVALID", 400};
    case Errc::manifest_unknown:
      return {"MANIFEST_UNKNOWN", 404};
    case Errc::name_invalid:
      return {"NAME_INVALID", 400};
    case Errc::name_unknown:
      return {"NAME_UNKNOWN", 404};
    case Errc::size_invalid:
      return {"SIZE_INVALID", 400};
    case Errc::unauthorized:
      return {"UNAUTHORIZED", 401};
    case Errc::denied:
    case Errc::referenced:
      return {"DENIED", 403};
    case Errc::unsupported:
      return {"UNSUPPORTED", 400};
    case Errc::too_many_requests:
      return {"TOOMANYREQUESTS", 429};
    case Errc::range_invalid:
      return {"RANGE_INVALID", 416};
    case Errc::invalid_argument:
    case Errc::not_found:
    case Errc::invalid_image:
    case Errc::ambiguous:
    case Errc::corrupt:
    case Errc::mount_failed:
    case Errc::clobber:
    case Errc::already_exists:
    case Errc::closed:
    case Errc::cancelled:
    case Errc::io:
    case Errc::failed_precondition:
    case Errc::bad_partial_request:
    case Errc::partial_fallback:
    case Errc::unexpected_eof:
      return kUnknown;
  }
  return kUnknown;
}

}  // namespace

std::string_view wire_code(Errc code) noexcept { return answer_to(code).code; }
int http_status(Errc code) noexcept { return answer_to(code).status; }

}  // namespace layoutfs
