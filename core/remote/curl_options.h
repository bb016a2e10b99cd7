// The settings of a transfer of libcurl. Private to the HTTP client.
#pragma once

#include <curl/curl.h>

#include <memory>

#include "core/remote/http_client.h"
#include "core/remote/tls_files.h"
#include "layoutfs/error.h"

namespace layoutfs {

struct CurlListDeleter {
  void operator()(curl_slist* list) const noexcept { ::curl_slist_free_all(list); }
};
using CurlList = std::unique_ptr<curl_slist, CurlListDeleter>;

// Sets options of an easy handle. Throws std::bad_alloc if libcurl has no memory; other failures would be
// programming errors.
class CurlOptions {
 public:
  explicit CurlOptions(CURL* easy) noexcept : easy_(easy) {}
  template <class T>
  void set(CURLoption option, T value) const {
    accept(::curl_easy_setopt(easy_, option, value));
  }
  void set(CURLoption option, const std::string& value) const { set(option, value.c_str()); }

 private:
  static void accept(CURLcode code);
  CURL* easy_;
};

// Sets everything that does not depend on callbacks: the protocol, the limits of time, the method and its
// body.
void set_request_options(const CurlOptions& options, const HttpRequest& request,
                         const HttpClient::Options& client);

// Sets the certificates to trust. Errc::io with NetworkCode::untrusted if a file cannot be read.
Status set_tls_options(const CurlOptions& options, const TlsFiles& tls);

// Returns whether libcurl may ask the server, by "Expect: 100-continue", before it sends the body. That takes
// a second if the server does not know it, so only bodies that take longer are worth it.
bool may_expect_continue(const HttpRequest& request) noexcept;

// Returns the header of the request, for CURLOPT_HTTPHEADER. Errc::invalid_argument if the method is not a
// token, or if a field could not be told from another one: control characters, a malformed name.
Result<CurlList> header_of(const HttpRequest& request);

}  // namespace layoutfs
