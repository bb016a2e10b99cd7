// The configuration that all registries of a process share, and the requests to single hosts.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/remote/config_paths.h"
#include "core/remote/credentials.h"
#include "core/remote/endpoint.h"
#include "core/remote/http_client.h"
#include "core/remote/tls_files.h"
#include "core/remote/token_store.h"
#include "layoutfs/context.h"
#include "layoutfs/error.h"

namespace layoutfs {

// The behaviour of requests that fail although they could succeed later.
struct RetryOptions {
  // The time during which an operation is tried again. A response that arrives slowly is not limited by it.
  std::chrono::milliseconds timeout{60'000};
  bool waits = false;  // try again until the Context ends
  std::chrono::milliseconds first_pause{100};
};

struct RemoteOptions {
  CredentialFiles credentials;
  ConfigPaths paths;
  std::optional<bool> is_tls_verified;  // EndpointRequest::is_tls_verified
  RetryOptions retries;

  // Returns the options for the configuration of this user. `auth_file` is the value of --authfile, or empty.
  static RemoteOptions from_environment(const std::string& auth_file = {});
};

// Thread-safe. Everything that is derived from the configuration is read again when it is needed, so that
// renewed credentials are found.
class RemoteAccess {
 public:
  explicit RemoteAccess(RemoteOptions options) : options_(std::move(options)) {}

  const RemoteOptions& options() const noexcept { return options_; }
  const HttpClient& client() const noexcept { return client_; }
  TokenStore& tokens() noexcept { return tokens_; }

  // Returns the certificates to trust as `host`, with its port if it has one. Errors of find_tls_files().
  Result<TlsFiles> tls_files(const std::string& host) const;
  Result<TlsFiles> tls_files(const Endpoint& endpoint) const;
  // Errors of find_credentials().
  Result<Credentials> credentials(const std::string& host, const std::string& repository,
                                  const Context& context) const;

 private:
  // Returns `files` with RemoteOptions::is_tls_verified.
  Result<TlsFiles> with_option(Result<TlsFiles> files) const;

  const RemoteOptions options_;
  HttpClient client_;
  TokenStore tokens_;
};

}  // namespace layoutfs
