#include "core/transfer/foreign_layer.h"

#include <algorithm>
#include <optional>
#include <string>

#include "core/base/check.h"

namespace layoutfs {
namespace {

// Number of URLs in a message.
constexpr std::size_t kMaxListed = 3;
constexpr std::size_t kMaxLength = 200;  // bytes of each

bool is_http(std::string_view url) {
  const auto begins_with = [&](std::string_view scheme) {
    const auto is_same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
    return url.size() >= scheme.size() && std::ranges::equal(url.substr(0, scheme.size()), scheme, is_same);
  };
  return begins_with("http://") || begins_with("https://");
}

std::string list_of_urls(const std::vector<std::string>& urls) {
  std::string text;
  for (std::size_t i = 0; i < std::min(urls.size(), kMaxListed); ++i)
    text += (i == 0 ? "" : ", ") + urls[i].substr(0, kMaxLength);
  if (urls.size() > kMaxListed) text += " and " + std::to_string(urls.size() - kMaxListed) + " more";
  return text;
}

}  // namespace

Result<SourceBlob> open_foreign_layer(const BlobInfo& info, const UrlOpener& open_url,
                                      const Context& context) {
  std::optional<Error> failure;
  for (const std::string& url : info.urls) {
    if (!open_url || !is_http(url)) continue;
    if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
    auto blob = open_url(url, context);
    if (blob) {
      check(blob->content != nullptr, "an opened URL has content");
      return blob;
    }
    failure = std::move(blob).error().with(url.substr(0, kMaxLength));
  }
  const std::string name = info.digest.str() + ": foreign layer";
  if (failure) return fail(std::move(*failure), name);
  return fail(Errc::not_found, name + " is not in the layout; available at " + list_of_urls(info.urls));
}

}  // namespace layoutfs
