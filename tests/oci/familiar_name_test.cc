// Names as people write them to docker, in full.
#include "core/oci/familiar_name.h"

#include <gtest/gtest.h>

namespace layoutfs {
namespace {

std::string full(std::string_view name, std::string_view implied_tag = {}) {
  return full_image_name(name, implied_tag).value_or("none");
}

TEST(AFamiliarName, HasItsRegistryItsPathAndItsTagInFull) {
  const struct {
    const char *name, *full;
  } kCases[] = {
      {"redis:7", "docker.io/library/redis:7"},
      {"library/redis:7", "docker.io/library/redis:7"},
      {"docker.io/redis:7", "docker.io/library/redis:7"},
      {"docker.io/library/redis:7", "docker.io/library/redis:7"},
      {"index.docker.io/redis:7", "docker.io/library/redis:7"},
      {"team/app:1", "docker.io/team/app:1"},
      {"a/b/c:1", "docker.io/a/b/c:1"},
      {"localhost/app:1", "localhost/app:1"},
      {"localhost:5000/app:1", "localhost:5000/app:1"},
      {"registry.test/app:1", "registry.test/app:1"},
      {"registry.test:5000/team/app:1", "registry.test:5000/team/app:1"},
      {"Registry/app:1", "Registry/app:1"},
      {"[::1]:5000/app:1", "[::1]:5000/app:1"},
  };
  for (const auto& [name, expected] : kCases) EXPECT_EQ(full(name), expected) << name;
}

TEST(AFamiliarName, WithoutATagHasTheImpliedOne) {
  EXPECT_EQ(full("redis", "latest"), "docker.io/library/redis:latest");
  EXPECT_EQ(full("localhost:5000/app", "latest"), "localhost:5000/app:latest");
  EXPECT_EQ(full("redis:7", "latest"), "docker.io/library/redis:7");
  EXPECT_EQ(full("redis"), "none");
  EXPECT_EQ(full("localhost:5000/app"), "none");
}

TEST(AFamiliarName, WithAnEmptyPartIsNone) {
  for (const char* name : {"", ":", ":7", "redis:", "localhost/", "localhost/:7", "docker.io/:7"})
    EXPECT_EQ(full(name), "none") << name;
  EXPECT_EQ(full("redis:", "latest"), "none");
  EXPECT_EQ(full("", "latest"), "none");
}

}  // namespace
}  // namespace layoutfs
