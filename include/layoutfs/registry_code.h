// The error codes of the OCI distribution specification ("Error Codes"), for servers and clients.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include "layoutfs/error.h"

namespace layoutfs {

// In the order of the specification.
enum class RegistryCode : std::uint8_t {
  unknown,  // the specification has no code for the error
  blob_unknown,
  blob_upload_invalid,  // another writer holds it
  blob_upload_unknown,
  digest_invalid,  // malformed or missing, or the content has another digest
  manifest_blob_unknown,
  manifest_invalid,
  manifest_unknown,
  name_invalid,  // of a repository or a tag
  name_unknown,  // a repository without entries
  size_invalid,
  unauthorized,
  denied,
  unsupported,
  too_many_requests,
  range_invalid,
};

// Returns "BLOB_UNKNOWN" and so on; "UNKNOWN" for RegistryCode::unknown.
std::string_view wire_code(RegistryCode code) noexcept;
// Returns 404, 400, ...; 500 for RegistryCode::unknown.
int http_status(RegistryCode code) noexcept;

// Returns the code with which `error` was made. If it has only an Errc, returns the corresponding code, e.g.
// unsupported for Errc::unsupported, or unknown if there is none: Errc::not_found alone does not identify the
// missing object.
RegistryCode registry_code(const Error& error) noexcept;

// Allows comparisons with Error::detail(): `error.detail() == RegistryCode::blob_unknown`.
std::error_code make_error_code(RegistryCode code) noexcept;

// Returns an error with this code. Its Error::code() is the general kind, e.g. Errc::not_found for
// blob_unknown.
Error registry_error(RegistryCode code, std::string message);
[[nodiscard]] inline std::unexpected<Error> fail(RegistryCode code, std::string message) {
  return std::unexpected(registry_error(code, std::move(message)));
}

}  // namespace layoutfs

template <>
struct std::is_error_code_enum<layoutfs::RegistryCode> : std::true_type {};
