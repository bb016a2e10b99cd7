// Permissions and xattrs of an image's files, as a mount shows them.
#include "core/image/file_attributes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/limits.h>

#include "tests/image/merged.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::merged;
using testing::TarWriter;
using Pairs = testing::PaxPairs;
using namespace std::string_literals;

const std::string kNamed = "\2\0\0\0"s + "\1\0\6\0\xff\xff\xff\xff"s + "\2\0\4\0\5\0\0\0"s +
                           "\4\0\0\0\xff\xff\xff\xff"s + "\x10\0\4\0\xff\xff\xff\xff"s +
                           "\x20\0\0\0\xff\xff\xff\xff"s;
constexpr const char* kAccess = "system.posix_acl_access";
constexpr const char* kDefault = "system.posix_acl_default";

class ShownAttributes : public ::testing::Test {
 protected:
  void make(const TarWriter& tar, AttributeRules rules = {}) {
    tree_ = merged({tar});
    attributes_ = std::make_unique<FileAttributes>(*tree_, std::move(rules));
  }
  InodeView at(std::string_view name) { return tree_->inode(tree_->find(kRootInode, name).value()); }
  std::vector<std::string> names(std::string_view name, bool are_acls_enforced = true) {
    const InodeView inode = at(name);
    auto names = attributes_->xattr_names(inode, are_acls_enforced);
    for (const std::string& one : names)
      EXPECT_TRUE(attributes_->xattr(inode, one, are_acls_enforced)) << one;
    return names;
  }
  std::optional<std::string> value(std::string_view name, std::string_view xattr) {
    return attributes_->xattr(at(name), xattr, true);
  }

  std::shared_ptr<const ImageTree> tree_;
  std::unique_ptr<FileAttributes> attributes_;
};

TEST_F(ShownAttributes, ThoseOfUsersAreShownOnFilesAndDirectoriesAlone) {
  const testing::EntryAttributes with{.xattrs = {{"security.x", "1"}, {"trusted.x", "2"}, {"user.x", "3"}}};
  make(TarWriter()
           .file("f", "", with)
           .dir("d", with)
           .symlink("l", "f", with)
           .device("c", '3', 1, 3, with)
           .device("b", '4', 1, 3, with)
           .fifo("p", with));
  for (const char* both : {"f", "d"})
    EXPECT_THAT(names(both), ElementsAre("security.x", "trusted.x", "user.x")) << both;
  for (const char* other : {"l", "c", "b", "p"}) {
    EXPECT_THAT(names(other), ElementsAre("security.x", "trusted.x")) << other;
    EXPECT_EQ(value(other, "user.x"), std::nullopt) << other;
  }
}

TEST_F(ShownAttributes, NamesThatNoFilesystemOfLinuxTakesAreNotShown) {
  Pairs odd;
  for (const char* name : {"foo.bar", "user.", "trusted.", "security.", "user", "system.nfs4_acl", "system.",
                           "com.apple.provenance", "USER.x", "os2.ea", " user.x"})
    odd.emplace_back(name, "v");
  odd.emplace_back("user." + std::string(XATTR_NAME_MAX - 4, 'n'), "v");
  const std::string longest = "user." + std::string(XATTR_NAME_MAX - 5, 'm');
  odd.emplace_back(longest, "v");
  make(TarWriter().file("f", "", {.xattrs = odd}));
  EXPECT_THAT(names("f"), ElementsAre(longest));
  for (const auto& [name, unused] : odd) EXPECT_EQ(value("f", name).has_value(), name == longest) << name;
}

TEST_F(ShownAttributes, ValuesThatTheKernelCannotReturnAreNotShown) {
  make(TarWriter().file("f", "",
                        {.xattrs = {{"user.empty", ""},
                                    {"user.most", std::string(XATTR_SIZE_MAX, 'v')},
                                    {"user.more", std::string(XATTR_SIZE_MAX + 1, 'v')}}}));
  EXPECT_THAT(names("f"), ElementsAre("user.empty", "user.most"));
  EXPECT_EQ(value("f", "user.more"), std::nullopt);
}

TEST_F(ShownAttributes, AListIsNeverLongerThanTheKernelTakes) {
  Pairs many;
  for (int i = 0; i < 400; ++i) {
    std::string name = "user." + std::to_string(1000 + i);
    name.resize(200, 'n');
    many.emplace_back(name, "v");
  }
  many.emplace_back("security.first", "v");
  make(TarWriter().file("f", "", {.xattrs = many}));
  const auto listed = names("f");
  std::size_t size = 0;
  for (const std::string& name : listed) size += name.size() + 1;
  EXPECT_LE(size, std::size_t{XATTR_LIST_MAX});
  EXPECT_GT(size, std::size_t{XATTR_LIST_MAX} - 201);
  EXPECT_EQ(listed.front(), "security.first");
  EXPECT_EQ(value("f", many[399].first), "v") << "one that there is no room to list";
}

TEST_F(ShownAttributes, CapabilitiesAreShownAsFarAsTheKernelReadsThem) {
  const std::string second = "\1\0\0\2"s + std::string(16, '\x20');
  const std::string third = "\1\0\0\3"s + std::string(16, '\x20') + "\xe8\3\0\0"s;  // of user 1000
  const std::string nobody = "\1\0\0\3"s + std::string(16, '\x20') + "\xff\xff\xff\xff";
  const Pairs cases{{"second", second},
                    {"third", third},
                    {"nobody", nobody},
                    {"first", "\1\0\0\1"s + std::string(8, '\x20')},
                    {"short", second.substr(0, 19)},
                    {"long", second + "\0"s},
                    {"mixed", "\1\0\0\3"s + std::string(16, '\x20')},
                    {"flags", "\3\0\0\2"s + std::string(16, '\x20')},
                    {"none", ""}};
  TarWriter tar;
  for (const auto& [name, value] : cases) tar.file(name, "", {.xattrs = {{"security.capability", value}}});
  make(tar);
  for (const auto& [name, value] : cases)
    EXPECT_EQ(names(name).size(), name == "second" || name == "third" ? 1u : 0u) << name;
  make(tar, {.is_overlay_hidden = true, .ids = MountIds::of_root_alone()});
  for (const auto& [name, value] : cases) EXPECT_EQ(names(name).size(), name == "second" ? 1u : 0u) << name;
}

TEST_F(ShownAttributes, WhatOverlayfsReservesIsHiddenIfAskedFor) {
  const Pairs all{{"trusted.overlay.opaque", "y"}, {"trusted.overlay.overlay.opaque", "y"},
                  {"trusted.overlayed", "1"},      {"user.overlay.", "2"},
                  {"user.overlay.redirect", "/x"}, {"user.overlays", "3"}};
  const TarWriter tar = TarWriter().dir("d", {.mode = 0755, .xattrs = all});
  make(tar);
  EXPECT_THAT(names("d"), ElementsAre("trusted.overlayed", "user.overlays"));
  EXPECT_EQ(value("d", "trusted.overlay.opaque"), std::nullopt);
  make(tar, {.is_overlay_hidden = false, .ids = {}});
  EXPECT_EQ(names("d").size(), all.size());
}

TEST_F(ShownAttributes, ThoseThatTakeRightsAreOfTheFirstUserNamespace) {
  make(TarWriter().file("f", "", {.xattrs = {{"security.x", "0"}, {"trusted.x", "1"}, {"user.x", "2"}}}),
       {.is_overlay_hidden = true, .ids = MountIds::of_root_alone()});
  EXPECT_THAT(names("f"), ElementsAre("user.x"));
}

TEST_F(ShownAttributes, EnforcedAclsAreShownAndLeaveTheModeAsItIs) {
  make(TarWriter()
           .file("f", "", {.mode = 0640, .xattrs = {{kAccess, kNamed}}})
           .dir("d", {.mode = 0750, .xattrs = {{kAccess, kNamed}, {kDefault, kNamed}}})
           .fifo("p", {.mode = 0640, .xattrs = {{kAccess, kNamed}}}));
  EXPECT_TRUE(attributes_->has_acls());
  EXPECT_THAT(names("f"), ElementsAre(kAccess));
  EXPECT_THAT(names("d"), ElementsAre(kAccess, kDefault));
  EXPECT_THAT(names("p"), ElementsAre(kAccess));
  EXPECT_EQ(value("f", kAccess), kNamed);
  EXPECT_EQ(value("d", kDefault), kNamed);
  EXPECT_EQ(attributes_->mode(at("f"), true), 0640u);
}

TEST_F(ShownAttributes, AclsThatAreNotEnforcedAreHiddenAndCutTheMode) {
  make(TarWriter()
           .file("f", "", {.mode = 0640, .xattrs = {{kAccess, kNamed}}})
           .dir("d", {.mode = 0750, .xattrs = {{kDefault, kNamed}}}));
  EXPECT_THAT(names("f", false), IsEmpty());
  EXPECT_THAT(names("d", false), IsEmpty());
  EXPECT_EQ(attributes_->mode(at("f"), false), 0600u);
  EXPECT_EQ(attributes_->mode(at("d"), false), 0750u) << "a default list grants nothing";
}

TEST_F(ShownAttributes, AclsThatNoFilesystemWouldHaveAreIgnored) {
  const std::string minimal =
      "\2\0\0\0"s + "\1\0\6\0\xff\xff\xff\xff"s + "\4\0\0\0\xff\xff\xff\xff"s + "\x20\0\0\0\xff\xff\xff\xff"s;
  make(TarWriter()
           .file("malformed", "", {.mode = 0644, .xattrs = {{kAccess, "\2\0\0\0\1"s}}})
           .file("empty", "", {.mode = 0644, .xattrs = {{kAccess, "\2\0\0\0"s}}})
           .file("minimal", "", {.mode = 0644, .xattrs = {{kAccess, minimal}}})
           .file("default", "", {.mode = 0644, .xattrs = {{kDefault, kNamed}}})
           .symlink("link", "f", {.mode = 0777, .xattrs = {{kAccess, kNamed}}}));
  for (const char* name : {"malformed", "empty", "minimal", "default", "link"}) {
    EXPECT_THAT(names(name), IsEmpty()) << name;
    for (const bool are_enforced : {true, false})
      EXPECT_EQ(attributes_->mode(at(name), are_enforced), at(name).mode) << name;
  }
}

TEST_F(ShownAttributes, TheModeIsWhatAnAclSaysOfTheOwnerTheMaskAndOthers) {
  make(TarWriter().file("f", "", {.mode = 0671, .xattrs = {{kAccess, kNamed}}}));
  std::string expected = kNamed;
  expected[4 + 8 * 3 + 2] = 7;  // the mask
  expected[4 + 8 * 4 + 2] = 1;  // others
  EXPECT_EQ(value("f", kAccess), expected);
}

TEST_F(ShownAttributes, AnAclThatFuseCannotTakeIsNotEnforced) {
  std::string large = kNamed.substr(0, 12);
  for (int user = 0; user < 600; ++user)
    large += "\2\0\4\0"s + static_cast<char>(user & 0xff) + static_cast<char>(user >> 8) + "\0\0"s;
  large += kNamed.substr(20);
  const TarWriter tar = TarWriter().file("f", "", {.mode = 0640, .xattrs = {{kAccess, large}}});
  make(tar);
  EXPECT_THAT(names("f"), IsEmpty());
  EXPECT_EQ(attributes_->mode(at("f"), true), 0600u);
  make(tar, {.is_overlay_hidden = true, .ids = MountIds::of_root_alone()});
  EXPECT_THAT(names("f"), ElementsAre(kAccess)) << "most of its users are not known there";
}

TEST_F(ShownAttributes, AnImageWithoutAclsHasNone) {
  make(TarWriter().file("f", "", {.xattrs = {{"system.posix_acl_accesx", "1"}, {"user.a", kAccess}}}));
  EXPECT_FALSE(attributes_->has_acls());
}

}  // namespace
}  // namespace layoutfs
