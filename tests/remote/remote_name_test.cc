#include "core/remote/remote_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace layoutfs {
namespace {

using ::testing::HasSubstr;

const std::string kDigest = "sha256:" + std::string(64, 'a');

TEST(RemoteName, PartsAreSplit) {
  const auto tagged = RemoteName::parse("docker://quay.io/a/b:1.2").value();
  EXPECT_EQ(tagged.host, "quay.io");
  EXPECT_EQ(tagged.repository, "a/b");
  EXPECT_EQ(tagged.tag, "1.2");
  EXPECT_EQ(tagged.repository_name(), "docker://quay.io/a/b");
  EXPECT_EQ(tagged.reference(), "1.2");

  const auto by_digest = RemoteName::parse("docker://localhost:5000/b@" + kDigest).value();
  EXPECT_EQ(by_digest.host, "localhost:5000");
  EXPECT_EQ(by_digest.digest.str(), kDigest);
  EXPECT_EQ(by_digest.reference(), kDigest);

  EXPECT_EQ(RemoteName::parse("docker://localhost/b").value().reference(), "latest");
  EXPECT_EQ(RemoteName::parse("docker://[::1]:5000/b").value().host, "[::1]:5000");
}

TEST(RemoteName, ARepositoryOfOneComponentOfDockerIsOfficial) {
  EXPECT_EQ(RemoteName::parse("docker://docker.io/alpine:3").value().repository, "library/alpine");
  EXPECT_EQ(RemoteName::parse("docker://docker.io/user/alpine").value().repository, "user/alpine");
  EXPECT_EQ(RemoteName::parse("docker://quay.io/alpine").value().repository, "alpine");
}

TEST(RemoteName, ShortNamesAreRefusedWithTheFullName) {
  const auto alone = RemoteName::parse("docker://alpine");
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().code(), Errc::invalid_argument);
  EXPECT_THAT(alone.error().hint(), HasSubstr("docker://docker.io/library/alpine:latest"));
  const auto below = RemoteName::parse("docker://user/image:3");
  ASSERT_FALSE(below);
  EXPECT_THAT(below.error().hint(), HasSubstr("docker://docker.io/user/image:3"));
}

TEST(RemoteName, MalformedNamesAreRefused) {
  for (const std::string text : {"quay.io/a", "docker://", "docker://quay.io/", "docker://quay.io/A",
                                 "docker://quay.io/a:", "docker://quay.io/a:b:c", "docker:///a"})
    EXPECT_FALSE(RemoteName::parse(text)) << text;
  EXPECT_FALSE(RemoteName::parse("docker://quay.io/a@sha256:12"));
  EXPECT_FALSE(RemoteName::parse("docker://quay.io/a:b@" + kDigest));
}

}  // namespace
}  // namespace layoutfs
