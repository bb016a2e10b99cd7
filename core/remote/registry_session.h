// Requests to one repository of a registry: with mirrors, authorization, redirects and repetitions.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/guarded.h"
#include "core/remote/host_access.h"
#include "core/remote/http_client.h"
#include "core/remote/mirrors.h"
#include "core/remote/remote_access.h"
#include "layoutfs/bytes.h"
#include "layoutfs/context.h"
#include "layoutfs/error.h"
#include "layoutfs/registry_code.h"

namespace layoutfs {

struct RegistryRequest {
  std::string method = "GET";
  std::string object;  // behind the name of the repository in messages: ":1.2", "@sha256:..."
  std::string path;    // below /v2/REPOSITORY/, with its query: "blobs/sha256:..."
  std::string url;     // if not empty, in place of the path: the Location of an upload
  std::vector<std::pair<std::string, std::string>> fields;
  std::optional<ByteView> body;
  RemotePurpose purpose = RemotePurpose::pull_by_digest;
  std::vector<int> accepted;  // statuses that are no errors, besides 2xx
  // Also return responses by which the host of a redirect refuses the link (is_refused()).
  bool returns_refused_links = false;
  RegistryCode if_missing = RegistryCode::unknown;  // the code of a response with status 404
};

// Returns whether the status of another host means that the link of a redirect has expired, or is wrong for
// this request. The registry gives another one.
bool is_refused(int status) noexcept;

// A response with its whole body.
struct RegistryDocument {
  std::unique_ptr<HttpResponse> response;  // its body is read
  Bytes bytes;
};

struct SessionStats {
  std::uint64_t requests = 0, retries = 0;
};

// Thread-safe.
class RegistrySession {
 public:
  // `host` with its port if it has one. `repository` may be empty, for requests about the whole registry.
  // Requests for pushes also ask for the permission to read `also_pull_from`, unless it is empty. Reads the
  // configuration; no request. Errors of find_endpoints() and find_tls_files().
  static Result<std::shared_ptr<RegistrySession>> open(std::shared_ptr<RemoteAccess> access,
                                                       const std::string& host, const std::string& repository,
                                                       const std::string& also_pull_from = {});

  const std::string& host() const noexcept { return host_; }
  const std::string& repository() const noexcept { return repository_; }
  // Returns "HOST/REPOSITORY", for messages.
  const std::string& name() const noexcept { return name_; }
  const RetryOptions& retries() const noexcept { return access_->options().retries; }

  // Returns the first success of all endpoints, mirrors first. Tries again while the failure may pass and
  // there is time (RetryOptions). `context` also ends the reading of the body.
  //
  // Errors of HttpClient::send(); those that the registry describes, with their RegistryCode;
  // RegistryCode::unauthorized and RegistryCode::denied, with a hint.
  Result<std::unique_ptr<HttpResponse>> send(const RegistryRequest& request, const Context& context);

  // The same for a short document: also tries again if its body is interrupted. Errc::unsupported if it has
  // more than kMaxResponse bytes.
  Result<RegistryDocument> fetch(const RegistryRequest& request, const Context& context);

  SessionStats stats() const noexcept { return {requests_, retried_}; }
  // Counts a repetition that the caller makes, and reports its reason as send() does: from the second one
  // on, in at most one line a minute.
  void count_retry(const Error& reason);

 private:
  // The reason why an attempt has failed.
  struct Failure {
    Error error;
    bool may_pass;
    int status = 0;                      // of the response; 0 if there is none
    std::chrono::milliseconds pause{0};  // that the server asks for
  };
  template <class T>
  using AttemptOf = std::expected<T, Failure>;
  using Attempt = AttemptOf<std::unique_ptr<HttpResponse>>;

  // One server. Hosts that need not speak TLS are asked by HTTPS, then by HTTP, until one has answered.
  struct Server {
    std::vector<std::unique_ptr<HostAccess>> protocols;
    std::atomic<HostAccess*> chosen = nullptr;
  };
  using Servers = std::vector<std::unique_ptr<Server>>;

  RegistrySession(std::shared_ptr<RemoteAccess> access, std::string host, std::string repository);
  Result<Servers> open_servers(RemotePurpose purpose, const std::string& also_pull_from) const;
  // Calls `attempt` until it succeeds, fails for good, or has no time left.
  template <class T>
  Result<T> repeat(const std::function<AttemptOf<T>()>& attempt, const Context& context);
  AttemptOf<RegistryDocument> fetch_once(const RegistryRequest& request, const Context& context);
  Attempt send_to(Server& server, const RegistryRequest& request, const Context& context);
  Attempt send_to(HostAccess& host, const RegistryRequest& request, const Context& context);
  Attempt send_to_all(const RegistryRequest& request, const Context& context);
  Failure failure_of(HttpResponse& response, HostAccess& host, const RegistryRequest& request,
                     const Context& context) const;
  // Returns the error for a host that is no registry, if a response with status 404 comes from one.
  std::optional<Error> explain_missing(HostAccess& host, const Context& context) const;
  bool is_avoided(const Endpoint& mirror) const;
  void avoid(const Endpoint& mirror, const Error& why);

  const std::shared_ptr<RemoteAccess> access_;
  const std::string host_, repository_, name_;
  std::map<RemotePurpose, Servers> servers_;  // in the order to try
  mutable Guarded<std::map<std::string, std::chrono::steady_clock::time_point>>
      avoided_;  // mirrors, until then
  Guarded<std::chrono::steady_clock::time_point> next_report_;
  std::atomic<std::uint64_t> requests_ = 0, retried_ = 0;
  std::atomic<bool> has_answered_ = false;  // the registry or a mirror
};

}  // namespace layoutfs
