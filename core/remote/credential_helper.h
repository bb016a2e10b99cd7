// Programs that keep credentials: docker-credential-NAME, with the protocol of docker-credential-helpers.
#pragma once

#include <optional>
#include <string>

#include "core/remote/credentials.h"
#include "layoutfs/context.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Runs `docker-credential-NAME get` for `server`, for at most 30 s. Returns nullopt if the program has no
// credentials of it.
// Errc::invalid_argument if `name` is not a plain name; it may come from a file that others have written.
// Errc::denied if the program is missing, fails or writes something else, with a hint that names
// `configured_in`. Errc::io if it takes too long or cannot be started. Errc::cancelled if `context` ends.
// Errors never contain secrets.
Result<std::optional<Credentials>> run_credential_helper(const std::string& name, const std::string& server,
                                                         const std::string& configured_in,
                                                         const Context& context);

}  // namespace layoutfs
