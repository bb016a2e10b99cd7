// The files of users' configuration that decide which servers to trust.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace layoutfs {

// Paths of PEM files.
struct TlsFiles {
  // How this client identifies itself to servers that ask for it.
  struct Client {
    std::string certificate, key;
    friend bool operator==(const Client&, const Client&) = default;
  };
  std::vector<std::string> authorities;  // in addition to the system's
  std::optional<Client> client;
  bool is_verified = true;  // false: certificates are not checked (--tls-verify=false)
  friend bool operator==(const TlsFiles&, const TlsFiles&) = default;
};

}  // namespace layoutfs
