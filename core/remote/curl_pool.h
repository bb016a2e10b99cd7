// The handles of libcurl, and those that wait for the next request with their connections. Private to the
// HTTP client.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <vector>

#include "core/base/guarded.h"
#include "core/remote/url.h"

namespace layoutfs {

struct CurlEasyDeleter {
  void operator()(CURL* easy) const noexcept { ::curl_easy_cleanup(easy); }
};
struct CurlMultiDeleter {
  void operator()(CURLM* multi) const noexcept { ::curl_multi_cleanup(multi); }
};

// What one exchange at a time needs. The multi handle owns the connections, which it keeps after an exchange.
struct CurlHandles {
  // Throws std::bad_alloc if libcurl fails.
  CurlHandles();

  std::unique_ptr<CURLM, CurlMultiDeleter> multi;
  std::unique_ptr<CURL, CurlEasyDeleter> easy;  // destroyed first
  std::vector<UrlOrigin> origins;               // to which there may be connections, the latest last
};

// Thread-safe. Keeps a few idle handles, the latest last.
class CurlPool {
 public:
  // Returns handles with a connection to `origin` if some are idle, otherwise other idle ones, otherwise new
  // ones.
  std::unique_ptr<CurlHandles> take(const UrlOrigin& origin);
  // For the next request. No transfer may run in `handles`.
  void give_back(std::unique_ptr<CurlHandles> handles) noexcept;

 private:
  Guarded<std::vector<std::unique_ptr<CurlHandles>>> idle_;
};

}  // namespace layoutfs
