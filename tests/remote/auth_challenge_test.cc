#include "core/remote/auth_challenge.h"

#include <gtest/gtest.h>

#include <vector>

namespace layoutfs {
namespace {

using Scheme = AuthChallenge::Scheme;

std::optional<AuthChallenge> best_of(std::vector<std::string_view> fields) { return best_challenge(fields); }

TEST(AuthChallenge, BearerHasRealmServiceAndScope) {
  const auto found = best_of(
      {R"(Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push")"});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->scheme, Scheme::bearer);
  EXPECT_EQ(found->realm, "https://auth.example/token");
  EXPECT_EQ(found->service, "registry.example");
  EXPECT_EQ(found->scope, "repository:a/b:pull,push");
}

TEST(AuthChallenge, BearerGoesBeforeBasicInOneFieldOrInTwo) {
  EXPECT_EQ(best_of({R"(Basic realm="x", bearer realm="https://a/t", error="invalid_token")"})->realm,
            "https://a/t");
  EXPECT_EQ(best_of({R"(Basic realm="x")", R"(Bearer realm="https://a/t")"})->scheme, Scheme::bearer);
  EXPECT_EQ(best_of({R"(Negotiate, Basic realm="x")"})->scheme, Scheme::basic);
}

TEST(AuthChallenge, QuotedPairsAndTokensAreValues) {
  const auto found = best_of({R"(Bearer realm = "https://a/\"t\"" , service=plain)"});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->realm, R"(https://a/"t")");
  EXPECT_EQ(found->service, "plain");
}

TEST(AuthChallenge, ValuesMayBeEmptyOrUnquotedUrls) {
  EXPECT_EQ(best_of({R"(Basic realm="")"})->scheme, Scheme::basic);
  EXPECT_EQ(best_of({"Bearer realm=https://a.example:5000/token,service=\"\""})->realm,
            "https://a.example:5000/token");
}

TEST(AuthChallenge, OthersAreSkipped) {
  for (const std::string_view field : {"", ",", "Negotiate", "Bearer", R"(Bearer service="x")", "=",
                                       R"(Bearer realm="https://a)", R"(Digest realm="x", nonce="y")"})
    EXPECT_FALSE(best_of({field})) << field;
}

}  // namespace
}  // namespace layoutfs
