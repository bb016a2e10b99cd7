#include "core/remote/url.h"

#include <gtest/gtest.h>

#include "tests/support/results.h"

namespace layoutfs {
namespace {

using testing::failure_of;

TEST(Url, TheOriginHasSchemeHostAndPort) {
  const auto origin = [](const std::string& url) {
    const auto parts = UrlOrigin::of(url);
    return parts ? parts->scheme + " " + parts->host : "invalid";
  };
  EXPECT_EQ(origin("https://Quay.IO/v2/?a=b#c"), "https quay.io");
  EXPECT_EQ(origin("http://localhost:5000"), "http localhost:5000");
  EXPECT_EQ(origin("HTTPS://localhost:443/a"), "https localhost");
  EXPECT_EQ(origin("https://localhost:80/a"), "https localhost:80");
  EXPECT_EQ(origin("http://user:password@host/a"), "http host");
  EXPECT_EQ(origin("http://[::1]:5000/a"), "http [::1]:5000");
}

TEST(Url, OtherSchemesAndMalformedUrlsAreRefused) {
  for (const std::string url : {"", "/v2/", "host", "ftp://host/", "file:///etc/passwd", "http://",
                                "http://host:99999/", "http://a b/", "http://host/\n"})
    EXPECT_EQ(failure_of(UrlOrigin::of(url)), Errc::invalid_argument) << url;
  EXPECT_EQ(failure_of(UrlOrigin::of(std::string("http://a\0b/", 11))), Errc::invalid_argument);
}

TEST(Url, ReferencesAreResolved) {
  const auto resolved = [](const std::string& reference) {
    auto url = resolve_url("https://host:5000/v2/a/blobs/uploads/?x=1", reference);
    return url ? *url : "invalid";
  };
  EXPECT_EQ(resolved("/v2/b?y=2"), "https://host:5000/v2/b?y=2");
  EXPECT_EQ(resolved("id"), "https://host:5000/v2/a/blobs/uploads/id");
  EXPECT_EQ(resolved("?y=2"), "https://host:5000/v2/a/blobs/uploads/?y=2");
  EXPECT_EQ(resolved("//other/a"), "https://other/a");
  EXPECT_EQ(resolved("http://other:81/a%2Fb?c=d%3D#e"), "http://other:81/a%2Fb?c=d%3D");
  EXPECT_EQ(resolved("/a b"), "https://host:5000/a%20b");
  EXPECT_EQ(resolved("file:///etc/passwd"), "invalid");
  EXPECT_EQ(resolved("http://"), "invalid");
}

}  // namespace
}  // namespace layoutfs
