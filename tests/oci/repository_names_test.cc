// Names and references, by tables of valid and invalid ones.
#include "core/oci/repository_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace layoutfs {
namespace {

using ::testing::HasSubstr;

const std::string kHex256(64, 'f'), kHex512(128, 'e');
const std::string kSha256 = "sha256:" + kHex256, kSha512 = "sha512:" + kHex512;

std::string times(int count, std::string_view text) {
  std::string repeated;
  while (count-- > 0) repeated += text;
  return repeated;
}

TEST(ARepositoryName, IsComponentsWithSingleSeparators) {
  for (const std::string& name :
       {std::string("foo"), std::string("0"), std::string("00123456789abcdefghijklmnopqrstuvwxyz"),
        std::string("a-b---c"), std::string("a.b.c9"), std::string("a_b"), std::string("a__b"),
        std::string("foo/bar/baz/quux"), std::string("foo.com/bar"), std::string(255, 'a'),
        times(127, "a/") + "a"})
    EXPECT_TRUE(is_repository_name(name)) << name;
}

TEST(ARepositoryName, IsNothingElse) {
  for (const std::string& name :
       {std::string(""),        std::string("a..b"),    std::string(".a"),     std::string("a."),
        std::string("-a"),      std::string("a-"),      std::string("_a"),     std::string("a_"),
        std::string("a___b"),   std::string("a._b"),    std::string("a-_b"),   std::string("a.-b"),
        std::string("A"),       std::string("aB"),      std::string("café"),   std::string("foo@bar"),
        std::string("foo:bar"), std::string("foo bar"), std::string("foo\n"),  std::string("a\0b", 3),
        std::string("/"),       std::string("/a"),      std::string("a/"),     std::string("a//b"),
        std::string("a/./b"),   std::string("a/../b"),  std::string(".."),     std::string("a/_b"),
        std::string("a-/b"),    std::string(256, 'a'),  times(128, "a/") + "a"})
    EXPECT_FALSE(is_repository_name(name)) << name;
}

TEST(ATag, IsAWordOf128BytesAtMost) {
  for (const std::string& name :
       {std::string("hello"), std::string("v1.2.3-alpha.0"), std::string("_"), std::string("_x"),
        std::string("___"), std::string("ABC_D"), std::string("0"), std::string(128, 'a'),
        std::string("foo....___---"), std::string("index.json")})
    EXPECT_TRUE(is_tag(name)) << name;
}

TEST(ATag, IsNothingElse) {
  for (const std::string& name :
       {std::string(""), std::string(129, 'a'), std::string("café"), std::string("foo@bar"),
        std::string("v4.3+something"), std::string(".a"), std::string("-a"), std::string("."),
        std::string(".."), std::string("a/b"), std::string("a:b"), std::string("a b"), std::string("a\n"),
        std::string("a\0", 2)})
    EXPECT_FALSE(is_tag(name)) << name;
}

TEST(ARegistryHost, HasADotOrAPortOrIsAnIpV6Address) {
  for (const char* name :
       {"foo.com", "foo.com:5000", "localhost:1234", "foo:5000", "192.168.1.1", "192.168.1.1:80",
        "xn--n3h.com", "a-b.c", "[::1]", "[::1]:3456", "[2001:db8:1:2:3:4:5:6]", "[2001:db8::]:5000"})
    EXPECT_TRUE(is_registry_host(name)) << name;
}

TEST(ARegistryHost, IsNothingElse) {
  for (const char* name :
       {"",          "localhost",   "foo",      "foo..com",  ".foo.com",       "foo.com.", "-foo.com",
        "foo-.com",  "foo_bar.com", "foo.com:", "foo.com:a", "foo.com:50:50",  ":5000",    "::1",
        "[::1",      "::1]",        "[]",       "[::g]",     "[fe80::1%eth0]", "[::1]:",   "[::1]5000",
        "foo.com/a", "foo.com ",    "fo o.com"})
    EXPECT_FALSE(is_registry_host(name)) << name;
}

struct Row {
  std::string text;
  std::string host, repository, tag, digest;  // the expected parts
};

void expect_parsed(const Result<RegistryReference>& reference, const Row& row) {
  ASSERT_TRUE(reference) << row.text << ": " << reference.error().message();
  EXPECT_EQ(reference->host, row.host) << row.text;
  EXPECT_EQ(reference->repository, row.repository) << row.text;
  EXPECT_EQ(reference->tag, row.tag) << row.text;
  EXPECT_EQ(reference->digest.str(), row.digest) << row.text;
  EXPECT_EQ(reference->str(), row.text);
}

TEST(ARegistryReference, IsTakenApart) {
  const std::string longest = times(127, "a/") + "a";
  for (const Row& row : std::vector<Row>{
           // Without a host.
           {"foo", "", "foo", "", ""},
           {"foo:bar", "", "foo", "bar", ""},
           {"foo/bar", "", "foo/bar", "", ""},
           {"test_com", "", "test_com", "", ""},
           {"lowercase:Uppercase", "", "lowercase", "Uppercase", ""},
           {"foo/foo_bar.com:8080", "", "foo/foo_bar.com", "8080", ""},
           {"localhost/foo", "", "localhost/foo", "", ""},
           {"foo@" + kSha256, "", "foo", "", kSha256},
           {"foo:bar@" + kSha256, "", "foo", "bar", kSha256},
           // A possible host without a repository: a port is a tag.
           {"test.com", "", "test.com", "", ""},
           {"test.com:tag", "", "test.com", "tag", ""},
           {"test.com:5000", "", "test.com", "5000", ""},
           {"foo_bar.com:8080", "", "foo_bar.com", "8080", ""},
           {"192.168.1.1", "", "192.168.1.1", "", ""},
           {"192.168.1.1:tag", "", "192.168.1.1", "tag", ""},
           {"192.168.1.1:5000", "", "192.168.1.1", "5000", ""},
           {"localhost:5000", "", "localhost", "5000", ""},
           // A host by a dot.
           {"test.com/repo:tag", "test.com", "repo", "tag", ""},
           {"sub-dom1.foo.com/bar/baz/quux", "sub-dom1.foo.com", "bar/baz/quux", "", ""},
           {"sub-dom1.foo.com/bar/baz/quux:some-long-tag", "sub-dom1.foo.com", "bar/baz/quux",
            "some-long-tag", ""},
           {"b.gcr.io/test.example.com/my-app:test.example.com", "b.gcr.io", "test.example.com/my-app",
            "test.example.com", ""},
           {"xn--n3h.com/myimage:xn--n3h.com", "xn--n3h.com", "myimage", "xn--n3h.com", ""},
           {"xn--7o8h.com/myimage:xn--7o8h.com@" + kSha512, "xn--7o8h.com", "myimage", "xn--7o8h.com",
            kSha512},
           {"192.168.1.1/repo", "192.168.1.1", "repo", "", ""},
           // A registry, recognized by its port.
           {"test:5000/repo", "test:5000", "repo", "", ""},
           {"test:5000/repo:tag", "test:5000", "repo", "tag", ""},
           {"test:5000/repo@" + kSha256, "test:5000", "repo", "", kSha256},
           {"test:5000/repo:tag@" + kSha256, "test:5000", "repo", "tag", kSha256},
           {"localhost:5000/a", "localhost:5000", "a", "", ""},
           {"192.168.1.1:5000/repo", "192.168.1.1:5000", "repo", "", ""},
           {"192.168.1.1:5000/repo:5050", "192.168.1.1:5000", "repo", "5050", ""},
           // A registry, recognized by its brackets.
           {"[2001:db8::1]/repo", "[2001:db8::1]", "repo", "", ""},
           {"[2001:db8:1:2:3:4:5:6]/repo:tag", "[2001:db8:1:2:3:4:5:6]", "repo", "tag", ""},
           {"[2001:db8::1]:5000/repo", "[2001:db8::1]:5000", "repo", "", ""},
           {"[2001:db8::1]:5000/repo:tag", "[2001:db8::1]:5000", "repo", "tag", ""},
           {"[2001:db8::1]:5000/repo@" + kSha256, "[2001:db8::1]:5000", "repo", "", kSha256},
           {"[2001:db8::]:5000/repo", "[2001:db8::]:5000", "repo", "", ""},
           {"[::1]:5000/repo", "[::1]:5000", "repo", "", ""},
           // The longest ones.
           {longest, "", longest, "", ""},
           {longest + ":tag-that-makes-it-longer", "", longest, "tag-that-makes-it-longer", ""},
           {"test.com/" + longest, "test.com", longest, "", ""},
           {"foo:" + std::string(128, 'a'), "", "foo", std::string(128, 'a'), ""},
       })
    expect_parsed(RegistryReference::parse(row.text), row);
}

TEST(ARegistryReference, IsNothingElse) {
  for (const std::string& text : std::vector<std::string>{
           "",
           ":justtag",
           "@" + kSha256,
           "foo:",
           "foo@",
           "foo:@" + kSha256,
           "foo:bar@",
           "foo:bar:baz",
           "foo:tag with spaces",
           "foo:" + std::string(129, 'a'),
           "foo@sha256:ffff",
           "foo@sha256:" + std::string(64, 'F'),
           "foo@sha256",
           "foo@" + kHex256,
           "foo@" + kSha256 + ":bar",
           "foo@" + kSha256 + "@" + kSha256,
           "foo@sha512:" + kHex256,
           "foo@not-a-digest",
           "Uppercase:tag",
           "test:5000/Uppercase/lowercase:tag",
           "foo.com/Bar",
           "aa/asdf$$^/aa",
           "foo/",
           "/foo",
           "foo//bar",
           "./foo",
           "../foo",
           "foo/../bar",
           "https://foo.com/bar",
           "foo\n",
           "test.com/",
           "test:5000/",
           times(128, "a/") + "a:tag",
           std::string(256, 'a'),
           "test.com/" + std::string(256, 'a'),
           "[2001:db8::1]",
           "[2001:db8::1]:5000",
           "[2001:db8::1]:tag",
           "[fe80::1%eth0]:5000/repo",
           "[fe80::1%@invalidzone]:5000/repo",
           "[2001:db8::1/repo",
       }) {
    const auto reference = RegistryReference::parse(text);
    ASSERT_FALSE(reference) << text;
    const auto at = text.find('@');
    const bool is_digest_wrong = at != std::string::npos && !Digest::parse(text.substr(at + 1));
    EXPECT_EQ(reference.error().code(), is_digest_wrong ? Errc::digest_invalid : Errc::invalid_argument)
        << text;
  }
  EXPECT_FALSE(RegistryReference::parse("foo@unknown:" + kHex256)) << "its algorithm cannot be computed";
}

TEST(ARegistryReference, WithoutAHostTakesNoComponentForOne) {
  for (const Row& row : std::vector<Row>{
           {"foo", "", "foo", "", ""},
           {"test.com/repo:tag", "", "test.com/repo", "tag", ""},
           {"192.168.1.1/repo@" + kSha256, "", "192.168.1.1/repo", "", kSha256},
           {"localhost/repo:tag@" + kSha512, "", "localhost/repo", "tag", kSha512},
       })
    expect_parsed(RegistryReference::parse_relative(row.text), row);
  for (const char* text : {"test:5000/repo", "localhost:5000/a:b", "[::1]/repo", "[::1]:5000/repo",
                           "FOO.com/bar", "", ":tag", "foo:bar:baz"}) {
    const auto reference = RegistryReference::parse_relative(text);
    ASSERT_FALSE(reference) << text;
    EXPECT_EQ(reference.error().code(), Errc::invalid_argument) << text;
  }
}

struct EntryRow {
  std::string name;
  std::string repository, tag;
};

TEST(TheNameOfAnEntry, SaysTheRepositoryAndTheTag) {
  for (const std::string& standard : {std::string(), std::string("my/default")})
    for (const EntryRow& row : std::vector<EntryRow>{
             {"foo:bar", "foo", "bar"},
             {"foo/bar:V1", "foo/bar", "V1"},
             {"foo.com/bar:5000", "foo.com/bar", "5000"},
             {"foo/bar@" + kSha256, "foo/bar", ""},
             {"foo/bar@" + kSha512, "foo/bar", ""},
             {"foo@" + kSha256, "foo", ""},
             {"foo/bar:v1@" + kSha256, "foo/bar", "v1"},
         }) {
      const auto name = parse_entry_name(row.name, standard);
      ASSERT_TRUE(name) << row.name << ": " << name.error().message();
      EXPECT_EQ(name->repository, row.repository) << row.name;
      EXPECT_EQ(name->tag, row.tag) << row.name;
    }
}

TEST(TheNameOfAnEntry, MayBeOfTheDefaultRepository) {
  for (const EntryRow& row : std::vector<EntryRow>{{"", "my/default", ""},
                                                   {"latest", "my/default", "latest"},
                                                   {"Busy_Box", "my/default", "Busy_Box"},
                                                   {"busybox", "my/default", "busybox"},
                                                   {"1.2", "my/default", "1.2"}}) {
    const auto name = parse_entry_name(row.name, "my/default");
    ASSERT_TRUE(name) << row.name << ": " << name.error().message();
    EXPECT_EQ(name->repository, row.repository) << row.name;
    EXPECT_EQ(name->tag, row.tag) << row.name;
  }
}

TEST(TheNameOfAnEntry, IsAmbiguousOrEmptyWithoutADefaultRepository) {
  for (const auto& [name, problem] : std::vector<std::pair<std::string, std::string>>{
           {"", "empty ref.name"}, {"latest", "ambiguous ref.name"}, {"busybox", "ambiguous ref.name"}}) {
    const auto parsed = parse_entry_name(name, "");
    ASSERT_FALSE(parsed) << name;
    EXPECT_EQ(parsed.error().code(), Errc::invalid_image) << name;
    EXPECT_THAT(parsed.error().message(), HasSubstr(problem)) << name;
  }
}

TEST(TheNameOfAnEntry, IsInvalidOtherwise) {
  for (const std::string& standard : {std::string(), std::string("my/default")})
    for (const std::string& name :
         {std::string("Foo:bar"), std::string("foo:"), std::string(":bar"), std::string("foo:bar:baz"),
          std::string("localhost:5000/foo:bar"), std::string("foo bar"), std::string("foo/Bar:v1"),
          std::string("foo@sha256:short"), "@" + kSha256, "Foo@" + kSha256, "foo@" + kSha256 + "@" + kSha256,
          std::string("foo:v1+2"), std::string("foo:") + std::string(129, 'a'), std::string(256, 'a') + ":v1",
          std::string("/foo:bar"), std::string("foo/:bar"), std::string("café")}) {
      const auto parsed = parse_entry_name(name, standard);
      ASSERT_FALSE(parsed) << name;
      EXPECT_EQ(parsed.error().code(), Errc::invalid_image) << name;
      EXPECT_THAT(parsed.error().message(), HasSubstr("invalid ref.name")) << name;
    }
}

Descriptor with_names(std::string_view ref_name, std::string_view full) {
  Descriptor entry;
  if (!ref_name.empty()) entry.annotations.emplace(kRefName, ref_name);
  if (!full.empty()) entry.annotations.emplace(kContainerdName, full);
  return entry;
}

TEST(TheNameOfAnEntry, IsThatOfItsFullNameIfItSaysNoRepositoryItself) {
  const struct {
    const char *ref_name, *full, *repository, *tag;
  } kCases[] = {
      {"latest", "docker.io/library/redis:latest", "docker.io/library/redis", "latest"},
      {"", "docker.io/library/redis:7", "docker.io/library/redis", "7"},
      {"not a name!", "quay.io/a:1", "quay.io/a", "1"},
      {"latest", "registry.test:5000/team/app:latest", "team/app", "latest"},
      {"latest", "localhost:5000/app:latest", "app", "latest"},
      {"latest", "redis:latest", "redis", "latest"},
      {"own/app:1", "docker.io/library/redis:latest", "own/app", "1"},
  };
  for (const auto& [ref_name, full, repository, tag] : kCases) {
    const auto name = entry_name_of(with_names(ref_name, full), "");
    ASSERT_TRUE(name) << full;
    EXPECT_EQ(name->repository, repository);
    EXPECT_EQ(name->tag, tag);
  }
  EXPECT_FALSE(entry_name_of(with_names("latest", "Not A Name"), ""));
  EXPECT_FALSE(entry_name_of(with_names("latest", ""), ""));
  // In the layout of a repository, a tag alone belongs to that repository.
  EXPECT_EQ(entry_name_of(with_names("latest", "docker.io/library/redis:latest"), "mirror")->repository,
            "mirror");
}

}  // namespace
}  // namespace layoutfs
