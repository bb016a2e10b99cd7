// Mirrors of one registry as containerd configures them: certs.d/HOST/hosts.toml.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/remote/config_paths.h"
#include "core/remote/tls_files.h"
#include "layoutfs/error.h"

namespace layoutfs {

// A server in hosts.toml.
struct HostsTomlServer {
  std::string scheme;        // "http" or "https"
  std::string host;          // with a port if it has one; empty for the registry itself
  std::string path;          // "/path" or empty; without the "/v2" of the API
  bool has_api_path = true;  // false: the API is at `path` itself (override_path)
  bool may_pull = true, may_resolve = true, may_push = true;  // "resolve": find the digest of a tag
  bool is_push_listed = false;                                // "push" is among its capabilities
  TlsFiles tls;                                               // with absolute paths
  std::vector<std::pair<std::string, std::string>> fields;
};

// Reads the first hosts.toml for `host`, of the directories certs.d of the user, of the system and of
// containerd; nullopt if there is none. In certs.d, HOST_PORT_ goes before HOST:PORT. If none of the three
// has the host, _default is used. The last server is the member `server`, the others are mirrors in the order
// to try. Errc::invalid_argument, with path and line, if the file is malformed, or if `host` cannot be the
// name of a directory. Errc::io. Of several client certificates of a server, the first is used.
Result<std::optional<std::vector<HostsTomlServer>>> read_hosts_toml(const std::string& host,
                                                                    const ConfigPaths& paths);

}  // namespace layoutfs
