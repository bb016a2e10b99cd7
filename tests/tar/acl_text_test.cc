// The text of ACLs.
#include "core/tar/acl_text.h"

#include <gtest/gtest.h>

namespace layoutfs {
namespace {

using namespace std::string_literals;

const std::string kVersion = "\2\0\0\0"s;

TEST(AclText, EveryTagHasItsWord) {
  const std::string none = "\377\377\377\377"s;
  EXPECT_EQ(acl_text(kVersion + "\1\0\6\0"s + none + "\2\0\4\0\5\1\0\0"s + "\4\0\0\0"s + none +
                     "\x08\0\7\0\0\0\1\0"s + "\x10\0\5\0"s + none + "\x20\0\1\0"s + none),
            "user::rw-,user:261:r--,group::---,group:65536:rwx,mask::r-x,other::--x");
}

TEST(AclText, MalformedValuesHaveNone) {
  const std::string entry = "\1\0\6\0\377\377\377\377"s;
  ASSERT_TRUE(acl_text(kVersion + entry));
  EXPECT_FALSE(acl_text(""));
  EXPECT_FALSE(acl_text(kVersion));
  EXPECT_FALSE(acl_text("\3\0\0\0"s + entry));
  EXPECT_FALSE(acl_text(kVersion + entry.substr(1)));
  EXPECT_FALSE(acl_text(kVersion + "\3\0\6\0\0\0\0\0"s));
  EXPECT_FALSE(acl_text(kVersion + "\1\0\x08\0\0\0\0\0"s));
}

}  // namespace
}  // namespace layoutfs
