#include "core/remote/curl_options.h"

#include <fcntl.h>

#include <algorithm>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/check.h"
#include "core/base/file.h"
#include "core/http/fields.h"
#include "core/remote/network_code.h"

namespace layoutfs {
namespace {

constexpr long kReceiveBuffer = 128 * 1024;  // bytes; libcurl may have one more while a transfer is paused
constexpr long kSendBuffer = 64 * 1024;      // bytes
constexpr std::uint64_t kExpectContinueAbove = 1024 * 1024;  // bytes, as in libcurl
constexpr std::size_t kMaxAuthorities = 4 * 1024 * 1024;     // bytes of a PEM file

void append_line(CurlList& list, const std::string& line) {
  curl_slist* const longer = ::curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  if (list.get() == longer) return;  // as always but for the first line
  list.reset(longer);
}

bool is_field_given(const HttpRequest& request, std::string_view name) noexcept {
  return std::ranges::any_of(request.fields,
                             [&](const auto& field) { return is_same_token(field.first, name); });
}

Error unusable_authority(Error&& error) { return network_error(NetworkCode::untrusted, error.message()); }

Status append_authorities(std::string& pem, const std::string& path) {
  auto file = open_at(AT_FDCWD, path, O_RDONLY);
  if (!file) return fail(unusable_authority(std::move(file).error()));
  auto content = read_all(file->get(), path, kMaxAuthorities);
  if (!content) return fail(unusable_authority(std::move(content).error()));
  pem += as_text(*content);
  pem += '\n';
  return {};
}

// Adds authorities to those of the system. libcurl takes one file, which would replace the system's, and a
// directory, which Debian's has by default.
Status set_authorities(const CurlOptions& options, const std::vector<std::string>& paths) {
  std::string pem;
  const curl_version_info_data& built = *::curl_version_info(CURLVERSION_NOW);
  if (built.capath == nullptr && built.cainfo != nullptr)
    if (auto added = append_authorities(pem, built.cainfo); !added) return added;
  for (const std::string& path : paths)
    if (auto added = append_authorities(pem, path); !added) return added;
  curl_blob blob{pem.data(), pem.size(), CURL_BLOB_COPY};
  options.set(CURLOPT_CAINFO_BLOB, &blob);
  return {};
}

void set_method(const CurlOptions& options, const HttpRequest& request) {
  if (request.method == "HEAD") {
    options.set(CURLOPT_NOBODY, 1L);
    return;
  }
  // A request that usually has a body says so if it has none (RFC 9110, section 8.6).
  const bool needs_size = request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  if (request.body != nullptr || needs_size) {
    options.set(CURLOPT_UPLOAD, 1L);
    options.set(CURLOPT_INFILESIZE_LARGE,
                request.body == nullptr ? curl_off_t{0} : static_cast<curl_off_t>(request.body_size));
  }
  options.set(CURLOPT_CUSTOMREQUEST, request.method);
}

}  // namespace

void CurlOptions::accept(CURLcode code) {
  if (code == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
  check(code == CURLE_OK, "libcurl has the option");
}

void set_request_options(const CurlOptions& options, const HttpRequest& request,
                         const HttpClient::Options& client) {
  options.set(CURLOPT_URL, request.url);
  options.set(CURLOPT_PROTOCOLS_STR, "http,https");
  options.set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_2TLS});
  options.set(CURLOPT_NOSIGNAL, 1L);
  options.set(CURLOPT_QUICK_EXIT, 1L);  // do not wait for a name server after the transfer was cancelled
  options.set(CURLOPT_TCP_KEEPALIVE, 1L);
  options.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  options.set(CURLOPT_USERAGENT, client.user_agent);
  options.set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(client.connect_timeout.count()));
  options.set(CURLOPT_BUFFERSIZE, kReceiveBuffer);
  options.set(CURLOPT_UPLOAD_BUFFERSIZE, kSendBuffer);
  set_method(options, request);
}

Status set_tls_options(const CurlOptions& options, const TlsFiles& tls) {
  if (!tls.is_verified) {
    options.set(CURLOPT_SSL_VERIFYPEER, 0L);
    options.set(CURLOPT_SSL_VERIFYHOST, 0L);
  } else if (!tls.authorities.empty()) {
    if (auto set = set_authorities(options, tls.authorities); !set) return set;
  }
  if (tls.client) {
    options.set(CURLOPT_SSLCERT, tls.client->certificate);
    options.set(CURLOPT_SSLKEY, tls.client->key);
  }
  return {};
}

bool may_expect_continue(const HttpRequest& request) noexcept {
  return request.body != nullptr && request.body_size > kExpectContinueAbove;
}

Result<CurlList> header_of(const HttpRequest& request) {
  if (!is_token(request.method)) return fail(Errc::invalid_argument, "invalid HTTP method");
  CurlList list;
  for (const auto& [name, value] : request.fields) {
    if (!is_token(name) || !is_field_value(value))
      return fail(Errc::invalid_argument, "invalid header field '" + name + "'");
    append_line(list,
                value.empty() ? name + ";" : name + ": " + value);  // libcurl's way to send an empty value
  }
  // Without it, servers may compress; but digests are of the bytes as they are.
  if (!is_field_given(request, "Accept-Encoding")) append_line(list, "Accept-Encoding: identity");
  if (!may_expect_continue(request)) append_line(list, "Expect:");  // leaves it out
  return list;
}

}  // namespace layoutfs
