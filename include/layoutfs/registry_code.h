// The error codes of the OCI distribution specification ("Error Codes"), as a server answers with them and a
// client receives them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include "layoutfs/error.h"

namespace layoutfs {

enum class RegistryCode : std::uint8_t {
  unknown,  // the specification has no code for the error
  blob_unknown,
  blob_upload_invalid,  // another writer has it
  blob_upload_unknown,
  digest_invalid,  // malformed, missing, or the content has another one
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

// "BLOB_UNKNOWN" and so on, "UNKNOWN" for RegistryCode::unknown.
std::string_view wire_code(RegistryCode code) noexcept;
// 404, 400, ...; 500 for RegistryCode::unknown.
int http_status(RegistryCode code) noexcept;

// Returns the code that `error` was made with; for one made with an Errc alone, the code that this stands
// for, e.g. unsupported for Errc::unsupported, and unknown if there is none: Errc::not_found does not say
// what was looked for.
RegistryCode registry_code(const Error& error) noexcept;

// As Error::detail(): `error.detail() == RegistryCode::blob_unknown` compiles, too.
std::error_code make_error_code(RegistryCode code) noexcept;

// The error of this code. Error::code() is the general kind, e.g. Errc::not_found for blob_unknown.
Error registry_error(RegistryCode code, std::string message);
[[nodiscard]] inline std::unexpected<Error> fail(RegistryCode code, std::string message) {
  return std::unexpected(registry_error(code, std::move(message)));
}

}  // namespace layoutfs

template <>
struct std::is_error_code_enum<layoutfs::RegistryCode> : std::true_type {};
