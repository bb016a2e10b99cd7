// Docker Hub, the one registry that has several names.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace layoutfs {

inline constexpr std::string_view kDockerHub = "docker.io";  // in names of images
// The server that answers. The others redirect browsers, or are obsolete.
inline constexpr std::string_view kDockerHubServer = "registry-1.docker.io";
inline constexpr std::array<std::string_view, 3> kDockerHubNames = {kDockerHub, "index.docker.io",
                                                                    kDockerHubServer};

// Returns `host`, or docker.io for each of the names of Docker Hub.
inline std::string_view registry_name(std::string_view host) {
  return std::ranges::find(kDockerHubNames, host) != kDockerHubNames.end() ? kDockerHub : host;
}

// Returns the host to connect to.
inline std::string_view registry_server(std::string_view host) {
  return registry_name(host) == kDockerHub ? kDockerHubServer : host;
}

}  // namespace layoutfs
