#include "core/remote/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <optional>

#include "core/base/base64.h"
#include "core/base/environment.h"
#include "tests/support/results.h"
#include "tests/support/temp_dir.h"

namespace layoutfs {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::failure_of;
using ::testing::HasSubstr;
using testing::must;
using ::testing::Not;
using testing::TempDir;
using testing::write_file;

std::string auth_of(std::string_view text) { return R"({"auth": ")" + base64(as_bytes(text)) + "\"}"; }

// Returns a file with entries KEY -> USER:PASSWORD.
std::string auth_file(std::initializer_list<std::pair<std::string, std::string>> entries) {
  std::string text;
  for (const auto& [key, credentials] : entries)
    text += (text.empty() ? "" : ", ") + ("\"" + key + "\": ") + auth_of(credentials);
  return R"({"auths": {)" + text + "}}";
}

// Sets a variable of the environment for a scope.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* const before = std::getenv(name)) before_ = before;
    ::setenv(name, value.c_str(), 1);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() { before_ ? ::setenv(name_, before_->c_str(), 1) : ::unsetenv(name_); }

 private:
  const char* name_;
  std::optional<std::string> before_;
};

class CredentialsTest : public ::testing::Test {
 protected:
  Result<Credentials> find(const std::string& host, const std::string& repository = "a/b/c") const {
    return find_credentials(files_, host, repository);
  }
  // Returns the user, or the kind of error.
  std::string user_of(const std::string& host, const std::string& repository = "a/b/c") const {
    return must(find(host, repository)).user;
  }
  void write(std::string_view content) const { write_file(file_, content); }
  // Writes docker-credential-NAME, which is found in PATH.
  void write_helper(const std::string& name, const std::string& script) const {
    const std::string path = directory_ / ("docker-credential-" + name);
    write_file(path, "#!/bin/sh\n" + script);
    ::chmod(path.c_str(), 0755);
  }

  TempDir directory_;
  std::string file_ = directory_ / "auth.json";
  CredentialFiles files_{.searched = {directory_ / "missing/auth.json", file_}};
  Variable path_{"PATH", directory_.path() + ":" + environment_variable("PATH")};
};

TEST_F(CredentialsTest, WithoutAFileAccessIsAnonymous) { EXPECT_TRUE(must(find("quay.io")).is_anonymous()); }

TEST_F(CredentialsTest, TheLongestKeyWins) {
  write(auth_file({{"quay.io", "host:1"}, {"quay.io/a", "a:2"}, {"quay.io/a/b/c", "c:3"}}));
  EXPECT_EQ(user_of("quay.io", "a/b/c"), "c");
  EXPECT_EQ(user_of("quay.io", "a/b/d"), "a");
  EXPECT_EQ(user_of("quay.io", "ab"), "host");
  EXPECT_EQ(user_of("quay.io", ""), "host");
  EXPECT_EQ(user_of("quay.io:443"), "");
  EXPECT_EQ(user_of("ghcr.io"), "");
  EXPECT_EQ(must(find("quay.io")).source, file_);
}

TEST_F(CredentialsTest, TheFirstColonEndsTheUser) {
  write(auth_file({{"a.io", "user:pass:word"},
                   {"b.io", ":only"},
                   {"c.io", "user:"},
                   {"d.io", std::string("u:p\0\0", 5)}}));
  EXPECT_EQ(must(find("a.io")).password, "pass:word");
  EXPECT_EQ(must(find("b.io")).password, "only");
  EXPECT_EQ(user_of("c.io"), "user");
  EXPECT_EQ(must(find("d.io")).password, "p");
}

TEST_F(CredentialsTest, OldKeysMatchTheirHost) {
  write(auth_file({{"https://index.docker.io/v1/", "hub:1"},
                   {"https://old.io/v1/", "old:2"},
                   {"http://h.io:5000", "port:3"}}));
  EXPECT_EQ(user_of("docker.io"), "hub");
  EXPECT_EQ(user_of("index.docker.io"), "hub");
  EXPECT_EQ(user_of("old.io"), "old");
  EXPECT_EQ(user_of("h.io:5000"), "port");
  EXPECT_EQ(user_of("h.io"), "");
}

TEST_F(CredentialsTest, TokensAndPlainMembersAreRead) {
  write(R"({"auths": {"a.io": {"identitytoken": "t"}, "b.io": {"username": "u", "password": "p"}}})");
  EXPECT_EQ(must(find("a.io")).identity_token, "t");
  EXPECT_EQ(user_of("b.io"), "u");
  EXPECT_EQ(must(find("b.io")).password, "p");
}

TEST_F(CredentialsTest, TheFirstFileWithAMatchWins) {
  const std::string second = directory_ / "second.json";
  files_.searched.push_back(second);
  write(auth_file({{"a.io", "first:1"}}));
  write_file(second, auth_file({{"a.io/a/b/c", "second:1"}, {"b.io", "second:2"}}));
  EXPECT_EQ(user_of("a.io"), "first");
  EXPECT_EQ(user_of("b.io"), "second");
}

TEST_F(CredentialsTest, FilesAreReadAgain) {
  write(auth_file({{"a.io", "old:1"}}));
  EXPECT_EQ(user_of("a.io"), "old");
  write(auth_file({{"a.io", "new:1"}}));
  EXPECT_EQ(user_of("a.io"), "new");
}

TEST_F(CredentialsTest, AChosenFileMustExist) {
  write(auth_file({{"a.io", "user:1"}}));
  files_ = {.auth_file = directory_ / "missing.json", .auth_file_from = "--authfile", .searched = {file_}};
  const auto found = find("a.io");
  ASSERT_EQ(failure_of(found), Errc::not_found);
  EXPECT_THAT(found.error().message(), HasSubstr("missing.json"));
  EXPECT_THAT(found.error().hint(), HasSubstr("--authfile"));
  write_file(files_.auth_file, "");
  EXPECT_TRUE(must(find("a.io")).is_anonymous());
}

TEST_F(CredentialsTest, MalformedFilesAreNamedWithoutTheirSecrets) {
  for (const char* const text :
       {"{", "[]", R"({"auths": {"a.io": "SECRET"}})", R"({"auths": {"a.io": {"auth": "SECRET"}}})",
        R"({"auths": {"a.io": {"auth": "U0VDUkVU"}}})", R"({"auths": {"a.io": {"auth": ["SECRET"]}}})",
        R"({"auths": {"a.io": {"password": "SECRET)"}) {
    write(text);
    const auto found = find("a.io");
    ASSERT_EQ(failure_of(found), Errc::invalid_argument) << text;
    EXPECT_THAT(found.error().message(),
                AllOf(HasSubstr(file_), Not(HasSubstr("SECRET")), Not(HasSubstr("\n"))));
  }
}

TEST_F(CredentialsTest, OnlyRegularFilesOfLimitedSizeAreRead) {
  write(std::string((1 << 20) + 1, ' '));
  EXPECT_EQ(failure_of(find("a.io")), Errc::invalid_argument);
  files_.searched = {directory_.path()};
  EXPECT_EQ(failure_of(find("a.io")), Errc::invalid_argument);
}

TEST_F(CredentialsTest, HelpersOfAHostGoBeforeEntries) {
  write_helper(
      "one",
      R"(read -r server; echo "{\"ServerURL\": \"x\", \"Username\": \"$1 $server\", \"Secret\": \"s\"}")");
  write(
      R"({"credHelpers": {"a.io": "one"}, "auths": {"a.io/a": {"username": "entry"}, "b.io": {"username": "b"}}})");
  EXPECT_EQ(user_of("a.io"), "get a.io");
  EXPECT_EQ(must(find("a.io")).password, "s");
  EXPECT_EQ(must(find("a.io")).source, "docker-credential-one");
  EXPECT_EQ(user_of("b.io"), "b");
}

TEST_F(CredentialsTest, TheStoreComesLast) {
  write_helper("all", R"(read -r server; echo "{\"Username\": \"$server\", \"Secret\": \"s\"}")");
  write(
      R"({"credsStore": "all", "credHelpers": {"none.io": ""}, "auths": {"a.io": {}, "b.io": {"username": "b"}}})");
  EXPECT_EQ(user_of("a.io"), "a.io");
  EXPECT_EQ(user_of("b.io"), "b");
  EXPECT_EQ(user_of("none.io"), "");
  EXPECT_EQ(user_of("docker.io"), "https://index.docker.io/v1/");
}

TEST_F(CredentialsTest, ATokenOfAHelperIsAnIdentityToken) {
  write_helper("one", R"(echo '{"Username": "<token>", "Secret": "t"}')");
  write(R"({"credsStore": "one"})");
  EXPECT_EQ(must(find("a.io")).identity_token, "t");
  EXPECT_EQ(user_of("a.io"), "");
}

TEST_F(CredentialsTest, AHelperWithoutCredentialsIsPassedOver) {
  write_helper("one", "echo 'credentials not found in native keychain'; exit 1");
  write(R"({"credHelpers": {"a.io": "one"}, "credsStore": "one", "auths": {"a.io": {"username": "entry"}}})");
  EXPECT_EQ(user_of("a.io"), "entry");
  EXPECT_TRUE(must(find("b.io")).is_anonymous());
}

TEST_F(CredentialsTest, HelpersThatFailAreErrors) {
  write(R"({"credsStore": "one"})");
  const auto missing = find("a.io");
  ASSERT_EQ(failure_of(missing), Errc::denied);
  EXPECT_THAT(missing.error().message(), HasSubstr("docker-credential-one"));
  EXPECT_THAT(missing.error().hint(), HasSubstr(file_));

  write_helper("one", "echo 'keyring is locked' >&2; exit 1");
  const auto failed = find("a.io");
  ASSERT_EQ(failure_of(failed), Errc::denied);
  EXPECT_THAT(failed.error().message(), HasSubstr("keyring is locked"));

  for (const char* const script : {"echo '[\"SECRET\"]'", "echo '{SECRET'",
                                   "echo '{\"Secret\": \"SECRET\"}'; exit 1", "head -c 70000 /dev/zero"}) {
    write_helper("one", script);
    const auto found = find("a.io");
    ASSERT_EQ(failure_of(found), Errc::denied) << script;
    EXPECT_THAT(found.error().message(), Not(HasSubstr("SECRET")));
  }
}

TEST_F(CredentialsTest, TheNameOfAHelperIsNeverAPath) {
  for (const char* const name : {"../one", "a/b", "a b", "$(a)"}) {
    write(std::string(R"({"credsStore": ")") + name + "\"}");
    EXPECT_EQ(failure_of(find("a.io")), Errc::invalid_argument) << name;
  }
}

TEST(CredentialFiles, TheEnvironmentChoosesTheFiles) {
  const Variable home("HOME", "/home/me"), config("XDG_CONFIG_HOME", ""), docker("DOCKER_CONFIG", "");
  const Variable chosen("REGISTRY_AUTH_FILE", ""), runtime("XDG_RUNTIME_DIR", "/run/user/7");
  EXPECT_THAT(CredentialFiles::from_environment().searched,
              ElementsAre("/run/user/7/containers/auth.json", "/home/me/.config/containers/auth.json",
                          "/home/me/.docker/config.json"));
  const Variable other_config("XDG_CONFIG_HOME", "/c"), other_docker("DOCKER_CONFIG", "/d");
  const Variable other_runtime("XDG_RUNTIME_DIR", "");
  EXPECT_THAT(CredentialFiles::from_environment().searched,
              ElementsAre("/run/containers/" + std::to_string(::getuid()) + "/auth.json",
                          "/c/containers/auth.json", "/d/config.json"));
  const Variable named("REGISTRY_AUTH_FILE", "/named.json");
  EXPECT_EQ(CredentialFiles::from_environment().auth_file, "/named.json");
  EXPECT_EQ(CredentialFiles::from_environment("/option.json").auth_file, "/option.json");
  EXPECT_THAT(CredentialFiles::from_environment("/option.json").searched, ElementsAre());
}

}  // namespace
}  // namespace layoutfs
