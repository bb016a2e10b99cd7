// The entries that names to write stand for.
#include "core/oci/entry_to_write.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace layoutfs {
namespace {

using ::testing::HasSubstr;

Digest digest_of(std::string_view content) { return Digest::of(as_bytes(content)); }

Descriptor entry(std::string_view content, std::string_view ref_name, std::string_view full = {}) {
  Descriptor entry{.media_type = {}, .digest = digest_of(content), .size = 1};
  if (!ref_name.empty()) entry.annotations.emplace(kRefName, ref_name);
  if (!full.empty()) entry.annotations.emplace(kContainerdName, full);
  return entry;
}

// Returns "REF.NAME|FULL NAME", with "=" in front if the entry is the image already, or the error's message.
std::string to_write(const std::vector<Descriptor>& entries, std::string_view name,
                     std::string_view content = "new") {
  const auto found = find_entry_to_write({entries, {}, {}, 0}, name, digest_of(content));
  if (!found) return found.error().message();
  return (found->present ? "=" : "") + found->ref_name + "|" + found->full_name.value_or("");
}

Errc failure(const std::vector<Descriptor>& entries, std::string_view name) {
  const auto found = find_entry_to_write({entries, {}, {}, 0}, name, digest_of("new"));
  EXPECT_FALSE(found) << name;
  return found ? Errc::io : found.error().code();
}

TEST(ANameToWrite, ThatFindsNothingIsNew) {
  EXPECT_EQ(to_write({}, "app"), "app|");
  EXPECT_EQ(to_write({entry("x", "docker.io/library/debian:12")}, "debian:11"), "debian:11|");
  EXPECT_EQ(to_write({entry("x", "a")}, "b:1"), "b:1|");
}

TEST(ANameToWrite, IsARefNameBeforeAnythingElse) {
  const std::vector<Descriptor> entries{entry("x", "docker.io/library/debian:12"), entry("y", "debian:12"),
                                        entry("z", "12", "debian:12")};
  EXPECT_EQ(to_write(entries, "debian:12"), "debian:12|");
  EXPECT_EQ(to_write(entries, "12"), "12|");
}

TEST(ANameToWrite, MeansTheEntryWithThatFullName) {
  const std::vector<Descriptor> entries{entry("x", "docker.io/library/debian:12"),
                                        entry("y", "7", "docker.io/library/redis:7")};
  for (const char* name : {"debian:12", "library/debian:12", "docker.io/debian:12"})
    EXPECT_EQ(to_write(entries, name), "docker.io/library/debian:12|") << name;
  for (const char* name : {"redis:7", "docker.io/library/redis:7"})
    EXPECT_EQ(to_write(entries, name), "7|docker.io/library/redis:7") << name;
}

TEST(ANameToWrite, IsTheEntryThatItFindsIfThatIsTheImage) {
  const std::vector<Descriptor> entries{entry("x", "docker.io/library/busybox:musl"),
                                        entry("y", "app:latest"), entry("z", "", "docker.io/library/web:1")};
  EXPECT_EQ(to_write(entries, "musl", "x"), "=docker.io/library/busybox:musl|");
  EXPECT_EQ(to_write(entries, "busybox:musl", "x"), "=docker.io/library/busybox:musl|");
  EXPECT_EQ(to_write(entries, "app", "y"), "=app:latest|");
  EXPECT_EQ(to_write(entries, "web:1", "z"), "=|docker.io/library/web:1");
  const std::string short_digest(digest_of("x").short_hex());
  EXPECT_EQ(to_write(entries, "musl@" + short_digest, "x"), "=docker.io/library/busybox:musl|");
}

TEST(ANameToWrite, IsRefusedIfItIsOnlyPartOfTheNameOfAnotherImage) {
  const std::vector<Descriptor> entries{entry("x", "docker.io/library/busybox:musl"),
                                        entry("y", "app:latest"), entry("z", "", "docker.io/library/web:1")};
  EXPECT_EQ(to_write(entries, "musl"), "'musl' is docker.io/library/busybox:musl, another image");
  for (const char* name : {"musl", "app", "web:1"}) EXPECT_EQ(failure(entries, name), Errc::clobber) << name;
}

TEST(ANameToWrite, IsAmbiguousIfItMeansSeveralOtherImages) {
  const std::vector<Descriptor> entries{entry("x", "a:1"), entry("y", "b:1"),
                                        entry("z", "docker.io/library/c:2"), entry("z", "library/c:2")};
  EXPECT_EQ(failure(entries, "1"), Errc::ambiguous);
  EXPECT_EQ(failure(entries, "c:2"), Errc::ambiguous);
  EXPECT_EQ(to_write(entries, "1", "y"), "=b:1|");
  EXPECT_THAT(to_write(entries, "1"), HasSubstr("'1' is the name of 2 images"));
}

TEST(ANameToWrite, IsNotADigest) {
  const std::string own = digest_of("new").str(), other = digest_of("x").str();
  for (const std::string& name :
       {own, other, "app@" + other, std::string("sha256:123"), std::string("app@1234567"),
        "app@" + std::string(digest_of("new").short_hex())})
    EXPECT_EQ(failure({entry("x", "web")}, name), Errc::invalid_argument) << name;
  // The name of a manifest without a tag in a store of repositories.
  EXPECT_EQ(to_write({}, "app@" + own), "app@" + own + "|");
  EXPECT_EQ(to_write({}, "me@home"), "me@home|");
}

}  // namespace
}  // namespace layoutfs
