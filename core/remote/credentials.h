// Credentials for registries, from the files that docker, podman and skopeo write (containers-auth.json(5)).
#pragma once

#include <string>
#include <vector>

#include "layoutfs/context.h"
#include "layoutfs/error.h"

namespace layoutfs {

struct Credentials {
  std::string user, password;
  std::string identity_token;  // a refresh token for the token server; empty if there is none
  std::string source;          // a file or a helper program, for messages

  bool is_anonymous() const { return user.empty() && password.empty() && identity_token.empty(); }
};

// The files to search.
struct CredentialFiles {
  std::string auth_file;              // if not empty, the only file; it must exist
  std::string auth_file_from;         // for messages: the option or variable with it
  std::vector<std::string> searched;  // in this order; they need not exist

  // `auth_file` is the value of --authfile, or empty; then $REGISTRY_AUTH_FILE is used if it is set.
  // Otherwise the search is in $XDG_RUNTIME_DIR/containers/auth.json (/run/containers/UID/auth.json if the
  // variable is not set), $XDG_CONFIG_HOME/containers/auth.json, and $DOCKER_CONFIG/config.json.
  static CredentialFiles from_environment(const std::string& auth_file = {});
};

// Returns the credentials for a repository of `host` (with its port, if it has one), anonymous ones if there
// are none. `repository` may be empty. The first file with credentials is used; within a file the order is
// "credHelpers", "auths" with keys from HOST/a/b to HOST, "credsStore".
// Reads the files again at each call, because tokens are renewed by other programs. May run a credential
// helper, which may take up to 30 s. Errc::not_found if `auth_file` is missing. Errc::invalid_argument if a
// file is malformed. Errc::denied if a helper is missing or fails. Errc::io if a file cannot be read, or if a
// helper takes too long. Errc::cancelled. Errors never contain secrets.
Result<Credentials> find_credentials(const CredentialFiles& files, const std::string& host,
                                     const std::string& repository, const Context& context = {});

}  // namespace layoutfs
