// Numbers of users and groups, as user namespaces know them.
#include "core/base/user_namespace.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <sstream>

namespace layoutfs {
namespace {

constexpr std::uint32_t kNoId = 0xffffffff;

TEST(KnownIds, RangesAreThoseOfTheMap) {
  std::istringstream map("         0       1000          1\n     10     100000      65536\n");
  const KnownIds ids = KnownIds::parse(map);
  for (const std::uint32_t known : {0U, 10U, 65545U}) EXPECT_TRUE(ids.has(known)) << known;
  for (const std::uint32_t unknown : {1U, 9U, 65546U, 0x7fffffffU, kNoId})
    EXPECT_FALSE(ids.has(unknown)) << unknown;
  std::istringstream all("0 0 4294967295\n"), none("");
  EXPECT_TRUE(KnownIds::parse(all).has(kNoId - 1));
  EXPECT_TRUE(KnownIds::parse(none).has(7));
  EXPECT_FALSE(KnownIds().has(kNoId));
}

TEST(KnownIds, ThisProcessKnowsItsOwn) {
  EXPECT_TRUE(KnownIds::of_users().has(::geteuid()));
  EXPECT_TRUE(KnownIds::of_groups().has(::getegid()));
  EXPECT_EQ(is_in_first_user_namespace(::getpid()).value_or(true), is_first_user_namespace());
}

}  // namespace
}  // namespace layoutfs
