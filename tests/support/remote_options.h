// How tests reach registries on loopback.
#pragma once

#include <chrono>
#include <string>

#include "core/base/base64.h"
#include "core/remote/remote_access.h"
#include "tests/support/temp_dir.h"

namespace layoutfs::testing {

// A directory with the configuration of a test's own.
class RemoteConfig {
 public:
  // Registries need not speak HTTPS. Failures are repeated for a second, with short pauses.
  RemoteOptions options() const {
    RemoteOptions options;
    options.credentials.searched = {directory_ / "auth.json"};
    options.paths = {.user = directory_ / "user",
                     .system = directory_ / "system",
                     .docker = directory_ / "docker",
                     .containerd = directory_ / "containerd",
                     .registries_conf = {}};
    options.is_tls_verified = false;
    options.retries.timeout = std::chrono::seconds(1);
    options.retries.first_pause = std::chrono::milliseconds(1);
    return options;
  }

  // The only credentials, for `host`. `pair` is "USER:PASSWORD".
  void write_credentials(const std::string& host, const std::string& pair) const {
    write_file(directory_ / "auth.json",
               R"({"auths": {")" + host + R"(": {"auth": ")" + base64(as_bytes(pair)) + "\"}}}");
  }
  void write_registries(const std::string& text) const {
    write_file(directory_ / "user/registries.conf", text);
  }

 private:
  TempDir directory_;
};

}  // namespace layoutfs::testing
