// Where to find the content of a repository, from the configuration of podman and of containerd.
//
// A [[registry]] of registries.conf that matches and has mirrors or another location decides alone. Otherwise
// hosts.toml of the registry does, if there is one; "insecure" and "blocked" of the [[registry]] hold
// nevertheless. Without either, the content is at https://HOST.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/remote/config_paths.h"
#include "core/remote/endpoint.h"
#include "layoutfs/error.h"

namespace layoutfs {

enum class RemotePurpose : std::uint8_t { pull_by_digest, pull_by_tag, push };

struct EndpointRequest {
  std::string host;        // of the image's name, with a port if it has one
  std::string repository;  // may be empty, for requests about the whole registry
  RemotePurpose purpose = RemotePurpose::pull_by_digest;
  // --tls-verify. False: no certificate is verified, and http is tried after https. True: neither, even
  // if the configuration says so. nullopt: the configuration decides, by default as true.
  std::optional<bool> is_tls_verified;
};

// Returns at least one endpoint, in the order to try: mirrors come first. Pushes go to the registry itself,
// as with skopeo, or to the first host of hosts.toml with an explicit capability "push". An insecure registry
// has two endpoints, with https (unverified) and with http. docker.io is spoken to at its server
// registry-1.docker.io. Reads the files again at each call. Errc::denied if the configuration blocks the
// registry or leaves no endpoint. Errc::invalid_argument if a file is malformed, or if a location is not
// HOST[:PORT][/PATH]. Errc::not_found if $CONTAINERS_REGISTRIES_CONF is missing. Errc::io if a file cannot be
// read.
Result<std::vector<Endpoint>> find_endpoints(const EndpointRequest& request, const ConfigPaths& paths);

}  // namespace layoutfs
