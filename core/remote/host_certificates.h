// Certificates of single registries, from certs.d/HOST[:PORT] (containers-certs.d(5)).
#pragma once

#include <string>

#include "core/remote/config_paths.h"
#include "core/remote/tls_files.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Returns the files for `host` (with its port, if it has one): *.crt are authorities, the first *.cert with
// the
// *.key of the same name is the client's certificate. As in skopeo, only the first directory that exists is
// read, of those below `paths.user`, `paths.system` and `paths.docker`; directories that this user may not
// list count as empty. Errc::invalid_argument if `host` cannot be the name of a directory, or if a *.cert has
// no *.key or the reverse. Errc::io if a file cannot be read.
Result<TlsFiles> find_tls_files(const std::string& host, const ConfigPaths& paths);

// Errc::io if a file cannot be read, with its name: a TLS library would only say that there is one.
Status check_readable(const TlsFiles& files);

}  // namespace layoutfs
