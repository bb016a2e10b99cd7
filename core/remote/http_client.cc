#include "core/remote/http_client.h"

#include <algorithm>
#include <utility>

#include "core/http/fields.h"
#include "core/remote/curl_pool.h"
#include "core/remote/http_exchange.h"
#include "core/remote/url.h"

namespace layoutfs {

HttpResponse::HttpResponse(std::unique_ptr<HttpExchange> exchange) : exchange_(std::move(exchange)) {}
HttpResponse::~HttpResponse() = default;

int HttpResponse::status() const noexcept { return exchange_->status(); }
const std::string& HttpResponse::url() const noexcept { return exchange_->url(); }

std::optional<std::string_view> HttpResponse::field(std::string_view name) const {
  for (const auto& [key, value] : exchange_->fields())
    if (is_same_token(key, name)) return value;
  return std::nullopt;
}

std::vector<std::string_view> HttpResponse::fields(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [key, value] : exchange_->fields())
    if (is_same_token(key, name)) values.emplace_back(value);
  return values;
}

Result<std::size_t> HttpResponse::read(std::span<std::byte> out) { return exchange_->read(out); }

HttpClient::HttpClient(Options options) : options_(std::move(options)), pool_(std::make_shared<CurlPool>()) {}
HttpClient::~HttpClient() = default;

Result<std::unique_ptr<HttpResponse>> HttpClient::send(const HttpRequest& request, const TlsFiles& tls,
                                                       const Context& context) const {
  auto origin = UrlOrigin::of(request.url);
  if (!origin) return fail(std::move(origin).error());
  auto exchange =
      std::make_unique<HttpExchange>(options_, pool_, pool_->take(*origin), origin->host, context);
  if (auto sent = exchange->send(request, tls); !sent) return fail(std::move(sent).error());
  return std::make_unique<HttpResponse>(std::move(exchange));
}

}  // namespace layoutfs
