#include "core/remote/token_store.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/base64.h"
#include "core/base/json.h"
#include "core/remote/percent.h"
#include "core/remote/remote_access.h"
#include "core/remote/response_text.h"
#include "core/remote/url.h"

namespace layoutfs {
namespace {

using Clock = std::chrono::steady_clock;

// The life of a token without `expires_in`, by the specification.
constexpr std::chrono::seconds kDefaultLife{60};
constexpr std::chrono::seconds kLongestLife{24 * 3600};
constexpr std::size_t kMostTokens = 1000;

std::string key_of(const TokenRequest& request) {
  const AuthChallenge& challenge = request.challenge;
  return challenge.realm + "\n" + challenge.service + "\n" + challenge.scope + "\n" + request.host + "\n" +
         request.repository;
}

// Adds "NAME=VALUE&" for each scope: a challenge may have several, separated by blanks.
std::string scopes_of(std::string_view scope) {
  std::string text;
  while (!scope.empty()) {
    const auto end = std::min(scope.find(' '), scope.size());
    if (end != 0) text += "&scope=" + percent_encoded(scope.substr(0, end));
    scope.remove_prefix(std::min(end + 1, scope.size()));
  }
  return text;
}

HttpRequest get_request(const AuthChallenge& challenge, const Credentials& credentials) {
  const bool has_query = challenge.realm.find('?') != std::string::npos;
  HttpRequest request;
  request.url = challenge.realm + (has_query ? "&" : "?") + "service=" + percent_encoded(challenge.service) +
                scopes_of(challenge.scope);
  if (!credentials.user.empty() || !credentials.password.empty())
    request.fields.emplace_back("Authorization", basic_authorization(credentials));
  return request;
}

std::string form_of(const AuthChallenge& challenge, const Credentials& credentials) {
  return "grant_type=refresh_token&client_id=layoutfs&service=" + percent_encoded(challenge.service) +
         "&refresh_token=" + percent_encoded(credentials.identity_token) +
         (challenge.scope.empty() ? "" : "&scope=" + percent_encoded(challenge.scope));
}

Result<std::unique_ptr<HttpResponse>> ask(const TokenRequest& request, const Credentials& credentials,
                                          const RemoteAccess& access, const Context& context) {
  const auto origin = UrlOrigin::of(request.challenge.realm);
  if (!origin) return fail(Error(origin.error()).with("token server of " + request.host));
  const auto tls = access.tls_files(origin->host);
  if (!tls) return fail(Error(tls.error()));
  if (credentials.identity_token.empty())
    return access.client().send(get_request(request.challenge, credentials), *tls, context);
  const std::string form = form_of(request.challenge, credentials);
  MemorySource body(as_bytes(form));
  HttpRequest post{.method = "POST", .url = request.challenge.realm, .fields = {}};
  post.fields.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  post.body = &body;
  post.body_size = form.size();
  return access.client().send(post, *tls, context);
}

// Returns the error for a server that gives no token.
Error refused(const TokenRequest& request, const Credentials& credentials, HttpResponse& response) {
  const std::string server = "token server " + request.challenge.realm;
  const int status = response.status();
  if (status != 401 && status != 403 && status != 400) {
    std::string message = request.host + ": " + server + ": status " + std::to_string(status);
    const bool may_pass = status >= 500 || status == 429;
    return may_pass ? network_error(NetworkCode::interrupted, std::move(message))
                    : Error(Errc::io, std::move(message));
  }
  if (credentials.is_anonymous())
    return Error(registry_error(RegistryCode::unauthorized, request.host + ": credentials are required"))
        .with_hint("log in with: podman login " + request.host);
  return Error(registry_error(RegistryCode::unauthorized, request.host + ": the credentials of " +
                                                              credentials.source + " are refused by the " +
                                                              server))
      .with_hint("log in again with: podman login " + request.host);
}

}  // namespace

Result<Token> parse_token(ByteView response, Clock::time_point now) {
  const auto malformed = [](const std::string& why) {
    return fail(Errc::io, "the response of the token server " + why);
  };
  const auto document = JsonDocument::parse(response, {.are_names_unique = false});
  if (!document) return malformed("is not JSON");
  const JsonValue root = document->root();
  auto text = root.find("token");
  if (!text || !text->as_string() || text->as_string()->empty()) text = root.find("access_token");
  if (!text || !text->as_string() || text->as_string()->empty()) return malformed("has no token");
  const std::string token(*text->as_string());
  // It becomes part of a header.
  if (std::ranges::any_of(token, [](unsigned char c) { return c <= ' ' || c >= 127; }))
    return malformed("has an invalid token");
  auto life = kDefaultLife;
  if (const auto given = root.find("expires_in"); given && given->as_integer() && *given->as_integer() > 0)
    life = std::min(std::chrono::seconds(std::min<std::int64_t>(*given->as_integer(), kLongestLife.count())),
                    kLongestLife);
  return Token{token, now + std::chrono::duration_cast<Clock::duration>(life) * 9 / 10};
}

Result<std::string> TokenStore::get(const TokenRequest& request, const RemoteAccess& access,
                                    const Context& context) {
  const std::string key = key_of(request);
  const auto now = Clock::now();
  {
    auto tokens = tokens_.lock();
    if (const auto found = tokens->find(key); found != tokens->end() && found->second.expires > now)
      return found->second.text;
  }
  const auto credentials = access.credentials(request.host, request.repository, context);
  if (!credentials) return fail(Error(credentials.error()));
  auto response = ask(request, *credentials, access, context);
  if (!response) return fail(std::move(response).error(), "token server of " + request.host);
  if ((*response)->status() != 200) return fail(refused(request, *credentials, **response));
  const auto text = read_all(**response);
  if (!text) return fail(Error(text.error()), request.challenge.realm);
  auto token = parse_token(*text, now);
  if (!token) return fail(std::move(token).error(), request.challenge.realm);
  auto tokens = tokens_.lock();
  // Long scopes could fill the memory of a server that runs for years.
  if (tokens->size() >= kMostTokens)
    std::erase_if(*tokens, [now](const auto& each) { return each.second.expires <= now; });
  if (tokens->size() >= kMostTokens) tokens->clear();
  std::string result = token->text;
  tokens->insert_or_assign(key, *std::move(token));
  return result;
}

void TokenStore::forget(const TokenRequest& request) { tokens_.lock()->erase(key_of(request)); }

}  // namespace layoutfs
