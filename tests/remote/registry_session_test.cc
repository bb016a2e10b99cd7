#include "core/remote/registry_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "core/remote/response_text.h"
#include "tests/support/remote_options.h"
#include "tests/support/results.h"
#include "tests/support/scripted_http_server.h"

namespace layoutfs {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using testing::failure_of;
using ::testing::HasSubstr;
using testing::must;
using ::testing::Not;
using testing::registry_failure_of;
using testing::RemoteConfig;
using testing::ScriptedHttpServer;
using ::testing::SizeIs;
using Request = ScriptedHttpServer::Request;
using Connection = ScriptedHttpServer::Connection;
using Clock = std::chrono::steady_clock;

const std::string kBlob = "/v2/some/app/blobs/x";

// Numbers the calls of a script, from 1.
class Calls {
 public:
  int next() { return ++count_; }
  int count() const { return count_; }

 private:
  std::atomic<int> count_ = 0;
};

std::string challenge_of(const ScriptedHttpServer& tokens, const std::string& scope = "pull") {
  return "WWW-Authenticate: Bearer realm=\"" + tokens.url("/token") +
         "\",service=\"s\",scope=\"repository:some/app:" + scope + "\"\r\n";
}

class RegistrySessionTest : public ::testing::Test {
 protected:
  RegistrySessionTest() : options_(config_.options()) {}

  std::shared_ptr<RegistrySession> open(const std::string& host) const {
    return must(RegistrySession::open(std::make_shared<RemoteAccess>(options_), host, "some/app"));
  }
  // Returns the body of the blob "x".
  static Result<std::string> get(RegistrySession& session, const Context& context = {}) {
    const auto response = session.send({.path = "blobs/x"}, context);
    if (!response) return fail(Error(response.error()));
    const auto bytes = read_all(**response);
    return bytes ? Result<std::string>(as_text(*bytes)) : fail(Error(bytes.error()));
  }

  RemoteConfig config_;
  RemoteOptions options_;
};

TEST_F(RegistrySessionTest, OneTokenServesManyRequests) {
  ScriptedHttpServer tokens([](const Request& request, Connection& client) {
    EXPECT_EQ(request.field("authorization"), "");
    client.answer(200, R"({"token": "first"})");
  });
  ScriptedHttpServer server([&](const Request& request, Connection& client) {
    if (request.field("authorization") != "Bearer first")
      client.answer(401, "", challenge_of(tokens));
    else
      client.answer(200, "content");
  });
  const auto session = open(server.host());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(must(get(*session)), "content");
  EXPECT_THAT(tokens.requests(), ElementsAre("GET /token?service=s&scope=repository%3Asome%2Fapp%3Apull"));
  EXPECT_THAT(server.requests(), ElementsAre("GET " + kBlob, "GET " + kBlob, "GET " + kBlob, "GET " + kBlob));
}

TEST_F(RegistrySessionTest, ARefusedTokenIsRenewedWithTheCredentialsOfNow) {
  Calls calls;
  ScriptedHttpServer tokens([&](const Request& request, Connection& client) {
    EXPECT_EQ(request.field("authorization"), calls.next() == 1 ? "Basic YTox" : "Basic YToy");  // a:1, a:2
    client.answer(200, "{\"access_token\": \"token" + std::to_string(calls.count()) + "\"}");
  });
  std::atomic<int> valid = 1;
  ScriptedHttpServer server([&](const Request& request, Connection& client) {
    if (request.field("authorization") != "Bearer token" + std::to_string(valid))
      client.answer(401, "", challenge_of(tokens));
    else
      client.answer(200, "content");
  });
  config_.write_credentials(server.host(), "a:1");
  const auto session = open(server.host());
  EXPECT_EQ(must(get(*session)), "content");
  config_.write_credentials(server.host(), "a:2");
  valid = 2;
  EXPECT_EQ(must(get(*session)), "content");
  EXPECT_EQ(calls.count(), 2);
}

TEST_F(RegistrySessionTest, ATokenThatExpiresIsRenewedBefore) {
  Calls calls;
  ScriptedHttpServer tokens([&](const Request&, Connection& client) {
    client.answer(200, "{\"token\": \"token" + std::to_string(calls.next()) + "\", \"expires_in\": 1}");
  });
  ScriptedHttpServer server([&](const Request& request, Connection& client) {
    if (request.field("authorization").empty())
      client.answer(401, "", challenge_of(tokens));
    else
      client.answer(200, request.field("authorization"));
  });
  const auto session = open(server.host());
  EXPECT_EQ(must(get(*session)), "Bearer token1");
  std::this_thread::sleep_for(950ms);
  EXPECT_EQ(must(get(*session)), "Bearer token2");
  EXPECT_THAT(server.requests(), SizeIs(3));
}

TEST_F(RegistrySessionTest, BasicCredentialsAreSentOnDemand) {
  ScriptedHttpServer server([](const Request& request, Connection& client) {
    if (request.field("authorization") != "Basic dXNlcjphIHNlY3JldA==")
      client.answer(401, "", "WWW-Authenticate: Basic realm=\"r\"\r\n");
    else
      client.answer(200, "content");
  });
  config_.write_credentials(server.host(), "user:a secret");
  const auto session = open(server.host());
  for (int i = 0; i < 2; ++i) EXPECT_EQ(must(get(*session)), "content");
  EXPECT_THAT(server.requests(), SizeIs(3));
}

TEST_F(RegistrySessionTest, RefusedCredentialsGiveAHintAndAreNotSentAgain) {
  ScriptedHttpServer server([](const Request&, Connection& client) {
    client.answer(401, "", "WWW-Authenticate: Basic realm=\"r\"\r\n");
  });
  config_.write_credentials(server.host(), "user:wrong");
  const auto refused = get(*open(server.host()));
  ASSERT_EQ(registry_failure_of(refused), RegistryCode::unauthorized);
  EXPECT_THAT(refused.error().message(), HasSubstr("auth.json are refused"));
  EXPECT_EQ(refused.error().hint(), "log in again with: podman login " + server.host());
  EXPECT_THAT(server.requests(), SizeIs(2));
}

TEST_F(RegistrySessionTest, MissingCredentialsGiveAHint) {
  ScriptedHttpServer server([](const Request&, Connection& client) {
    client.answer(401, "", "WWW-Authenticate: Basic realm=\"r\"\r\n");
  });
  const auto refused = get(*open(server.host()));
  ASSERT_EQ(registry_failure_of(refused), RegistryCode::unauthorized);
  EXPECT_EQ(refused.error().hint(), "log in with: podman login " + server.host());
}

TEST_F(RegistrySessionTest, ATokenServerThatRefusesGivesAHint) {
  ScriptedHttpServer tokens([](const Request&, Connection& client) { client.answer(401); });
  ScriptedHttpServer server(
      [&](const Request&, Connection& client) { client.answer(401, "", challenge_of(tokens)); });
  config_.write_credentials(server.host(), "user:wrong");
  const auto refused = get(*open(server.host()));
  ASSERT_EQ(registry_failure_of(refused), RegistryCode::unauthorized);
  EXPECT_THAT(refused.error().message(), Not(HasSubstr("wrong")));
  EXPECT_EQ(refused.error().hint(), "log in again with: podman login " + server.host());
  EXPECT_THAT(tokens.requests(), SizeIs(1));
}

TEST_F(RegistrySessionTest, ATokenServerThatFailsIsAskedAgain) {
  Calls calls;
  ScriptedHttpServer tokens([&](const Request&, Connection& client) {
    switch (calls.next()) {
      case 1:
        client.answer(503);
        break;
      case 2:
        client.reset();
        break;
      case 3:
        client.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{");
        client.close();
        break;
      default:
        client.answer(200, R"({"token": "good"})");
    }
  });
  ScriptedHttpServer server([&](const Request& request, Connection& client) {
    if (request.field("authorization") != "Bearer good")
      client.answer(401, "", challenge_of(tokens));
    else
      client.answer(200, "content");
  });
  EXPECT_EQ(must(get(*open(server.host()))), "content");
}

TEST_F(RegistrySessionTest, NoCredentialsFollowARedirectToAnotherHost) {
  ScriptedHttpServer other([](const Request& request, Connection& client) {
    client.answer(request.field("authorization").empty() ? 200 : 400, "content");
  });
  ScriptedHttpServer server([&](const Request& request, Connection& client) {
    if (request.field("authorization").empty())
      client.answer(401, "", "WWW-Authenticate: Basic realm=\"r\"\r\n");
    else if (request.target == kBlob)
      client.answer(307, "", "Location: /here\r\n");
    else
      client.answer(302, "", "Location: " + other.url("/link") + "\r\n");
  });
  config_.write_credentials(server.host(), "user:a secret");
  EXPECT_EQ(must(get(*open(server.host()))), "content");
  EXPECT_THAT(other.requests(), ElementsAre("GET /link"));
  // The server's own redirect got them.
  EXPECT_THAT(server.requests(), ElementsAre("GET " + kBlob, "GET " + kBlob, "GET /here"));
}

TEST_F(RegistrySessionTest, AnExpiredLinkIsReplacedByANewOne) {
  for (const int status : {400, 403, 404}) {
    ScriptedHttpServer other([&](const Request& request, Connection& client) {
      client.answer(request.target == "/link3" ? 200 : status, "content");
    });
    Calls calls;
    ScriptedHttpServer server([&](const Request&, Connection& client) {
      client.answer(307, "", "Location: " + other.url("/link" + std::to_string(calls.next())) + "\r\n");
    });
    const auto session = open(server.host());
    EXPECT_EQ(must(get(*session)), "content") << status;
    EXPECT_EQ(session->stats().retries, 2u);
    EXPECT_THAT(other.requests(), ElementsAre("GET /link1", "GET /link2", "GET /link3"));
  }
}

TEST_F(RegistrySessionTest, EndlessRedirectsEnd) {
  ScriptedHttpServer server(
      [](const Request&, Connection& client) { client.answer(307, "", "Location: /again\r\n"); });
  EXPECT_EQ(failure_of(get(*open(server.host()))), Errc::io);
  EXPECT_LE(server.requests().size(), 11u);
}

TEST_F(RegistrySessionTest, TheWishOfABusyServerIsRespected) {
  Calls calls;
  ScriptedHttpServer server([&](const Request&, Connection& client) {
    if (calls.next() == 1)
      client.answer(429, "", "Retry-After: 1\r\n");
    else
      client.answer(200, "content");
  });
  options_.retries.timeout = 5s;
  const auto begin = Clock::now();
  EXPECT_EQ(must(get(*open(server.host()))), "content");
  EXPECT_GE(Clock::now() - begin, 1s);
  EXPECT_EQ(calls.count(), 2);
}

TEST_F(RegistrySessionTest, AServerThatFailsIsAskedUntilTheDeadline) {
  ScriptedHttpServer server([](const Request&, Connection& client) { client.answer(503, "<html>"); });
  options_.retries.timeout = 1s;
  const auto begin = Clock::now();
  const auto session = open(server.host());
  const auto failed = get(*session);
  EXPECT_EQ(failure_of(failed), Errc::io);
  EXPECT_THAT(failed.error().message(), HasSubstr("status 503"));
  EXPECT_GE(session->stats().retries, 3u);
  EXPECT_LT(Clock::now() - begin, 20s);
}

TEST_F(RegistrySessionTest, AWaitingSessionIgnoresTheDeadline) {
  Calls calls;
  ScriptedHttpServer server([&](const Request&, Connection& client) {
    if (calls.next() < 6)
      client.reset();
    else
      client.answer(200, "content");
  });
  options_.retries = {.timeout = 0ms, .waits = true, .first_pause = 1ms};
  EXPECT_EQ(must(get(*open(server.host()))), "content");
}

TEST_F(RegistrySessionTest, TheContextEndsTheWaiting) {
  ScriptedHttpServer server([](const Request&, Connection& client) { client.answer(503); });
  options_.retries = {.timeout = 60s, .waits = true, .first_pause = 60s};
  const auto session = open(server.host());
  EXPECT_EQ(failure_of(get(*session, {.stop = {}, .deadline = Clock::now() + 100ms})), Errc::cancelled);
}

TEST_F(RegistrySessionTest, PermanentFailuresAreNotRepeated) {
  for (const auto& [status, code] :
       {std::pair(404, RegistryCode::blob_unknown), std::pair(403, RegistryCode::denied),
        std::pair(405, RegistryCode::unsupported)}) {
    ScriptedHttpServer server([status](const Request& request, Connection& client) {
      client.answer(request.target == "/v2/" ? 200 : status);
    });
    const auto failed =
        open(server.host())->send({.path = "blobs/x", .if_missing = RegistryCode::blob_unknown}, {});
    EXPECT_EQ(registry_failure_of(failed), code);
    EXPECT_THAT(server.requests(), Contains("GET " + kBlob).Times(1));
  }
}

TEST_F(RegistrySessionTest, ADocumentThatBreaksOffIsReadAgain) {
  Calls calls;
  ScriptedHttpServer server([&](const Request&, Connection& client) {
    const int number = calls.next();
    if (number == 3) {
      client.answer(200, "document");
      return;
    }
    client.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\ndocu");
    number == 1 ? client.close() : client.reset();
  });
  const auto session = open(server.host());
  EXPECT_EQ(as_text(must(session->fetch({.path = "manifests/x"}, {})).bytes), "document");
  EXPECT_EQ(session->stats().retries, 2u);
}

TEST_F(RegistrySessionTest, ADocumentWithoutAnEndIsRefused) {
  ScriptedHttpServer server([](const Request&, Connection& client) {
    client.send("HTTP/1.1 200 OK\r\n\r\n");
    while (client.send(std::string(65536, ' '))) {
    }
    client.close();
  });
  EXPECT_EQ(failure_of(open(server.host())->fetch({.path = "manifests/x"}, {})), Errc::unsupported);
  EXPECT_THAT(server.requests(), SizeIs(1));
}

TEST_F(RegistrySessionTest, HttpsIsTriedOnce) {
  ScriptedHttpServer server([](const Request&, Connection& client) { client.answer(200, "content"); });
  const auto session = open(server.host());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(must(get(*session)), "content");
  EXPECT_EQ(server.accepted(), 2);
}

}  // namespace
}  // namespace layoutfs
