// Platforms: their names, and which entry serves one.
#include "layoutfs/platform.h"

#include <gtest/gtest.h>
#include <sys/utsname.h>

namespace layoutfs {
namespace {

Descriptor platform_entry(std::optional<Platform> platform) {
  return Descriptor{.digest = Digest::of({}), .platform = std::move(platform)};
}

// The platform that is chosen from linux/`offered`, as text.
std::string chosen(const std::vector<std::string>& offered, const std::string& wanted) {
  std::vector<Descriptor> entries;
  for (const auto& text : offered) {
    const auto slash = text.find('/');
    const auto variant = slash == std::string::npos ? "" : text.substr(slash + 1);
    entries.push_back(platform_entry(Platform{"linux", text.substr(0, slash), variant}));
  }
  const auto position = choose_platform(entries, parse_platform("linux/" + wanted).value());
  return position ? offered[*position] : "none";
}

TEST(PlatformNames, AreNormalizedAsContainerdDoes) {
  for (const auto& [text, expected] :
       std::vector<std::pair<std::string, std::string>>{{"linux/amd64", "linux/amd64"},
                                                        {"Linux/x86_64", "linux/amd64"},
                                                        {"linux/x86-64", "linux/amd64"},
                                                        {"linux/amd64/v1", "linux/amd64"},
                                                        {"linux/amd64/v3", "linux/amd64/v3"},
                                                        {"linux/i386", "linux/386"},
                                                        {"linux/i686", "linux/386"},
                                                        {"linux/aarch64", "linux/arm64/v8"},
                                                        {"linux/arm64/8", "linux/arm64/v8"},
                                                        {"linux/arm64/v9", "linux/arm64/v9"},
                                                        {"linux/armhf", "linux/arm/v7"},
                                                        {"linux/armel", "linux/arm/v6"},
                                                        {"linux/arm/7", "linux/arm/v7"},
                                                        {"linux/ARM/V6", "linux/arm/v6"},
                                                        {"macos/arm64", "darwin/arm64/v8"},
                                                        {"windows/amd64", "windows/amd64"},
                                                        {"linux/ppc64le", "linux/ppc64le"},
                                                        {"linux/loongarch64", "linux/loong64"}}) {
    const auto platform = parse_platform(text);
    ASSERT_TRUE(platform) << text;
    EXPECT_EQ(to_string(*platform), expected) << text;
    EXPECT_EQ(normalized(*platform), *platform) << text;
  }
}

TEST(PlatformNames, WhatIsLeftOutIsTheHosts) {
  const auto host = host_platform();
  EXPECT_EQ(parse_platform(host.os).value(), host);
  EXPECT_EQ(parse_platform(host.architecture).value(), host);
  EXPECT_EQ(parse_platform(host.os + "/" + host.architecture).value(), host);
  EXPECT_EQ(parse_platform("windows").value(), (Platform{"windows", host.architecture, host.variant}));
  EXPECT_EQ(parse_platform("s390x").value(), (Platform{host.os, "s390x", ""}));
}

TEST(PlatformNames, TheHostIsNormalized) {
  const auto host = host_platform();
  EXPECT_EQ(host.os, "linux");
  EXPECT_EQ(normalized(host), host);
  utsname names{};
  ASSERT_EQ(::uname(&names), 0);
  const std::string expected = to_string(parse_platform(std::string("linux/") + names.machine).value());
  EXPECT_EQ(to_string(host), expected);
}

TEST(PlatformNames, NonsenseIsRefused) {
  for (const char* text : {"", "/", "linux/", "/amd64", "linux//v8", "linux/arm/v7/x", "linux amd64",
                           "linux/amd64\n", "windows(10.0)/amd64", "l\xc3\xadnux"}) {
    const auto platform = parse_platform(text);
    ASSERT_FALSE(platform) << text;
    EXPECT_EQ(platform.error().code(), Errc::invalid_argument);
  }
}

TEST(PlatformNames, FileNamesAreSafe) {
  EXPECT_EQ(to_file_name({"linux", "arm64", "v8"}), "linux-arm64-v8");
  EXPECT_EQ(to_file_name({"linux", "amd64", ""}), "linux-amd64");
  EXPECT_EQ(to_file_name({"../..", "a/b", std::string(1, '\0')}), ".._..-a_b-_");
  EXPECT_EQ(to_file_name({}), "unknown-unknown");
  EXPECT_LE(to_file_name({std::string(999, 'a'), std::string(999, 'b'), std::string(999, 'c')}).size(), 255u);
}

TEST(ChoosePlatform, TheNearestVariantThatRunsIsChosen) {
  const std::vector<std::string> arms = {"arm/v5", "arm/v6", "arm/v7", "arm/v8", "arm64", "amd64"};
  EXPECT_EQ(chosen(arms, "arm"), "arm/v7");
  EXPECT_EQ(chosen(arms, "arm/v6"), "arm/v6");
  EXPECT_EQ(chosen(arms, "arm/v8"), "arm/v8");
  EXPECT_EQ(chosen(arms, "arm64"), "arm64");
  EXPECT_EQ(chosen({"arm/v5", "arm/v6"}, "arm/v7"), "arm/v6");
  EXPECT_EQ(chosen({"arm/v7"}, "arm/v6"), "none");
  EXPECT_EQ(chosen({"arm"}, "arm/v7"), "arm");
  EXPECT_EQ(chosen({"arm64/v8"}, "arm64"), "arm64/v8");
  EXPECT_EQ(chosen({"arm64"}, "arm64/v8"), "arm64");
  EXPECT_EQ(chosen({"arm64/v9", "arm64"}, "arm64/v8"), "arm64");
  EXPECT_EQ(chosen({"arm64", "arm64/v8.2"}, "arm64/v9"), "arm64/v8.2");
  EXPECT_EQ(chosen({"amd64/v3", "amd64/v2", "amd64"}, "amd64"), "amd64");
  EXPECT_EQ(chosen({"amd64", "amd64/v2", "amd64/v4"}, "amd64/v3"), "amd64/v2");
  EXPECT_EQ(chosen({"arm/v7"}, "arm64"), "none");
  EXPECT_EQ(chosen({"x86_64"}, "amd64"), "x86_64");
  EXPECT_EQ(chosen({"mips64le/softfloat"}, "mips64le"), "none");
  EXPECT_EQ(chosen({}, "amd64"), "none");
}

TEST(ChoosePlatform, TheFirstOfEqualsIsChosenAndAnotherOsNever) {
  const std::vector<Descriptor> entries = {platform_entry(Platform{"windows", "amd64", ""}),
                                           platform_entry(Platform{"linux", "amd64", ""}),
                                           platform_entry(Platform{"linux", "amd64", ""})};
  EXPECT_EQ(choose_platform(entries, {"linux", "amd64", ""}), 1u);
  EXPECT_EQ(choose_platform(entries, {"darwin", "amd64", ""}), std::nullopt);
}

TEST(ChoosePlatform, AnEntryWithoutAPlatformServesAfterThoseThatNameOne) {
  const std::vector<Descriptor> entries = {platform_entry(std::nullopt),
                                           platform_entry(Platform{"linux", "arm", "v5"})};
  EXPECT_EQ(choose_platform(entries, {"linux", "arm", "v7"}), 1u);
  EXPECT_EQ(choose_platform(entries, {"linux", "s390x", ""}), 0u);
}

TEST(ChoosePlatform, AttestationsAreNeverChosen) {
  const std::vector<Descriptor> entries = {platform_entry(Platform{"unknown", "unknown", ""})};
  EXPECT_TRUE(is_attestation(entries[0]));
  EXPECT_EQ(choose_platform(entries, {"linux", "amd64", ""}), std::nullopt);
  EXPECT_EQ(choose_platform(entries, {"unknown", "unknown", ""}), std::nullopt);
}

}  // namespace
}  // namespace layoutfs
