// Access control lists, compared with Linux itself: the stored values, and the effect of chmod.
#include "core/tar/posix_acl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <cerrno>
#include <random>

#include "tests/support/temp_dir.h"

namespace layoutfs {
namespace {

using Tag = PosixAcl::Tag;
constexpr std::uint32_t kNoId = 0xffffffff;

std::string number(std::uint32_t value, std::size_t size) {
  std::string text;
  for (; size > 0; --size, value >>= 8) text += static_cast<char>(value & 0xff);
  return text;
}
std::string entry(std::uint32_t tag, std::uint32_t permissions, std::uint32_t id = kNoId) {
  return number(tag, 2) + number(permissions, 2) + number(id, 4);
}
std::string list(const std::vector<std::string>& entries) {
  std::string text = number(2, 4);
  for (const std::string& one : entries) text += one;
  return text;
}
// The ACL of a file of mode 0640: user::rw-, user:5:r--, group::---, group:4:r--, mask::r--, other::---.
std::string usual() {
  return list({entry(1, 6), entry(2, 4, 5), entry(4, 0), entry(8, 4, 4), entry(0x10, 4), entry(0x20, 0)});
}

std::uint32_t safe(const std::vector<std::string>& entries, std::uint32_t mode) {
  auto acl = PosixAcl::parse(list(entries));
  if (!acl) return 0xffff;
  acl->set_mode(mode);
  return acl->safe_mode(mode);
}

TEST(PosixAcl, AListIsReadAndWrittenAsItIs) {
  const auto acl = PosixAcl::parse(usual());
  ASSERT_TRUE(acl);
  ASSERT_EQ(acl->entries().size(), 6u);
  EXPECT_EQ(acl->entries()[1].tag, Tag::user);
  EXPECT_EQ(acl->entries()[1].permissions, 4u);
  EXPECT_EQ(acl->entries()[1].id, 5u);
  EXPECT_EQ(acl->value(), usual());
}

TEST(PosixAcl, WhatIsMalformedIsNone) {
  const std::string whole = usual();
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(PosixAcl::parse(whole.substr(0, size))) << size << " bytes";
  EXPECT_FALSE(PosixAcl::parse(whole + entry(0x20, 0))) << "two entries for others";
  EXPECT_FALSE(PosixAcl::parse(number(1, 4) + whole.substr(4))) << "of version 1";
}

// A file with `value` and `mode`; nullopt if Linux refuses the ACL.
struct Stored {
  bool is_refused;
  std::string value;
};
Stored stored_by_linux(const std::string& path, const std::string& value, std::uint32_t mode) {
  ::removexattr(path.c_str(), "system.posix_acl_access");
  if (::setxattr(path.c_str(), "system.posix_acl_access", value.data(), value.size(), 0) != 0)
    return {true, {}};
  ::chmod(path.c_str(), mode);
  std::string read(8192, '\0');
  const ssize_t size = ::getxattr(path.c_str(), "system.posix_acl_access", read.data(), read.size());
  read.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return {false, read};
}

TEST(PosixAcl, LinuxTakesTheSameListsAndChmodMakesTheSameOfThem) {
  const testing::TempDir directory;
  const std::string path = directory.path() + "/file";
  testing::write_file(path, "x");
  if (stored_by_linux(path, usual(), 0640).is_refused && errno == EOPNOTSUPP)
    GTEST_SKIP() << "no ACLs in the directory for temporary files";
  constexpr unsigned kSeed = 20;
  std::mt19937 random(kSeed);
  const auto choose = [&](std::uint32_t end) { return static_cast<std::uint32_t>(random() % end); };
  int taken = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string> entries{entry(1, choose(8))};
    for (std::uint32_t i = choose(3); i-- > 0;) entries.push_back(entry(2, choose(8), choose(3)));
    entries.push_back(entry(4, choose(8)));
    for (std::uint32_t i = choose(3); i-- > 0;) entries.push_back(entry(8, choose(8), choose(3)));
    if (choose(4) != 0) entries.push_back(entry(0x10, choose(8)));
    entries.push_back(entry(0x20, choose(8)));
    // Invalid ones: swapped, missing or repeated entries, unknown tags or bits, invalid IDs.
    const std::uint32_t at = choose(static_cast<std::uint32_t>(entries.size()));
    switch (choose(12)) {
      case 0:
        std::swap(entries[at], entries[choose(static_cast<std::uint32_t>(entries.size()))]);
        break;
      case 1:
        entries.erase(entries.begin() + at);
        break;
      case 2:
        entries.insert(entries.begin() + at, entries[at]);
        break;
      case 3:
        entries[at] = entry(1U << choose(8), choose(10), choose(2) != 0 ? 7 : kNoId);
        break;
      default:
        break;
    }
    const std::string value = list(entries);
    const std::uint32_t mode = choose(01000);
    const Stored expected = stored_by_linux(path, value, mode);
    auto acl = PosixAcl::parse(value);
    SCOPED_TRACE("seed " + std::to_string(kSeed) + ", round " + std::to_string(round));
    ASSERT_EQ(acl.has_value(), !expected.is_refused);
    if (!acl) continue;
    ++taken;
    acl->set_mode(mode);
    ASSERT_EQ(acl->is_mode_alone() ? "" : acl->value(), expected.value);
    ASSERT_EQ(acl->safe_mode(mode) & ~mode, 0u);
  }
  EXPECT_GT(taken, 1000);
}

TEST(PosixAcl, TheSafeModeCutsTheGroupToWhatTheOwningGroupMay) {
  EXPECT_EQ(safe({entry(1, 6), entry(2, 4, 5), entry(4, 0), entry(0x10, 4), entry(0x20, 0)}, 0640), 0600u);
  EXPECT_EQ(safe({entry(1, 7), entry(4, 5), entry(8, 7, 4), entry(0x10, 7), entry(0x20, 0)}, 02770), 02750u);
  EXPECT_EQ(safe({entry(1, 7), entry(4, 7), entry(0x10, 5), entry(0x20, 5)}, 0755), 0755u);
  EXPECT_EQ(safe({entry(1, 6), entry(4, 4), entry(0x20, 4)}, 0644), 0644u);
}

TEST(PosixAcl, TheSafeModeDeniesAllWhatANamedOneIsDenied) {
  // A user with fewer rights than others: by a separate entry, in the owning group or not.
  EXPECT_EQ(safe({entry(1, 6), entry(2, 0, 5), entry(4, 4), entry(0x10, 4), entry(0x20, 4)}, 0644), 0600u);
  // A group: its members may be in the owning group, which grants.
  EXPECT_EQ(safe({entry(1, 7), entry(4, 5), entry(8, 1, 4), entry(0x10, 5), entry(0x20, 5)}, 0755), 0751u);
  // The mask denies it to all named ones.
  EXPECT_EQ(safe({entry(1, 7), entry(2, 7, 5), entry(4, 7), entry(0x10, 0), entry(0x20, 5)}, 0705), 0700u);
}

TEST(PosixAcl, NamedOnesWhomNobodyKnowsAreLeftOut) {
  auto acl = PosixAcl::parse(usual());
  ASSERT_TRUE(acl);
  acl->keep(KnownIds::only(5), KnownIds());
  EXPECT_EQ(acl->value(), usual());
  acl->keep(KnownIds::only(0), KnownIds::only(0));
  EXPECT_EQ(acl->value(), list({entry(1, 6), entry(4, 0), entry(0x10, 4), entry(0x20, 0)}));
}

}  // namespace
}  // namespace layoutfs
