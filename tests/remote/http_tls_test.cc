#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "core/remote/http_client.h"
#include "tests/support/results.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tls_server.h"

namespace layoutfs {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::make_certificate;
using testing::must;
using testing::TempDir;
using testing::TlsServer;
using testing::write_file;

class HttpTlsTest : public ::testing::Test {
 protected:
  HttpTlsTest() {
    make_certificate(directory_.path(), "server", "DNS:localhost");
    make_certificate(directory_.path(), "user", "DNS:user");
    write_file(path_of("file"), "content\n");
  }

  std::string path_of(const std::string& name) const { return directory_.path() + "/" + name; }
  Result<std::string> text_at(const std::string& url, const TlsFiles& tls) const {
    const Context in_time{.stop = {},
                          .deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30)};
    auto response = client_.send({.url = url}, tls, in_time);
    if (!response) return fail(std::move(response).error());
    Bytes buffer(100);
    const auto got = (*response)->read(buffer);
    if (!got) return fail(Error(got.error()));
    return std::string(as_text(ByteView(buffer).first(*got)));
  }

  TempDir directory_;
  HttpClient client_;
};

TEST_F(HttpTlsTest, CertificatesOfGivenAuthoritiesAreTrusted) {
  TlsServer server(directory_.path(), "server");
  const TlsFiles tls{.authorities = {path_of("user.crt"), path_of("server.crt")}};
  EXPECT_EQ(must(text_at(server.url("file"), tls)), "content\n");
  EXPECT_EQ(must(text_at(server.url("file", "LOCALHOST"), tls)), "content\n");
}

TEST_F(HttpTlsTest, OtherCertificatesAreNot) {
  TlsServer server(directory_.path(), "server");
  for (const TlsFiles& tls : {TlsFiles{}, TlsFiles{.authorities = {path_of("user.crt")}}}) {
    const auto text = text_at(server.url("file"), tls);
    ASSERT_FALSE(text);
    EXPECT_EQ(network_code(text.error()), NetworkCode::untrusted);
    EXPECT_FALSE(is_transient(text.error()));
    EXPECT_THAT(text.error().message(),
                EndsWith(": the certificate is not trusted: self-signed certificate"));
    EXPECT_THAT(text.error().hint(), HasSubstr("/etc/containers/certs.d/localhost:"));
  }
  EXPECT_EQ(must(text_at(server.url("file"), {.is_verified = false})), "content\n");
}

// TLS resumes sessions without a look at the certificate.
TEST_F(HttpTlsTest, UnverifiedSessionsAreNotResumedForVerifiedRequests) {
  TlsServer server(directory_.path(), "server");
  EXPECT_TRUE(text_at(server.url("file"), {.is_verified = false}));
  EXPECT_FALSE(text_at(server.url("file"), {}));
  EXPECT_TRUE(text_at(server.url("file"), {.authorities = {path_of("server.crt")}}));
  EXPECT_FALSE(text_at(server.url("file"), {.authorities = {path_of("user.crt")}}));
}

TEST_F(HttpTlsTest, CertificatesOfOtherHostsAreNotTrusted) {
  TlsServer server(directory_.path(), "server");
  const auto text = text_at(server.url("file", "127.0.0.1"), {.authorities = {path_of("server.crt")}});
  ASSERT_FALSE(text);
  EXPECT_EQ(network_code(text.error()), NetworkCode::untrusted);
  EXPECT_THAT(text.error().message(), HasSubstr("127.0.0.1"));
  EXPECT_THAT(text.error().hint(), IsEmpty());
}

TEST_F(HttpTlsTest, ServersMayAskForACertificate) {
  TlsServer server(directory_.path(), "server", "-Verify 1 -verify_return_error -CAfile user.crt");
  TlsFiles tls{.authorities = {path_of("server.crt")}};
  const auto text = text_at(server.url("file"), tls);
  ASSERT_FALSE(text);
  EXPECT_EQ(network_code(text.error()), NetworkCode::untrusted);
  EXPECT_THAT(text.error().message(), EndsWith(": alert certificate required"));
  EXPECT_THAT(text.error().hint(), HasSubstr("client.cert"));

  tls.client = TlsFiles::Client{path_of("user.crt"), path_of("user.key")};
  EXPECT_EQ(must(text_at(server.url("file"), tls)), "content\n");
}

TEST_F(HttpTlsTest, UnusableFilesAreNamed) {
  TlsServer server(directory_.path(), "server");
  const auto missing = text_at(server.url("file"), {.authorities = {path_of("none.crt")}});
  ASSERT_FALSE(missing);
  EXPECT_EQ(network_code(missing.error()), NetworkCode::untrusted);
  EXPECT_THAT(missing.error().message(), HasSubstr("none.crt: No such file"));
  const auto other = text_at(server.url("file"), {.authorities = {path_of("file")}});
  ASSERT_FALSE(other);
  EXPECT_EQ(network_code(other.error()), NetworkCode::untrusted);
}

}  // namespace
}  // namespace layoutfs
