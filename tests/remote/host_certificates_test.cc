#include "core/remote/host_certificates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/results.h"
#include "tests/support/temp_dir.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using testing::failure_of;
using ::testing::HasSubstr;
using testing::must;
using testing::TempDir;
using testing::write_file;

class HostCertificates : public ::testing::Test {
 protected:
  void write(const std::string& name) const { write_file(directory_ / name, "certificate"); }

  TempDir directory_;
  ConfigPaths paths_{
      .user = directory_ / "user", .system = directory_ / "system", .docker = directory_ / "docker"};
};

TEST_F(HostCertificates, WithoutADirectoryOnlyTheSystemIsTrusted) {
  EXPECT_EQ(must(find_tls_files("quay.io", paths_)), TlsFiles());
  paths_.user.clear();
  EXPECT_EQ(must(find_tls_files("quay.io", paths_)), TlsFiles());
}

TEST_F(HostCertificates, AuthoritiesAndTheClientAreFound) {
  for (const char* const name : {"b.crt", "a.crt", "client.cert", "client.key", "z.cert", "z.key", "README"})
    write("system/certs.d/quay.io:5000/" + std::string(name));
  const auto files = must(find_tls_files("quay.io:5000", paths_));
  const std::string found = directory_ / "system/certs.d/quay.io:5000/";
  EXPECT_THAT(files.authorities, ElementsAre(found + "a.crt", found + "b.crt"));
  ASSERT_TRUE(files.client);
  EXPECT_EQ(*files.client, (TlsFiles::Client{found + "client.cert", found + "client.key"}));
  EXPECT_TRUE(files.is_verified);
  EXPECT_EQ(must(find_tls_files("quay.io", paths_)), TlsFiles());
}

TEST_F(HostCertificates, TheFirstDirectoryAloneIsRead) {
  write("docker/certs.d/a.io/docker.crt");
  const auto authorities = [&] { return must(find_tls_files("a.io", paths_)).authorities; };
  EXPECT_THAT(authorities(), ElementsAre(HasSubstr("docker.crt")));
  write("system/certs.d/a.io/system.crt");
  EXPECT_THAT(authorities(), ElementsAre(HasSubstr("system.crt")));
  write("user/certs.d/a.io/user.crt");
  EXPECT_THAT(authorities(), ElementsAre(HasSubstr("user.crt")));
}

TEST_F(HostCertificates, HalfAPairIsAnError) {
  write("system/certs.d/a.io/client.cert");
  const auto without_key = find_tls_files("a.io", paths_);
  ASSERT_EQ(failure_of(without_key), Errc::invalid_argument);
  EXPECT_THAT(without_key.error().message(), HasSubstr("client.key"));
  write("system/certs.d/b.io/client.key");
  const auto without_certificate = find_tls_files("b.io", paths_);
  ASSERT_EQ(failure_of(without_certificate), Errc::invalid_argument);
  EXPECT_THAT(without_certificate.error().message(), HasSubstr("client.cert"));
}

TEST_F(HostCertificates, AFileThatCannotBeReadIsNamed) {
  write("system/certs.d/a.io/good.crt");
  std::filesystem::create_symlink("missing", directory_ / "system/certs.d/a.io/lost.crt");
  const auto files = find_tls_files("a.io", paths_);
  ASSERT_EQ(failure_of(files), Errc::io);
  EXPECT_THAT(files.error().message(), HasSubstr("lost.crt"));
}

TEST_F(HostCertificates, AHostIsNeverAPath) {
  for (const char* const host : {"", ".", "..", "../a.io", "a/b"})
    EXPECT_EQ(failure_of(find_tls_files(host, paths_)), Errc::invalid_argument) << host;
}

}  // namespace
}  // namespace layoutfs
