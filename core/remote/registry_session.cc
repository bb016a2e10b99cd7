#include "core/remote/registry_session.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "core/remote/percent.h"
#include "core/remote/response_text.h"
#include "core/remote/retries.h"
#include "core/remote/url.h"
#include "layoutfs/log.h"

namespace layoutfs {
namespace {

using Clock = std::chrono::steady_clock;

// A mirror that has failed is not asked again for this time.
constexpr std::chrono::seconds kAvoided{60};
// One line in the log for each host in this time.
constexpr std::chrono::seconds kBetweenReports{60};

bool may_pass_later(int status) noexcept {
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

bool is_on_host(const std::string& url, const Endpoint& endpoint) {
  const auto one = UrlOrigin::of(url);
  const auto other = UrlOrigin::of(endpoint.base_url);
  return one && other && *one == *other;
}

// Returns whether `endpoint` is the same as `by_https`, by HTTP.
bool is_by_http(const Endpoint& endpoint, const Endpoint& by_https) {
  return endpoint.host == by_https.host && endpoint.base_url.starts_with("http://") &&
         by_https.base_url == "https" + endpoint.base_url.substr(4);
}

std::string url_of(const Endpoint& endpoint, const std::string& path) {
  std::string url = endpoint.api_url() + "/";
  if (!endpoint.repository.empty()) url += endpoint.repository + "/";
  url += path;
  if (!endpoint.registry.empty())
    url += (path.find('?') == std::string::npos ? "?ns=" : "&ns=") + percent_encoded(endpoint.registry);
  return url;
}

}  // namespace

bool is_refused(int status) noexcept {
  return status == 400 || status == 401 || status == 403 || status == 404 || status == 410;
}

RegistrySession::RegistrySession(std::shared_ptr<RemoteAccess> access, std::string host,
                                 std::string repository)
    : access_(std::move(access)),
      host_(std::move(host)),
      repository_(std::move(repository)),
      name_(repository_.empty() ? host_ : host_ + "/" + repository_) {}

Result<std::shared_ptr<RegistrySession>> RegistrySession::open(std::shared_ptr<RemoteAccess> access,
                                                               const std::string& host,
                                                               const std::string& repository,
                                                               const std::string& also_pull_from) {
  // The constructor is private.
  std::shared_ptr<RegistrySession> session(new RegistrySession(std::move(access), host, repository));
  for (const RemotePurpose purpose :
       {RemotePurpose::pull_by_digest, RemotePurpose::pull_by_tag, RemotePurpose::push}) {
    auto servers = session->open_servers(purpose, purpose == RemotePurpose::push ? also_pull_from : "");
    if (!servers) return fail(std::move(servers).error());
    session->servers_.emplace(purpose, *std::move(servers));
  }
  return session;
}

Result<RegistrySession::Servers> RegistrySession::open_servers(RemotePurpose purpose,
                                                               const std::string& also_pull_from) const {
  auto endpoints = find_endpoints({.host = host_,
                                   .repository = repository_,
                                   .purpose = purpose,
                                   .is_tls_verified = access_->options().is_tls_verified},
                                  access_->options().paths);
  if (!endpoints) return fail(std::move(endpoints).error());
  Servers servers;
  for (Endpoint& endpoint : *endpoints) {
    auto tls = access_->tls_files(endpoint);
    if (!tls) return fail(std::move(tls).error());
    const bool is_other_protocol =
        !servers.empty() && is_by_http(endpoint, servers.back()->protocols.back()->endpoint());
    if (!is_other_protocol) servers.push_back(std::make_unique<Server>());
    servers.back()->protocols.push_back(
        std::make_unique<HostAccess>(std::move(endpoint), *std::move(tls), access_, also_pull_from));
  }
  return servers;
}

template <class T>
Result<T> RegistrySession::repeat(const std::function<AttemptOf<T>()>& attempt, const Context& context) {
  for (Retries retries(access_->options().retries);;) {
    auto result = attempt();
    if (result) return *std::move(result);
    Failure failure = std::move(result).error();
    if (!failure.may_pass) return fail(std::move(failure.error));
    count_retry(failure.error);
    if (auto go_on = retries.wait(std::move(failure.error), failure.pause, context); !go_on)
      return fail(std::move(go_on).error());
  }
}

Result<std::unique_ptr<HttpResponse>> RegistrySession::send(const RegistryRequest& request,
                                                            const Context& context) {
  return repeat<std::unique_ptr<HttpResponse>>([&] { return send_to_all(request, context); }, context);
}

Result<RegistryDocument> RegistrySession::fetch(const RegistryRequest& request, const Context& context) {
  return repeat<RegistryDocument>([&] { return fetch_once(request, context); }, context);
}

RegistrySession::AttemptOf<RegistryDocument> RegistrySession::fetch_once(const RegistryRequest& request,
                                                                         const Context& context) {
  auto response = send_to_all(request, context);
  if (!response) return std::unexpected(std::move(response).error());
  auto bytes = read_all(**response);
  if (bytes) return RegistryDocument{*std::move(response), *std::move(bytes)};
  Error error = std::move(bytes).error();
  const bool may_pass = is_interruption(error);
  return std::unexpected(Failure{std::move(error), may_pass});
}

RegistrySession::Attempt RegistrySession::send_to_all(const RegistryRequest& request,
                                                      const Context& context) {
  const auto& servers = servers_.at(request.purpose);
  for (const auto& server : servers) {
    const Endpoint& endpoint = server->protocols.front()->endpoint();
    const bool is_last = server == servers.back();
    if (!is_last && endpoint.is_mirror && is_avoided(endpoint)) continue;
    auto attempt = send_to(*server, request, context);
    if (attempt || is_last || !endpoint.is_mirror || attempt.error().error.code() == Errc::cancelled)
      return attempt;
    // A mirror need not have everything.
    if (attempt.error().error.code() != Errc::not_found) avoid(endpoint, attempt.error().error);
  }
  // The list is not empty, and its last server was asked.
  return std::unexpected(Failure{Error(Errc::io, name_ + ": no server"), false});
}

RegistrySession::Attempt RegistrySession::send_to(Server& server, const RegistryRequest& request,
                                                  const Context& context) {
  if (HostAccess* const chosen = server.chosen) return send_to(*chosen, request, context);
  std::optional<Failure> last;
  for (const auto& host : server.protocols) {
    auto attempt = send_to(*host, request, context);
    const int status = attempt ? (*attempt)->status() : attempt.error().status;
    // A server for HTTPS says by this status that it does not speak HTTP.
    const bool is_other_protocol = status == 400 && last && network_code(last->error) != NetworkCode::not_tls;
    if (is_other_protocol) break;
    if (attempt || status != 0) {
      server.chosen = host.get();
      return attempt;
    }
    last = std::move(attempt).error();
    const NetworkCode code = network_code(last->error);
    if (code != NetworkCode::not_tls && code != NetworkCode::unreachable && code != NetworkCode::interrupted)
      break;
  }
  return std::unexpected(*std::move(last));
}

RegistrySession::Attempt RegistrySession::send_to(HostAccess& host, const RegistryRequest& request,
                                                  const Context& context) {
  ++requests_;
  RepeatableRequest repeatable{
      .method = request.method,
      .url = request.url.empty() ? url_of(host.endpoint(), request.path) : request.url,
      .fields = request.fields,
      .body = request.body};
  for (const auto& field : host.endpoint().fields) repeatable.fields.push_back(field);
  auto response = host.send(repeatable, context);
  if (!response) {
    // Before the first answer, an unreachable host is more likely a mistake than an interruption.
    // Afterwards, an unknown name means that no name server answers.
    const NetworkCode code = network_code(response.error());
    const bool is_known = has_answered_ || access_->options().retries.waits;
    const bool may_pass = is_known ? is_transient(response.error()) || code == NetworkCode::unknown_host
                                   : code == NetworkCode::interrupted;
    return std::unexpected(Failure{std::move(response).error(), may_pass});
  }
  has_answered_ = true;
  const int status = (*response)->status();
  if (request.returns_refused_links && is_refused(status) && !is_on_host((*response)->url(), host.endpoint()))
    return *std::move(response);
  if ((status >= 200 && status < 300) ||
      std::ranges::find(request.accepted, status) != request.accepted.end())
    return *std::move(response);
  return std::unexpected(failure_of(**response, host, request, context));
}

RegistrySession::Failure RegistrySession::failure_of(HttpResponse& response, HostAccess& host,
                                                     const RegistryRequest& request,
                                                     const Context& context) const {
  const int status = response.status();
  const std::string what = name_ + request.object;
  if (is_refused(status) && !is_on_host(response.url(), host.endpoint())) {
    const auto other = UrlOrigin::of(response.url());
    return {
        network_error(NetworkCode::interrupted, what + ": " + (other ? other->host : "another host") +
                                                    " refused a link with status " + std::to_string(status)),
        true, status};
  }
  std::chrono::milliseconds pause{0};
  if (const auto field = response.field("Retry-After"))
    pause = parse_retry_after(*field, std::chrono::system_clock::now());
  if (status == 401) return {host.unauthorized(response, context), false, status};
  Error error = error_of_response(response, what, request.if_missing);
  // The first request is for a manifest or a list.
  const bool is_first_kind = request.if_missing == RegistryCode::manifest_unknown ||
                             request.if_missing == RegistryCode::name_unknown;
  if (status == 404 && is_first_kind && !is_error_document(response))
    if (auto reason = explain_missing(host, context)) error = *std::move(reason);
  return {std::move(error), may_pass_later(status), status, pause};
}

std::optional<Error> RegistrySession::explain_missing(HostAccess& host, const Context& context) const {
  const std::string url = host.endpoint().api_url() + "/";
  const auto answer = host.send({.method = "GET", .url = url, .fields = {}, .body = {}}, context);
  if (!answer) return std::nullopt;
  const int status = (*answer)->status();
  if (status == 200 || status == 401 || status == 403) return std::nullopt;
  return Error(Errc::io, host.endpoint().host + ": not a registry: it answers " + url + " with status " +
                             std::to_string(status));
}

bool RegistrySession::is_avoided(const Endpoint& mirror) const {
  auto avoided = avoided_.lock();
  const auto found = avoided->find(mirror.base_url);
  return found != avoided->end() && Clock::now() < found->second;
}

void RegistrySession::avoid(const Endpoint& mirror, const Error& why) {
  avoided_.lock()->insert_or_assign(mirror.base_url, Clock::now() + kAvoided);
  log(LogLevel::warning, "mirror " + mirror.base_url + " is not used for a minute: " + why.message());
}

void RegistrySession::count_retry(const Error& reason) {
  // One interruption is normal: servers close idle connections.
  if (retried_++ == 0) return;
  const auto now = Clock::now();
  {
    auto next = next_report_.lock();
    if (now < *next) return;
    *next = now + kBetweenReports;
  }
  log(LogLevel::warning, reason.message() + "; trying again");
}

}  // namespace layoutfs
