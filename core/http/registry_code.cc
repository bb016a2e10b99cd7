#include "layoutfs/registry_code.h"

#include <array>

namespace layoutfs {
namespace {

struct Row {
  RegistryCode code;
  std::string_view name;  // on the wire
  int status;
  Errc kind;
};

// In the order of RegistryCode.
constexpr std::array kRows{
    Row{RegistryCode::unknown, "UNKNOWN", 500, Errc::io},
    Row{RegistryCode::blob_unknown, "BLOB_UNKNOWN", 404, Errc::not_found},
    Row{RegistryCode::blob_upload_invalid, "BLOB_UPLOAD_INVALID", 416, Errc::upload_busy},
    Row{RegistryCode::blob_upload_unknown, "BLOB_UPLOAD_UNKNOWN", 404, Errc::upload_unknown},
    Row{RegistryCode::digest_invalid, "DIGEST_INVALID", 400, Errc::digest_invalid},
    Row{RegistryCode::manifest_blob_unknown, "MANIFEST_BLOB_UNKNOWN", 404, Errc::invalid_image},
    Row{RegistryCode::manifest_invalid, "MANIFEST_INVALID", 400, Errc::invalid_image},
    Row{RegistryCode::manifest_unknown, "MANIFEST_UNKNOWN", 404, Errc::not_found},
    Row{RegistryCode::name_invalid, "NAME_INVALID", 400, Errc::invalid_argument},
    Row{RegistryCode::name_unknown, "NAME_UNKNOWN", 404, Errc::not_found},
    Row{RegistryCode::size_invalid, "SIZE_INVALID", 400, Errc::size_invalid},
    Row{RegistryCode::unauthorized, "UNAUTHORIZED", 401, Errc::denied},
    Row{RegistryCode::denied, "DENIED", 403, Errc::denied},
    Row{RegistryCode::unsupported, "UNSUPPORTED", 400, Errc::unsupported},
    Row{RegistryCode::too_many_requests, "TOOMANYREQUESTS", 429, Errc::io},
    Row{RegistryCode::range_invalid, "RANGE_INVALID", 416, Errc::invalid_argument},
};

constexpr bool is_in_order() noexcept {
  for (std::size_t i = 0; i < kRows.size(); ++i)
    if (kRows[i].code != static_cast<RegistryCode>(i)) return false;
  return true;
}
static_assert(is_in_order());

const Row& row_of(RegistryCode code) noexcept {
  const auto i = static_cast<std::size_t>(code);
  return kRows[i < kRows.size() ? i : 0];
}

class RegistryCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "registry"; }
  std::string message(int code) const override {
    return std::string(wire_code(static_cast<RegistryCode>(code)));
  }
};

const std::error_category& category() noexcept {
  static const RegistryCategory instance;
  return instance;
}

}  // namespace

std::string_view wire_code(RegistryCode code) noexcept { return row_of(code).name; }
int http_status(RegistryCode code) noexcept { return row_of(code).status; }

RegistryCode registry_code(const Error& error) noexcept {
  if (const auto& detail = error.detail(); detail.category() == category())
    return row_of(static_cast<RegistryCode>(detail.value())).code;
  switch (error.code()) {
    case Errc::digest_invalid:
      return RegistryCode::digest_invalid;
    case Errc::size_invalid:
      return RegistryCode::size_invalid;
    case Errc::upload_busy:
      return RegistryCode::blob_upload_invalid;
    case Errc::upload_unknown:
      return RegistryCode::blob_upload_unknown;
    case Errc::denied:
      return RegistryCode::denied;
    case Errc::unsupported:
      return RegistryCode::unsupported;
    default:
      return RegistryCode::unknown;
  }
}

std::error_code make_error_code(RegistryCode code) noexcept { return {static_cast<int>(code), category()}; }

Error registry_error(RegistryCode code, std::string message) {
  return Error(row_of(code).kind, std::move(message), make_error_code(code));
}

}  // namespace layoutfs
