#include "core/remote/mirrors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/results.h"
#include "tests/support/temp_dir.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using testing::failure_of;
using ::testing::HasSubstr;
using testing::must;
using ::testing::Pair;
using testing::TempDir;
using testing::write_file;

class Mirrors : public ::testing::Test {
 protected:
  void write(const std::string& name, std::string_view content) const {
    write_file(directory_ / name, content);
  }
  Result<std::vector<Endpoint>> find(const std::string& host,
                                     RemotePurpose purpose = RemotePurpose::pull_by_digest,
                                     std::optional<bool> is_tls_verified = std::nullopt) const {
    return find_endpoints({host, "a/b", purpose, is_tls_verified}, paths_);
  }
  // Returns "API_URL REPOSITORY", with a mark if certificates are not verified.
  std::vector<std::string> urls(const std::string& host,
                                RemotePurpose purpose = RemotePurpose::pull_by_digest,
                                std::optional<bool> is_tls_verified = std::nullopt) const {
    std::vector<std::string> found;
    const auto endpoints = must(find(host, purpose, is_tls_verified));
    for (const Endpoint& endpoint : endpoints)
      found.push_back(endpoint.api_url() + " " + endpoint.repository +
                      (endpoint.tls.is_verified ? "" : " unverified"));
    return found;
  }

  TempDir directory_;
  ConfigPaths paths_{
      .user = directory_ / "user", .system = directory_ / "system", .containerd = directory_ / "containerd"};
};

constexpr auto kByTag = RemotePurpose::pull_by_tag;
constexpr auto kByDigest = RemotePurpose::pull_by_digest;
constexpr auto kPush = RemotePurpose::push;

TEST_F(Mirrors, WithoutConfigurationTheHostItselfIsAsked) {
  const auto endpoints = must(find("quay.io:5000"));
  ASSERT_EQ(endpoints.size(), 1u);
  EXPECT_EQ(endpoints[0].base_url, "https://quay.io:5000");
  EXPECT_EQ(endpoints[0].host, "quay.io:5000");
  EXPECT_EQ(endpoints[0].repository, "a/b");
  EXPECT_EQ(endpoints[0].registry, "");
  EXPECT_FALSE(endpoints[0].is_mirror);
  EXPECT_THAT(urls("localhost:5000", kPush), ElementsAre("https://localhost:5000/v2 a/b"));
  EXPECT_THAT(urls("127.0.0.1"), ElementsAre("https://127.0.0.1/v2 a/b"));
  EXPECT_THAT(urls("[::1]:5000"), ElementsAre("https://[::1]:5000/v2 a/b"));
}

TEST_F(Mirrors, DockerHubHasAServerOfAnotherName) {
  for (const char* const host : {"docker.io", "index.docker.io"}) {
    const auto endpoints = must(find(host));
    ASSERT_EQ(endpoints.size(), 1u);
    EXPECT_EQ(endpoints[0].base_url, "https://registry-1.docker.io");
    EXPECT_EQ(endpoints[0].host, "docker.io");
  }
}

TEST_F(Mirrors, TheCallerDecidesAboutTls) {
  EXPECT_THAT(urls("a.io", kByTag, false),
              ElementsAre("https://a.io/v2 a/b unverified", "http://a.io/v2 a/b unverified"));
  write("system/registries.conf", "[[registry]]\nlocation = 'a.io'\ninsecure = true\n");
  EXPECT_THAT(urls("a.io", kPush),
              ElementsAre("https://a.io/v2 a/b unverified", "http://a.io/v2 a/b unverified"));
  EXPECT_THAT(urls("a.io", kPush, true), ElementsAre("https://a.io/v2 a/b"));
}

TEST_F(Mirrors, MirrorsComeFirst) {
  write("system/registries.conf", R"(
[[registry]]
prefix = "a.io/a"
location = "b.io:5000/x"
[[registry.mirror]]
location = "m.io/y"
insecure = true
[[registry.mirror]]
location = "digest.io"
pull-from-mirror = "digest-only"
[[registry.mirror]]
location = "tag.io"
pull-from-mirror = "tag-only"
)");
  EXPECT_THAT(urls("a.io", kByDigest),
              ElementsAre("https://m.io/v2 y/b unverified", "http://m.io/v2 y/b unverified",
                          "https://digest.io/v2 b", "https://b.io:5000/v2 x/b"));
  EXPECT_THAT(urls("a.io", kByTag),
              ElementsAre("https://m.io/v2 y/b unverified", "http://m.io/v2 y/b unverified",
                          "https://tag.io/v2 b", "https://b.io:5000/v2 x/b"));
  EXPECT_THAT(urls("a.io", kPush), ElementsAre("https://a.io/v2 a/b"));
  const auto endpoints = must(find("a.io"));
  EXPECT_EQ(endpoints.front().host, "m.io");
  EXPECT_TRUE(endpoints.front().is_mirror);
  EXPECT_EQ(endpoints.back().host, "b.io:5000");
  EXPECT_FALSE(endpoints.back().is_mirror);
}

TEST_F(Mirrors, ALocationMayHaveAnEntryOfItsOwn) {
  write("system/registries.conf",
        "[[registry]]\nlocation = 'a.io'\n[[registry.mirror]]\nlocation = 'm.io'\n"
        "[[registry.mirror]]\nlocation = 'blocked.io'\n"
        "[[registry]]\nlocation = 'm.io'\ninsecure = true\n"
        "[[registry]]\nlocation = 'blocked.io'\nblocked = true\n"
        "[[registry]]\nprefix = 'c.io'\nlocation = 'blocked.io'\n");
  EXPECT_THAT(urls("a.io"), ElementsAre("https://m.io/v2 a/b unverified", "http://m.io/v2 a/b unverified",
                                        "https://a.io/v2 a/b"));
  EXPECT_EQ(failure_of(find("c.io")), Errc::denied);
}

TEST_F(Mirrors, BlockedRegistriesAreDenied) {
  write("system/registries.conf", "[[registry]]\nlocation = 'a.io'\nblocked = true\n");
  for (const auto purpose : {kByDigest, kByTag, kPush}) {
    const auto endpoints = find("a.io", purpose);
    ASSERT_EQ(failure_of(endpoints), Errc::denied);
    EXPECT_THAT(endpoints.error().message(), HasSubstr("registries.conf:1"));
  }
}

TEST_F(Mirrors, ALocationMustNameARepository) {
  write("system/registries.conf",
        "[[registry]]\nprefix = 'a.io/a/b'\nlocation = 'b.io'\n"
        "[[registry]]\nprefix = 'b.io'\nlocation = 'a b.io'\n");
  for (const char* const host : {"a.io", "b.io"}) {
    const auto endpoints = find(host);
    ASSERT_EQ(failure_of(endpoints), Errc::invalid_argument) << host;
    EXPECT_THAT(endpoints.error().message(), HasSubstr("registries.conf:"));
  }
}

TEST_F(Mirrors, ARequestMayHaveNoRepository) {
  const auto endpoints = must(find_endpoints({.host = "a.io"}, paths_));
  EXPECT_EQ(endpoints[0].base_url, "https://a.io");
  EXPECT_EQ(endpoints[0].repository, "");
}

TEST_F(Mirrors, HostsOfContainerdAreTriedInTheirOrder) {
  write("containerd/certs.d/a.io/hosts.toml", R"(
server = "https://a.io"
[host."http://z.io:8080/cache/"]
  capabilities = ["pull", "resolve"]
[host."https://b.io/v2"]
  capabilities = ["pull"]
  skip_verify = true
[host."c.io/api"]
  override_path = true
)");
  EXPECT_THAT(urls("a.io", kByDigest),
              ElementsAre("http://z.io:8080/cache/v2 a/b", "https://b.io/v2 a/b unverified",
                          "https://c.io/api a/b", "https://a.io/v2 a/b"));
  EXPECT_THAT(urls("a.io", kByTag),
              ElementsAre("http://z.io:8080/cache/v2 a/b", "https://c.io/api a/b", "https://a.io/v2 a/b"));
  EXPECT_THAT(urls("a.io", kPush), ElementsAre("https://a.io/v2 a/b"));
  EXPECT_THAT(urls("a.io", kByDigest, true),
              ElementsAre("https://b.io/v2 a/b", "https://c.io/api a/b", "https://a.io/v2 a/b"));
  const auto endpoints = must(find("a.io"));
  EXPECT_EQ(endpoints[0].host, "z.io:8080");
  EXPECT_EQ(endpoints[0].registry, "a.io");
  EXPECT_TRUE(endpoints[0].is_mirror);
  EXPECT_EQ(endpoints.back().registry, "");
  EXPECT_FALSE(endpoints.back().is_mirror);
}

TEST_F(Mirrors, WithoutAServerTheRegistryItselfIsLast) {
  write("containerd/certs.d/docker.io/hosts.toml", "[host.'http://spegel:5000']\n");
  EXPECT_THAT(urls("docker.io"),
              ElementsAre("http://spegel:5000/v2 a/b", "https://registry-1.docker.io/v2 a/b"));
  EXPECT_THAT(urls("docker.io", kByTag, false), ElementsAre("http://spegel:5000/v2 a/b unverified",
                                                            "https://registry-1.docker.io/v2 a/b unverified",
                                                            "http://registry-1.docker.io/v2 a/b unverified"));
  EXPECT_EQ(must(find("docker.io"))[0].registry, "docker.io");
  EXPECT_EQ(must(find("docker.io"))[1].registry, "");
}

TEST_F(Mirrors, AHostIsPushedToOnlyIfItSaysSo) {
  write("containerd/certs.d/a.io/hosts.toml",
        "[host.'https://b.io']\n[host.'https://c.io']\ncapabilities = ['push']\n");
  EXPECT_THAT(urls("a.io", kPush), ElementsAre("https://c.io/v2 a/b"));
  write("containerd/certs.d/a.io/hosts.toml", "capabilities = ['pull']\n[host.'https://b.io']\n");
  EXPECT_EQ(failure_of(find("a.io", kPush)), Errc::denied);
}

TEST_F(Mirrors, FilesAndFieldsOfHostsAreRead) {
  write("user/certs.d/a.io:5000/hosts.toml", R"(
ca = "own.pem"
[host."https://b.io"]
  ca = ["/etc/x.pem", "y.pem"]
  client = [["c.pem", "k.pem"], ["d.pem", ""]]
  [host."https://b.io".header]
    X-One = "1"
    X-Two = ["2", "3"]
[host."https://c.io"]
  client = "both.pem"
)");
  const std::string directory = directory_ / "user/certs.d/a.io:5000/";
  const auto endpoints = must(find("a.io:5000"));
  ASSERT_EQ(endpoints.size(), 3u);
  EXPECT_THAT(endpoints[0].tls.authorities, ElementsAre("/etc/x.pem", directory + "y.pem"));
  EXPECT_EQ(endpoints[0].tls.client, (TlsFiles::Client{directory + "c.pem", directory + "k.pem"}));
  EXPECT_THAT(endpoints[0].fields, ElementsAre(Pair("X-One", "1"), Pair("X-Two", "2"), Pair("X-Two", "3")));
  EXPECT_EQ(endpoints[1].tls.client, (TlsFiles::Client{directory + "both.pem", directory + "both.pem"}));
  EXPECT_THAT(endpoints[2].tls.authorities, ElementsAre(directory + "own.pem"));
}

TEST_F(Mirrors, FilesOfHostsAreAddedToThoseOfTheSystem) {
  write("containerd/certs.d/a.io/hosts.toml", "ca = 'own.pem'\nskip_verify = true\n");
  write("containerd/certs.d/a.io/own.pem", "");
  write("system/certs.d/a.io/system.crt", "");
  const auto endpoint = must(find("a.io"))[0];
  const auto files = must(find_tls_files(endpoint, paths_));
  EXPECT_THAT(files.authorities, ElementsAre(HasSubstr("own.pem"), HasSubstr("system.crt")));
  EXPECT_FALSE(files.is_verified);
  write("containerd/certs.d/a.io/hosts.toml", "ca = 'missing.pem'\n");
  EXPECT_EQ(failure_of(find_tls_files(must(find("a.io"))[0], paths_)), Errc::io);
}

TEST_F(Mirrors, TheFirstHostsFileIsUsed) {
  const auto server = [](const std::string& host) { return "server = 'https://" + host + "'\n"; };
  write("containerd/certs.d/_default/hosts.toml", server("default.io"));
  EXPECT_THAT(urls("a.io:5000"), ElementsAre("https://default.io/v2 a/b"));
  EXPECT_EQ(must(find("a.io:5000"))[0].registry, "a.io:5000");
  write("containerd/certs.d/a.io:5000/hosts.toml", server("colon.io"));
  write("user/certs.d/_default/hosts.toml", server("user-default.io"));
  EXPECT_THAT(urls("a.io:5000"), ElementsAre("https://colon.io/v2 a/b"));
  write("containerd/certs.d/a.io_5000_/hosts.toml", server("underscore.io"));
  EXPECT_THAT(urls("a.io:5000"), ElementsAre("https://underscore.io/v2 a/b"));
  write("system/certs.d/a.io:5000/hosts.toml", server("system.io"));
  EXPECT_THAT(urls("a.io:5000"), ElementsAre("https://system.io/v2 a/b"));
  write("user/certs.d/a.io:5000/hosts.toml", server("user.io"));
  EXPECT_THAT(urls("a.io:5000"), ElementsAre("https://user.io/v2 a/b"));
  EXPECT_THAT(urls("a.io"), ElementsAre("https://user-default.io/v2 a/b"));
}

TEST_F(Mirrors, MirrorsOfRegistriesConfGoBeforeHosts) {
  write("containerd/certs.d/a.io/hosts.toml", "[host.'https://h.io']\n");
  write("system/registries.conf",
        "[[registry]]\nlocation = 'a.io'\n[[registry.mirror]]\nlocation = 'm.io'\n");
  EXPECT_THAT(urls("a.io"), ElementsAre("https://m.io/v2 a/b", "https://a.io/v2 a/b"));
  write("system/registries.conf", "[[registry]]\nlocation = 'a.io'\ninsecure = true\n");
  EXPECT_THAT(urls("a.io"), ElementsAre("https://h.io/v2 a/b", "https://a.io/v2 a/b unverified",
                                        "http://a.io/v2 a/b unverified"));
  write("system/registries.conf", "[[registry]]\nlocation = 'a.io'\nblocked = true\n");
  EXPECT_EQ(failure_of(find("a.io")), Errc::denied);
}

TEST_F(Mirrors, MalformedHostsFilesAreNamedByTheirLine) {
  for (const char* const text :
       {"server = 1\n", "server = 'ftp://a.io'\n", "server = 'https://'\n", "server = 'https://user@a.io'\n",
        "server = 'https://a.io/?x'\n", "server = 'https://a.io/a b'\n", "[host]\na = 1\n", "[host.'']\n",
        "capabilities = ['fly']\n", "client = 1\n", "client = [['a']]\n", "client = ''\n", "ca = [1]\n",
        "skip_verify = 1\n", "[header]\n'a b' = 'x'\n", "[header]\na = \"x\\r\\nHost: b\"\n",
        "[header]\na = 1\n", "override_path = ''\n", "["}) {
    write("user/certs.d/a.io/hosts.toml", text);
    const auto endpoints = find("a.io");
    ASSERT_EQ(failure_of(endpoints), Errc::invalid_argument) << text;
    EXPECT_THAT(endpoints.error().message(), HasSubstr("user/certs.d/a.io/hosts.toml:")) << text;
  }
}

TEST_F(Mirrors, AHostIsNeverAPath) {
  for (const char* const host : {"", "..", "a/../b", "a b"})
    EXPECT_EQ(failure_of(find(host)), Errc::invalid_argument) << host;
}

}  // namespace
}  // namespace layoutfs
