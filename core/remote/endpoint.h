// One server at which the content of a repository may be found.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/remote/config_paths.h"
#include "core/remote/tls_files.h"
#include "layoutfs/error.h"

namespace layoutfs {

struct Endpoint {
  // "https://mirror.example:5000" or "http://...", possibly with a path; ends neither in '/' nor in the "/v2"
  // of the distribution API.
  std::string base_url;
  bool has_api_path = true;  // false if the API is at base_url itself, without "/v2" (override_path)
  std::string host;          // for credentials and certificates, with a port if it has one: "docker.io"
  std::string repository;    // the name of the repository on this server
  // For the query parameter "ns" of each request: the registry for which a mirror of many registries shall
  // answer (hosts.toml). Empty if there is none.
  std::string registry;
  std::vector<std::pair<std::string, std::string>> fields;  // further header fields of each request
  // From hosts.toml, in addition to certs.d; is_verified is false if any certificate is accepted.
  TlsFiles tls;
  bool is_mirror = false;

  // Returns the URL below which "/REPOSITORY/manifests/..." is.
  std::string api_url() const { return has_api_path ? base_url + "/v2" : base_url; }
};

// Returns the files for TLS with `endpoint`: its own and those of find_tls_files(), which see for errors.
Result<TlsFiles> find_tls_files(const Endpoint& endpoint, const ConfigPaths& paths);

}  // namespace layoutfs
