// Requests to one endpoint of a repository, with the authorization that it asks for.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/base/guarded.h"
#include "core/remote/auth_challenge.h"
#include "core/remote/http_client.h"
#include "core/remote/mirrors.h"
#include "core/remote/remote_access.h"
#include "core/remote/tls_files.h"
#include "layoutfs/bytes.h"
#include "layoutfs/context.h"
#include "layoutfs/error.h"

namespace layoutfs {

// A request that can be sent several times.
struct RepeatableRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> fields;
  std::optional<ByteView> body;
};

// Thread-safe. Authorization goes to the endpoint's own host only, never along a redirect to another one.
class HostAccess {
 public:
  // `also_pull_from` is another repository that requests read, for mounts across repositories; or empty.
  HostAccess(Endpoint endpoint, TlsFiles tls, std::shared_ptr<RemoteAccess> access,
             std::string also_pull_from)
      : endpoint_(std::move(endpoint)),
        tls_(std::move(tls)),
        access_(std::move(access)),
        also_pull_from_(std::move(also_pull_from)) {}

  const Endpoint& endpoint() const noexcept { return endpoint_; }

  // Sends the request and follows redirects of GET and HEAD. If the endpoint asks for authorization, gets it
  // and sends the request again. Returns the response of any status except redirects; 401 if the credentials
  // are refused. `context` also ends the reading of the body. Errors of HttpClient::send() and
  // TokenStore::get(). Errc::io if the redirects have no end.
  Result<std::unique_ptr<HttpResponse>> send(const RepeatableRequest& request, const Context& context);
  // Returns the error for a response with status 401.
  Error unauthorized(HttpResponse& response, const Context& context) const;

 private:
  Result<std::unique_ptr<HttpResponse>> send_first(const RepeatableRequest& request, const Context& context);
  Result<std::unique_ptr<HttpResponse>> send_authorized(const RepeatableRequest& request,
                                                        const Context& context);
  Result<std::unique_ptr<HttpResponse>> follow(std::unique_ptr<HttpResponse> response,
                                               const RepeatableRequest& request, const Context& context);
  // Sends without authorization.
  Result<std::unique_ptr<HttpResponse>> send_plain(const RepeatableRequest& request, const TlsFiles& tls,
                                                   const std::string& authorization,
                                                   const Context& context) const;
  Result<std::string> authorization(const AuthChallenge& challenge, const Context& context) const;
  TokenRequest token_request(const AuthChallenge& challenge) const;

  const Endpoint endpoint_;
  const TlsFiles tls_;
  const std::shared_ptr<RemoteAccess> access_;
  const std::string also_pull_from_;
  Guarded<std::optional<AuthChallenge>>
      challenge_;  // the last one, which the next request answers in advance
};

}  // namespace layoutfs
