// The short documents in responses, and the errors that registries describe in them.
#pragma once

#include <string>

#include "core/remote/credentials.h"
#include "core/remote/http_client.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"
#include "layoutfs/registry_code.h"

namespace layoutfs {

// The limit of a document in a response, the size that registries must accept for a manifest.
inline constexpr std::size_t kMaxResponse = std::size_t{4} << 20;

// Returns all bytes of `content`, e.g. of a response. Errc::unsupported if there are more than `limit`.
Result<Bytes> read_all(ByteSource& content, std::size_t limit = kMaxResponse);

// Returns the error of a response with an error status, with the code and message of its body if it has them
// (distribution specification, "Error Codes"), otherwise `fallback`, or a code that fits the status.
// `what` is the begin of the message. Reads the body.
Error error_of_response(HttpResponse& response, const std::string& what,
                        RegistryCode fallback = RegistryCode::unknown);

// Returns whether the body has the media type of a document, as errors of registries have.
bool is_error_document(const HttpResponse& response);

// Returns the value of the Authorization field for a user and a password (RFC 7617).
std::string basic_authorization(const Credentials& credentials);

}  // namespace layoutfs
