#include "core/remote/url.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>
#include <new>

#include "core/base/ascii.h"

namespace layoutfs {
namespace {

struct CurlUrlDeleter {
  void operator()(CURLU* url) const noexcept { ::curl_url_cleanup(url); }
};
using CurlUrl = std::unique_ptr<CURLU, CurlUrlDeleter>;

CurlUrl new_curl_url() {
  CurlUrl url(::curl_url());
  if (!url) throw std::bad_alloc();
  return url;
}

// Sets the URL, or resolves `text` if there is one.
Status set_url(CURLU* url, const std::string& text) {
  const CURLUcode code = ::curl_url_set(url, CURLUPART_URL, text.c_str(), CURLU_URLENCODE);
  if (code == CURLUE_OUT_OF_MEMORY) throw std::bad_alloc();
  if (code == CURLUE_OK && !text.contains('\0')) return {};
  return fail(Errc::invalid_argument, text + ": invalid URL");
}

std::string part_of(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  const CURLUcode code = ::curl_url_get(url, part, &text, CURLU_NO_DEFAULT_PORT);
  if (code == CURLUE_OUT_OF_MEMORY) throw std::bad_alloc();
  const std::unique_ptr<char, decltype(&::curl_free)> owner(text, ::curl_free);
  return code == CURLUE_OK ? text : "";
}

Status check_scheme(CURLU* url, const std::string& text) {
  const std::string scheme = part_of(url, CURLUPART_SCHEME);
  if (scheme == "http" || scheme == "https") return {};
  return fail(Errc::invalid_argument, text + ": expected an http or https URL");
}

}  // namespace

Result<UrlOrigin> UrlOrigin::of(const std::string& url) {
  const CurlUrl parsed = new_curl_url();
  if (auto set = set_url(parsed.get(), url); !set) return fail(std::move(set).error());
  if (auto checked = check_scheme(parsed.get(), url); !checked) return fail(std::move(checked).error());
  UrlOrigin origin{part_of(parsed.get(), CURLUPART_SCHEME), part_of(parsed.get(), CURLUPART_HOST)};
  std::ranges::transform(origin.host, origin.host.begin(), lower_ascii);
  if (const std::string port = part_of(parsed.get(), CURLUPART_PORT); !port.empty())
    origin.host += ":" + port;
  return origin;
}

Result<std::string> resolve_url(const std::string& base, const std::string& reference) {
  const CurlUrl parsed = new_curl_url();
  if (auto set = set_url(parsed.get(), base); !set) return fail(std::move(set).error());
  if (auto set = set_url(parsed.get(), reference); !set) return fail(std::move(set).error());
  if (auto checked = check_scheme(parsed.get(), reference); !checked) return fail(std::move(checked).error());
  if (::curl_url_set(parsed.get(), CURLUPART_FRAGMENT, nullptr, 0) != CURLUE_OK) throw std::bad_alloc();
  return part_of(parsed.get(), CURLUPART_URL);
}

}  // namespace layoutfs
