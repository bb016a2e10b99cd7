// -o, one option at a time and together.
#include "tools/cli/mount_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

MountOptions parsed(std::string_view argument) {
  MountOptions options;
  const auto added = add_mount_options(options, argument);
  EXPECT_TRUE(added) << argument << ": " << (added ? "" : added.error().message());
  return options;
}

std::string refusal(std::string_view argument) {
  MountOptions options;
  const auto added = add_mount_options(options, argument);
  if (added) return "";
  EXPECT_EQ(added.error().code(), Errc::invalid_argument) << argument;
  return added.error().message();
}

TEST(MountOptions, KernelChoosesTheView) {
  EXPECT_EQ(parsed("").view, std::nullopt);
  EXPECT_EQ(parsed("kernel=yes").view, View::kernel);
  EXPECT_EQ(parsed("kernel=no").view, View::fuse);
  EXPECT_EQ(parsed("kernel=no,kernel=auto").view, std::nullopt);
  EXPECT_EQ(parsed("ro").engine_view, std::nullopt);
  EXPECT_EQ(parsed("view=containers-storage").engine_view, EngineView::containers_storage);
  EXPECT_EQ(parsed("view=containerd").engine_view, EngineView::containerd);
  EXPECT_THAT(refusal("view=podman"), HasSubstr("unknown view"));
  EXPECT_THAT(refusal("view"), HasSubstr("needs a value"));
  EXPECT_THAT(refusal("kernel=maybe"), HasSubstr("auto, yes or no"));
  EXPECT_THAT(refusal("kernel"), HasSubstr("needs a value"));
}

TEST(MountOptions, ValuesAreTakenOver) {
  const auto options = parsed(
      "uid=1000,gid=0,platform=linux/arm64,cache_dir=/c,cache_size=512M,cache_disk=0,verify=off,"
      "idle_timeout=10m,max_threads=3,log_format=json,fsname=name");
  EXPECT_EQ(options.uid, 1000u);
  EXPECT_EQ(options.gid, 0u);
  EXPECT_EQ(options.platform, "linux/arm64");
  EXPECT_EQ(options.cache_dir, "/c");
  EXPECT_EQ(options.cache_size, std::uint64_t{512} << 20);
  EXPECT_EQ(options.cache_disk, 0u);
  EXPECT_FALSE(options.verify);
  EXPECT_EQ(options.idle_timeout, std::chrono::minutes(10));
  EXPECT_EQ(options.max_threads, 3u);
  EXPECT_EQ(options.log_format, LogFormat::json);
  EXPECT_EQ(options.fsname, "name");
  EXPECT_THAT(options.kernel, IsEmpty());
}

TEST(MountOptions, ThoseOfRegistriesAreTakenOver) {
  const auto options =
      parsed("cache_remote=2G,net_timeout=5m,net=wait,prefetch,authfile=/a,tls_verify=false");
  EXPECT_EQ(options.cache_remote, std::uint64_t{2} << 30);
  EXPECT_EQ(options.net_timeout, std::chrono::minutes(5));
  EXPECT_TRUE(options.waits_for_net);
  EXPECT_TRUE(options.prefetches);
  EXPECT_EQ(options.auth_file, "/a");
  EXPECT_EQ(options.tls_verify, "false");
  EXPECT_FALSE(parsed("net=wait,net=fail").waits_for_net);
}

TEST(MountOptions, ABackslashMakesACommaPartOfAValue) {
  EXPECT_EQ(parsed(R"(cache_dir=/a\,b,fsname=c\,d\,)").cache_dir, "/a,b");
  EXPECT_EQ(parsed(R"(cache_dir=/a\,b,fsname=c\,d\,)").fsname, "c,d,");
  EXPECT_EQ(parsed(R"(fsname=a\\,uid=5)").fsname, R"(a\)");
  EXPECT_EQ(parsed(R"(fsname=a\\,uid=5)").uid, 5u);
  EXPECT_EQ(parsed(R"(fsname=a\\\,uid=5)").fsname, R"(a\,uid=5)");
  EXPECT_EQ(parsed(R"(fsname=\=\a\)").fsname, R"(=a\)");
  EXPECT_THAT(refusal(R"(no\,such=1)"), HasSubstr("'no,such'"));
}

// As fstab and libfuse write a blank.
TEST(MountOptions, ABackslashAndThreeOctalDigitsMeanAByte) {
  EXPECT_EQ(parsed(R"(fsname=a\040b\054c\134d,uid=5)").fsname, R"(a b,c\d)");
  EXPECT_EQ(parsed(R"(fsname=\377)").fsname, "\xff");
  EXPECT_EQ(parsed(R"(fsname=\04)").fsname, "04");
  EXPECT_EQ(parsed(R"(fsname=\400)").fsname, "400");
  EXPECT_EQ(parsed(R"(fsname=\089)").fsname, "089");
  EXPECT_THAT(refusal(R"(fsname=a\000b)"), HasSubstr("NUL"));
}

TEST(MountOptions, CharactersOfOneOptionStandForThemselves) {
  MountOptions options;
  ASSERT_TRUE(add_mount_option(options, R"(fsname=a,b\,c)"));
  EXPECT_EQ(options.fsname, R"(a,b\,c)");
}

TEST(MountOptions, AnArgumentIsSplitAtCommasWithoutABackslash) {
  EXPECT_THAT(split_mount_options(R"(a,b=\,\\,,c\)"), ElementsAre("a", R"(b=\,\\)", "", R"(c\)"));
  EXPECT_THAT(split_mount_options(""), ElementsAre(""));
}

TEST(MountOptions, KernelOptionsAreHandedOnInTheirOrder) {
  EXPECT_THAT(parsed("allow_other,dev,suid,noexec,auto_unmount").kernel,
              ElementsAre("allow_other", "dev", "suid", "noexec", "auto_unmount"));
  EXPECT_THAT(parsed("allow_root,nodev,nosuid,exec").kernel,
              ElementsAre("allow_root", "nodev", "nosuid", "exec"));
}

TEST(MountOptions, WhatMountAndFstabKeepForThemselvesIsIgnored) {
  EXPECT_THAT(
      parsed("ro,rw,defaults,auto,noauto,user,users,nouser,owner,group,nofail,_netdev,x-systemd.automount,"
             "x-a=b,comment=text,,")
          .kernel,
      IsEmpty());
}

TEST(MountOptions, LaterOnesOverride) {
  EXPECT_TRUE(parsed("verify=off,verify=on").verify);
  EXPECT_EQ(parsed("uid=1,uid=2").uid, 2u);
}

TEST(MountOptions, AnUnknownOneIsNamedWithTheNearestKnown) {
  EXPECT_THAT(refusal("alow_other"), HasSubstr("'alow_other'"));
  EXPECT_THAT(refusal("alow_other"), HasSubstr("'allow_other'"));
  EXPECT_THAT(refusal("cachesize=1"), HasSubstr("'cache_size'"));
  EXPECT_THAT(refusal("ro,verfy=on"), HasSubstr("'verify'"));
  for (const std::string far : {"zzzzzzzzzzzz", "frob", "x"}) {
    EXPECT_THAT(refusal(far), HasSubstr("'" + far + "'"));
    EXPECT_EQ(refusal(far).find("did you mean"), std::string::npos) << far;
  }
  EXPECT_THAT(refusal("nosuit"), HasSubstr("'nosuid'"));
  EXPECT_THAT(refusal("exce"), HasSubstr("'exec'"));
  EXPECT_THAT(refusal("allow"), HasSubstr("'allow_root'"));
  EXPECT_NE(refusal(std::string(100'000, 'a')), "");
}

TEST(MountOptions, WhatIsSaidToBeKnownIsTaken) {
  const std::map<std::string_view, std::string> examples{{"N", "1"},
                                                         {"SIZE", "1M"},
                                                         {"TIME", "1m"},
                                                         {"DIR", "/"},
                                                         {"FILE", "/a"},
                                                         {"fail|wait", "wait"},
                                                         {"true|false", "true"},
                                                         {"NAME", "a"},
                                                         {"auto|yes|no", "no"},
                                                         {"on|off", "off"},
                                                         {"text|json", "json"},
                                                         {"containers-storage|containerd", "containerd"},
                                                         {"OS[/ARCH[/VARIANT]]", "linux/arm/v7"}};
  for (const KnownMountOption& option : known_mount_options()) {
    const std::string name(option.name);
    if (option.value.empty()) {
      EXPECT_EQ(refusal(name), "");
      EXPECT_NE(refusal(name + "=1"), "");
    } else {
      EXPECT_EQ(refusal(name + "=" + examples.at(option.value)), "");
      EXPECT_NE(refusal(name), "");
    }
  }
}

TEST(MountOptions, WrongValuesAreRefused) {
  for (const auto* argument : {"uid=",
                               "uid",
                               "uid=-1",
                               "uid=4294967295",
                               "uid=4294967296",
                               "gid=0x1",
                               "uid=1 ",
                               "verify=yes",
                               "verify",
                               "log_format=xml",
                               "max_threads=0",
                               "net=maybe",
                               "net_timeout=soon",
                               "tls_verify=maybe",
                               "max_threads=1001",
                               "cache_size=M",
                               "cache_disk=much",
                               "cache_size=1X",
                               "cache_size=-1",
                               "cache_size=9999999999999G",
                               "idle_timeout=1y",
                               "idle_timeout=99999999999999999999",
                               "platform=",
                               "fsname=",
                               "dev=1",
                               "ro=1",
                               "allow_other="})
    EXPECT_NE(refusal(argument), "") << argument;
}

TEST(MountOptions, SizesHaveBinaryUnits) {
  EXPECT_EQ(parse_size("4096").value(), 4096u);
  EXPECT_EQ(parse_size("1K").value(), 1024u);
  EXPECT_EQ(parse_size("2G").value(), std::uint64_t{2} << 30);
  EXPECT_EQ(parse_size("1T").value(), std::uint64_t{1} << 40);
  for (const auto* text : {"", "K", "1KK", "1.5G", "+1", "18446744073709551616", "8388608T"})
    EXPECT_FALSE(parse_size(text)) << text;
}

TEST(MountOptions, DurationsAreSecondsUnlessTheySayMore) {
  EXPECT_EQ(parse_duration("90").value(), std::chrono::seconds(90));
  EXPECT_EQ(parse_duration("10m").value(), std::chrono::minutes(10));
  EXPECT_EQ(parse_duration("1h").value(), std::chrono::hours(1));
  EXPECT_EQ(parse_duration("2d").value(), std::chrono::hours(48));
  for (const auto* text : {"", "m", "1w", "-1", "9223372036854775807", "153722867280912931m"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

}  // namespace
}  // namespace layoutfs
