#include "core/remote/curl_pool.h"

#include <algorithm>
#include <new>
#include <utility>

namespace layoutfs {
namespace {

constexpr std::size_t kIdleHandles = 8;
constexpr long kConnectionsPerHandle = 4;  // a registry, its token server, and the host of its blobs

// Also makes libcurl ready, once for the process; it is never torn down.
CURLM* new_multi() {
  static const CURLcode ready = ::curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK) throw std::bad_alloc();
  CURLM* const multi = ::curl_multi_init();
  if (multi == nullptr) throw std::bad_alloc();
  return multi;
}

}  // namespace

CurlHandles::CurlHandles() : multi(new_multi()), easy(::curl_easy_init()) {
  if (!easy) throw std::bad_alloc();
  ::curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, kConnectionsPerHandle);
  origins.reserve(kConnectionsPerHandle + 1);
}

std::unique_ptr<CurlHandles> CurlPool::take(const UrlOrigin& origin) {
  std::unique_ptr<CurlHandles> handles;
  {
    auto idle = idle_.lock();
    auto found = std::ranges::find_if(idle->rbegin(), idle->rend(), [&](const auto& candidate) {
      return std::ranges::find(candidate->origins, origin) != candidate->origins.end();
    });
    if (found == idle->rend()) found = idle->rbegin();
    if (found != idle->rend()) {
      handles = std::move(*found);
      idle->erase(std::next(found).base());
    }
  }
  if (!handles) handles = std::make_unique<CurlHandles>();
  std::erase(handles->origins, origin);
  handles->origins.push_back(origin);
  if (handles->origins.size() > kConnectionsPerHandle) handles->origins.erase(handles->origins.begin());
  return handles;
}

void CurlPool::give_back(std::unique_ptr<CurlHandles> handles) noexcept {
  std::unique_ptr<CurlHandles> oldest;  // closes its connections after the lock is released
  auto idle = idle_.lock();
  if (idle->capacity() <= kIdleHandles) idle->reserve(kIdleHandles + 1);
  idle->push_back(std::move(handles));
  if (idle->size() <= kIdleHandles) return;
  oldest = std::move(idle->front());
  idle->erase(idle->begin());
}

}  // namespace layoutfs
