#include "core/remote/host_access.h"

#include <utility>

#include "core/remote/response_text.h"
#include "core/remote/url.h"

namespace layoutfs {
namespace {

constexpr int kMostRedirects = 10;
// A token may expire on its way; then there is a second challenge.
constexpr int kMostChallenges = 2;

bool is_redirect(int status) noexcept {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool is_read(const std::string& method) noexcept { return method == "GET" || method == "HEAD"; }

}  // namespace

Result<std::unique_ptr<HttpResponse>> HostAccess::send(const RepeatableRequest& request,
                                                       const Context& context) {
  auto response = send_first(request, context);
  if (!response || !is_redirect((*response)->status()) || !is_read(request.method)) return response;
  return follow(*std::move(response), request, context);
}

Result<std::unique_ptr<HttpResponse>> HostAccess::send_first(const RepeatableRequest& request,
                                                             const Context& context) {
  const auto own = UrlOrigin::of(endpoint_.base_url);
  const auto origin = UrlOrigin::of(request.url);
  if (!own || !origin) return fail(Error((own ? origin : own).error()));
  if (*origin == *own) return send_authorized(request, context);
  // The Location of an upload may be on another host.
  const auto tls = access_->tls_files(origin->host);
  return tls ? send_plain(request, *tls, {}, context) : fail(Error(tls.error()));
}

Result<std::unique_ptr<HttpResponse>> HostAccess::send_authorized(const RepeatableRequest& request,
                                                                  const Context& context) {
  std::optional<AuthChallenge> challenge = *challenge_.lock();
  for (int challenges = 0;; ++challenges) {
    std::string field;
    if (challenge) {
      auto made = authorization(*challenge, context);
      if (!made) return fail(std::move(made).error());
      field = *std::move(made);
    }
    auto response = send_plain(request, tls_, field, context);
    if (!response || (*response)->status() != 401) return response;
    auto next = best_challenge((*response)->fields("WWW-Authenticate"));
    if (!next || challenges == kMostChallenges) return response;
    // Credentials that were just refused would be refused again.
    if (next->scheme == AuthChallenge::Scheme::basic && challenges != 0) return response;
    if (challenge && challenge->scheme == AuthChallenge::Scheme::bearer)
      access_->tokens().forget(token_request(*challenge));
    if (!also_pull_from_.empty() && next->scheme == AuthChallenge::Scheme::bearer)
      next->scope += " repository:" + also_pull_from_ + ":pull";
    challenge = std::move(next);
    *challenge_.lock() = challenge;
  }
}

Result<std::unique_ptr<HttpResponse>> HostAccess::follow(std::unique_ptr<HttpResponse> response,
                                                         const RepeatableRequest& request,
                                                         const Context& context) {
  const auto own = UrlOrigin::of(endpoint_.base_url);
  if (!own) return fail(Error(own.error()));
  for (int redirects = 0; is_redirect(response->status()); ++redirects) {
    const auto location = response->field("Location");
    if (!location || redirects == kMostRedirects)
      return fail(Errc::io,
                  own->host + (location ? ": too many redirects" : ": a redirect without Location"));
    auto target = resolve_url(response->url(), std::string(*location));
    if (!target) return fail(std::move(target).error(), own->host + ": redirect");
    const auto origin = UrlOrigin::of(*target);
    if (!origin) return fail(Error(origin.error()), own->host + ": redirect");
    RepeatableRequest next = request;
    next.url = *std::move(target);
    // The first response is ended before the next request, which may use its connection.
    response.reset();
    const bool is_own = *origin == *own;
    const auto tls = is_own ? Result<TlsFiles>(tls_) : access_->tls_files(origin->host);
    if (!tls) return fail(Error(tls.error()));
    auto followed = is_own ? send_authorized(next, context) : send_plain(next, *tls, {}, context);
    if (!followed) return followed;
    response = *std::move(followed);
  }
  return response;
}

Result<std::unique_ptr<HttpResponse>> HostAccess::send_plain(const RepeatableRequest& request,
                                                             const TlsFiles& tls,
                                                             const std::string& authorization,
                                                             const Context& context) const {
  HttpRequest http{.method = request.method, .url = request.url, .fields = request.fields};
  if (!authorization.empty()) http.fields.emplace_back("Authorization", authorization);
  if (!request.body) return access_->client().send(http, tls, context);
  MemorySource body(*request.body);
  http.body = &body;
  http.body_size = request.body->size();
  return access_->client().send(http, tls, context);
}

TokenRequest HostAccess::token_request(const AuthChallenge& challenge) const {
  return TokenRequest{challenge, endpoint_.host, endpoint_.repository};
}

Result<std::string> HostAccess::authorization(const AuthChallenge& challenge, const Context& context) const {
  if (challenge.scheme == AuthChallenge::Scheme::basic) {
    const auto credentials = access_->credentials(endpoint_.host, endpoint_.repository, context);
    if (!credentials) return fail(Error(credentials.error()));
    return credentials->is_anonymous() ? std::string() : basic_authorization(*credentials);
  }
  auto token = access_->tokens().get(token_request(challenge), *access_, context);
  if (!token) return fail(std::move(token).error());
  return "Bearer " + *token;
}

Error HostAccess::unauthorized(HttpResponse& response, const Context& context) const {
  const std::string what = endpoint_.host + "/" + endpoint_.repository;
  Error error = error_of_response(response, what, RegistryCode::unauthorized);
  const auto credentials = access_->credentials(endpoint_.host, endpoint_.repository, context);
  const std::string login = "podman login " + endpoint_.host;
  if (credentials && !credentials->is_anonymous())
    return registry_error(RegistryCode::unauthorized,
                          what + ": the credentials of " + credentials->source + " are refused")
        .with_hint("log in again with: " + login);
  return std::move(error).with_hint("log in with: " + login);
}

}  // namespace layoutfs
