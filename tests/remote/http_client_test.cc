#include "core/remote/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <semaphore>
#include <thread>

#include "tests/support/results.h"
#include "tests/support/scripted_http_server.h"

namespace layoutfs {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::failure_of;
using ::testing::HasSubstr;
using testing::must;
using testing::ScriptedHttpServer;
using Request = ScriptedHttpServer::Request;
using Connection = ScriptedHttpServer::Connection;
using Clock = std::chrono::steady_clock;

// The tests must not wait for a failing client for longer than that.
Context in_time() { return {.stop = {}, .deadline = Clock::now() + 30s}; }

std::string letters(std::size_t size) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i * i % 23);
  return text;
}

// Reads the whole body in pieces.
Result<std::string> rest_of(ByteSource& source, std::size_t piece = 100'000) {
  std::string text;
  Bytes buffer(piece);
  while (true) {
    const auto got = source.read(buffer);
    if (!got) return fail(Error(got.error()));
    if (*got == 0) return text;
    text += as_text(ByteView(buffer).first(*got));
  }
}

class HttpClientTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<HttpResponse>> get(const std::string& url, const Context& context = in_time()) {
    return client_.send({.url = url}, {}, context);
  }
  std::string text_at(const std::string& url) {
    auto response = must(get(url));
    return must(rest_of(*response));
  }

  HttpClient client_;
};

TEST_F(HttpClientTest, StatusHeaderAndBodyArrive) {
  ScriptedHttpServer server([](const Request&, Connection& client) {
    client.send(
        "HTTP/1.1 418 Short\r\nContent-Length: 5\r\nLink: <a>\r\nX-Long:  folded\r\n  value \r\nlink: "
        "<b>\r\nEmpty:"
        "\r\n\r\nhello");
  });
  auto response = must(get(server.url("/a?b=c")));
  EXPECT_EQ(response->status(), 418);
  EXPECT_EQ(response->url(), server.url("/a?b=c"));
  EXPECT_EQ(response->field("LINK"), "<a>");
  EXPECT_THAT(response->fields("Link"), ElementsAre("<a>", "<b>"));
  EXPECT_EQ(response->field("x-long"), "folded value");
  EXPECT_EQ(response->field("Empty"), "");
  EXPECT_EQ(response->field("Location"), std::nullopt);
  EXPECT_EQ(must(rest_of(*response)), "hello");
  EXPECT_EQ(must(rest_of(*response)), "");
  EXPECT_THAT(server.requests(), ElementsAre("GET /a?b=c"));
}

TEST_F(HttpClientTest, FieldsOfTheRequestAreSent) {
  std::string header;
  ScriptedHttpServer server([&](const Request& request, Connection& client) {
    header = request.header;
    client.answer(200);
  });
  must(client_.send({.url = server.url(), .fields = {{"Accept", "a/b"}, {"Accept", "c"}, {"Empty", ""}}}, {},
                    in_time()));
  EXPECT_THAT(header, HasSubstr("\r\nAccept: a/b\r\nAccept: c\r\nEmpty:\r\n"));
  EXPECT_THAT(header, HasSubstr("\r\nUser-Agent: layoutfs\r\n"));
  EXPECT_THAT(header, HasSubstr("\r\nAccept-Encoding: identity\r\n"));
}

TEST_F(HttpClientTest, MalformedRequestsAreRefused) {
  const auto sent = [&](HttpRequest request) { return failure_of(client_.send(request, {}, in_time())); };
  EXPECT_EQ(sent({.url = "file:///etc/passwd"}), Errc::invalid_argument);
  EXPECT_EQ(sent({.url = "/relative"}), Errc::invalid_argument);
  EXPECT_EQ(sent({.method = "GET /x HTTP/1.1\r\n", .url = "http://127.0.0.1/"}), Errc::invalid_argument);
  EXPECT_EQ(sent({.url = "http://127.0.0.1/", .fields = {{"A", "b\r\nC: d"}}}), Errc::invalid_argument);
  EXPECT_EQ(sent({.url = "http://127.0.0.1/", .fields = {{"A:", "b"}}}), Errc::invalid_argument);
}

TEST_F(HttpClientTest, LargeBodiesArriveInPieces) {
  const std::string body = letters(5'000'000);
  ScriptedHttpServer server([&](const Request&, Connection& client) { client.answer(200, body); });
  for (const std::size_t piece : {777u, 16'384u, 1'000'000u, 6'000'000u}) {
    auto response = must(get(server.url()));
    EXPECT_TRUE(must(rest_of(*response, piece)) == body) << "pieces of " << piece;
  }
}

TEST_F(HttpClientTest, ChunkedBodiesAndTrailersAreDecoded) {
  ScriptedHttpServer server([&](const Request&, Connection& client) {
    client.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Late\r\n\r\n3\r\nabc\r\n");
    client.send("4\r\ndefg\r\n0\r\nLate: 1\r\n\r\n");
  });
  auto response = must(get(server.url()));
  EXPECT_EQ(must(rest_of(*response)), "abcdefg");
  EXPECT_EQ(response->field("Late"), std::nullopt);
}

TEST_F(HttpClientTest, BytesAreReturnedBeforeTheNextOnesArrive) {
  std::binary_semaphore is_read(0);
  ScriptedHttpServer server([&](const Request&, Connection& client) {
    client.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n");
    client.send("abc");
    is_read.acquire();
    client.send("def");
  });
  auto response = must(get(server.url()));
  Bytes buffer(100);
  EXPECT_EQ(must(response->read(buffer)), 3u);
  is_read.release();
  EXPECT_EQ(must(response->read(buffer)), 3u);
  EXPECT_EQ(must(response->read(buffer)), 0u);
}

TEST_F(HttpClientTest, AServerCannotSendFarAheadOfTheReader) {
  constexpr std::size_t kSize = 64'000'000;
  std::atomic<std::size_t> sent = 0;
  ScriptedHttpServer server([&](const Request&, Connection& client) {
    const int buffer = 64 * 1024;
    ::setsockopt(client.fd(), SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    client.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kSize) + "\r\n\r\n");
    const std::string piece(10'000, 'x');
    while (sent < kSize && client.send(piece)) sent += piece.size();
  });
  auto response = must(get(server.url()));
  Bytes buffer(1000);
  for (int i = 0; i < 10; ++i) must(response->read(buffer));
  std::size_t before = 1;
  while (before != sent) {
    before = sent;
    std::this_thread::sleep_for(200ms);
    must(response->read(buffer));
  }
  // Most of it is in the buffers of the kernel (tcp_rmem).
  EXPECT_LT(before, 16'000'000u);
  EXPECT_EQ(must(rest_of(*response)).size() % 1000, 0u);
  EXPECT_EQ(sent, kSize);
}

TEST_F(HttpClientTest, InformationalResponsesAreSkipped) {
  ScriptedHttpServer server([](const Request&, Connection& client) {
    client.send("HTTP/1.1 103 Early Hints\r\nLink: <early>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
    client.answer(200, "late");
  });
  auto response = must(get(server.url()));
  EXPECT_EQ(response->status(), 200);
  EXPECT_EQ(response->field("Link"), std::nullopt);
  EXPECT_EQ(must(rest_of(*response)), "late");
}

TEST_F(HttpClientTest, RedirectsAreNotFollowed) {
  ScriptedHttpServer server(
      [](const Request&, Connection& client) { client.answer(307, "moved", "Location: /b\r\n"); });
  auto response = must(get(server.url("/a")));
  EXPECT_EQ(response->status(), 307);
  EXPECT_EQ(response->field("Location"), "/b");
  EXPECT_EQ(must(rest_of(*response)), "moved");
  EXPECT_THAT(server.requests(), ElementsAre("GET /a"));
}

TEST_F(HttpClientTest, HeadHasNoBody) {
  ScriptedHttpServer server([](const Request& request, Connection& client) {
    EXPECT_EQ(request.method, "HEAD");
    client.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
  });
  for (int i = 0; i < 2; ++i) {
    auto response = must(client_.send({.method = "HEAD", .url = server.url()}, {}, in_time()));
    EXPECT_EQ(response->field("content-length"), "1000000");
    EXPECT_EQ(must(rest_of(*response)), "");
  }
  EXPECT_EQ(server.accepted(), 1);
}

TEST_F(HttpClientTest, ConnectionsAreReused) {
  ScriptedHttpServer server([](const Request&, Connection& client) { client.answer(200, "text"); });
  for (int i = 0; i < 5; ++i) EXPECT_EQ(text_at(server.url()), "text");
  for (int i = 0; i < 5; ++i) must(get(server.url()));  // the body is not read
  EXPECT_EQ(server.accepted(), 1);
}

TEST_F(HttpClientTest, ResponsesThatEndEarlyDoNotHarmLaterOnes) {
  const std::string body = letters(3'000'000);
  ScriptedHttpServer server([&](const Request&, Connection& client) { client.answer(200, body); });
  for (int i = 0; i < 3; ++i) {
    auto response = must(get(server.url()));
    Bytes buffer(10);
    EXPECT_EQ(must(response->read(buffer)), 10u);
  }
  EXPECT_TRUE(text_at(server.url()) == body);
}

TEST_F(HttpClientTest, ResponsesMayOutliveTheClient) {
  ScriptedHttpServer server([](const Request&, Connection& client) { client.answer(200, letters(500'000)); });
  std::unique_ptr<HttpResponse> response;
  {
    HttpClient client;
    response = must(client.send({.url = server.url()}, {}, in_time()));
  }
  EXPECT_EQ(must(rest_of(*response)).size(), 500'000u);
}

TEST_F(HttpClientTest, ThreadsShareAClient) {
  ScriptedHttpServer server([](const Request& request, Connection& client) {
    client.answer(200, request.target + letters(100'000));
  });
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 12; ++thread)
      threads.emplace_back([&, thread] {
        for (int i = 0; i < 20; ++i) {
          const std::string target = "/" + std::to_string(thread) + "/" + std::to_string(i);
          if (text_at(server.url(target)) == target + letters(100'000)) ++good;
        }
      });
  }
  EXPECT_EQ(good, 12 * 20);
  EXPECT_LT(server.accepted(), 12 * 20 / 2);
}

// Uploads.

TEST_F(HttpClientTest, BodiesAreSent) {
  std::string received;
  ScriptedHttpServer server([&](const Request& request, Connection& client) {
    received = client.body_of(request);
    client.answer(201);
  });
  for (const std::size_t size : {0u, 1u, 100'000u, 1'000'000u}) {
    const std::string content = letters(size);
    MemorySource body(as_bytes(content));
    auto response = must(client_.send(
        {.method = "PATCH", .url = server.url(), .body = &body, .body_size = size}, {}, in_time()));
    EXPECT_EQ(response->status(), 201);
    EXPECT_TRUE(received == content) << size;
  }
  EXPECT_EQ(server.accepted(), 1);
  EXPECT_EQ(server.requests().back(), "PATCH /");
}

TEST_F(HttpClientTest, RequestsWithoutABodySayIt) {
  std::string size;
  ScriptedHttpServer server([&](const Request& request, Connection& client) {
    size = request.field("content-length");
    client.answer(202);
  });
  EXPECT_EQ(must(client_.send({.method = "POST", .url = server.url()}, {}, in_time()))->status(), 202);
  EXPECT_EQ(size, "0");
  EXPECT_EQ(must(client_.send({.method = "DELETE", .url = server.url()}, {}, in_time()))->status(), 202);
  EXPECT_EQ(size, "");
}

TEST_F(HttpClientTest, LargeBodiesWaitForTheServersConsent) {
  const std::string content = letters(3'000'000);
  ScriptedHttpServer server([&](const Request& request, Connection& client) {
    EXPECT_EQ(request.field("expect"), "100-continue");
    client.send("HTTP/1.1 100 Continue\r\n\r\n");
    client.answer(201, client.body_of(request) == content ? "same" : "other");
  });
  MemorySource body(as_bytes(content));
  auto response = must(client_.send(
      {.method = "PUT", .url = server.url(), .body = &body, .body_size = content.size()}, {}, in_time()));
  EXPECT_EQ(must(rest_of(*response)), "same");
}

TEST_F(HttpClientTest, ARefusedExpectationIsDropped) {
  const std::string content = letters(3'000'000);
  ScriptedHttpServer server([&](const Request& request, Connection& client) {
    if (!request.field("expect").empty())
      client.answer(417, "no");
    else
      client.answer(201, client.body_of(request) == content ? "same" : "other");
  });
  MemorySource body(as_bytes(content));
  auto response = must(client_.send(
      {.method = "PUT", .url = server.url(), .body = &body, .body_size = content.size()}, {}, in_time()));
  EXPECT_EQ(response->status(), 201);
  EXPECT_EQ(must(rest_of(*response)), "same");
}

TEST_F(HttpClientTest, AnAnswerBeforeTheEndOfTheBodyIsTheResponse) {
  ScriptedHttpServer server([&](const Request& request, Connection& client) {
    if (request.target != "/at-once") {
      if (!request.field("expect").empty()) client.send("HTTP/1.1 100 Continue\r\n\r\n");
      client.receive(1000);
    }
    client.answer(401, "who are you", "WWW-Authenticate: Basic\r\nConnection: close\r\n");
    client.wait_until_closed();
    client.close();
  });
  for (const std::string target : {"/at-once", "/later"})
    for (const std::size_t size : {900'000u, 8'000'000u}) {
      const std::string content = letters(size);
      MemorySource body(as_bytes(content));
      auto response = must(client_.send(
          {.method = "PUT", .url = server.url(target), .body = &body, .body_size = size}, {}, in_time()));
      EXPECT_EQ(response->status(), 401);
      EXPECT_EQ(response->field("www-authenticate"), "Basic");
      EXPECT_EQ(must(rest_of(*response)), "who are you");
    }
}

class FailingSource final : public ByteSource {
 public:
  explicit FailingSource(std::size_t good) : good_(good) {}
  Result<std::size_t> read(std::span<std::byte> out) override {
    if (good_ == 0) return fail(Errc::corrupt, "the disk is old");
    const auto size = std::min(good_, out.size());
    good_ -= size;
    return size;
  }

 private:
  std::size_t good_;
};

TEST_F(HttpClientTest, ErrorsOfTheBodyAreReturned) {
  ScriptedHttpServer server([&](const Request&, Connection& client) { client.wait_until_closed(); });
  for (const std::size_t good : {0u, 500'000u}) {
    FailingSource body(good);
    const auto sent = client_.send(
        {.method = "PUT", .url = server.url(), .body = &body, .body_size = 1'000'000}, {}, in_time());
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code(), Errc::corrupt);
    EXPECT_EQ(sent.error().message(), "the disk is old");
  }
}

TEST_F(HttpClientTest, BodiesThatAreTooShortAreAnError) {
  ScriptedHttpServer server([&](const Request&, Connection& client) { client.wait_until_closed(); });
  MemorySource body(as_bytes("abc"));
  const auto sent =
      client_.send({.method = "PUT", .url = server.url(), .body = &body, .body_size = 4}, {}, in_time());
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code(), Errc::unexpected_eof);
  EXPECT_FALSE(is_transient(sent.error()));
}

// Failures.

TEST_F(HttpClientTest, ResetsAreTransient) {
  ScriptedHttpServer server([](const Request& request, Connection& client) {
    if (request.target == "/body") client.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
    if (request.target == "/body") std::this_thread::sleep_for(100ms);
    client.reset();
  });
  const auto before = get(server.url("/header"));
  ASSERT_FALSE(before);
  EXPECT_EQ(network_code(before.error()), NetworkCode::interrupted) << before.error().message();
  EXPECT_TRUE(is_transient(before.error()));
  EXPECT_THAT(before.error().message(), ::testing::StartsWith(server.host() + ": "));

  auto response = must(get(server.url("/body")));
  Bytes buffer(100);
  EXPECT_EQ(must(response->read(buffer)), 3u);
  for (int i = 0; i < 2; ++i) {
    const auto after = response->read(buffer);
    ASSERT_FALSE(after);
    EXPECT_EQ(after.error().code(), Errc::io);
    EXPECT_TRUE(is_transient(after.error())) << after.error().message();
  }
}

TEST_F(HttpClientTest, TruncatedBodiesAreAnUnexpectedEnd) {
  ScriptedHttpServer server([](const Request& request, Connection& client) {
    client.send(request.target == "/length"
                    ? "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"
                    : "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc");
    client.close();
  });
  for (const std::string target : {"/length", "/chunk"}) {
    auto response = must(get(server.url(target)));
    Bytes buffer(100);
    EXPECT_EQ(must(response->read(buffer)), 3u);
    const auto after = response->read(buffer);
    ASSERT_FALSE(after);
    EXPECT_EQ(after.error().code(), Errc::unexpected_eof);
    EXPECT_TRUE(is_transient(after.error())) << after.error().message();
  }
}

TEST_F(HttpClientTest, ServersThatAreNotThereAreUnreachable) {
  std::string url;
  {
    ScriptedHttpServer server([](const Request&, Connection&) {});
    url = server.url();
  }
  const auto refused = get(url);
  ASSERT_FALSE(refused);
  EXPECT_EQ(network_code(refused.error()), NetworkCode::unreachable);
  EXPECT_TRUE(is_transient(refused.error()));
  EXPECT_THAT(refused.error().message(), ::testing::EndsWith(": connection refused"));
}

TEST_F(HttpClientTest, UnknownHostsAreNotTransient) {
  const auto unknown = get("http://nonexistent.invalid:81/a");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(network_code(unknown.error()), NetworkCode::unknown_host);
  EXPECT_FALSE(is_transient(unknown.error()));
  EXPECT_EQ(unknown.error().message(), "nonexistent.invalid:81: unknown host");
}

TEST_F(HttpClientTest, PlainServersAreNotTls) {
  ScriptedHttpServer plain([](const Request&, Connection& client) { client.answer(200); });
  const auto sent = get("https://" + plain.host() + "/");
  ASSERT_FALSE(sent);
  EXPECT_EQ(network_code(sent.error()), NetworkCode::not_tls) << sent.error().message();
  EXPECT_EQ(sent.error().message(), plain.host() + ": the server speaks HTTP, not HTTPS");
}

TEST_F(HttpClientTest, OtherProtocolsAreMalformed) {
  ScriptedHttpServer server([](const Request& request, Connection& client) {
    client.send(request.target == "/ssh" ? "SSH-2.0-OpenSSH\r\n" : "HTTP/1.1 abc\r\n\r\n");
    client.close();
  });
  for (const std::string target : {"/ssh", "/status"}) {
    const auto sent = get(server.url(target));
    ASSERT_FALSE(sent) << target;
    EXPECT_EQ(network_code(sent.error()), NetworkCode::malformed) << sent.error().message();
    EXPECT_FALSE(is_transient(sent.error()));
  }
}

TEST_F(HttpClientTest, EndlessHeadersAreMalformed) {
  ScriptedHttpServer server([](const Request& request, Connection& client) {
    if (request.target == "/fields") {
      client.send("HTTP/1.1 200 OK\r\n");
      while (client.send("X: " + letters(1000) + "\r\n")) {
      }
    } else {
      while (client.send("HTTP/1.1 103 Early Hints\r\n\r\n")) {
      }
    }
  });
  for (const std::string target : {"/fields", "/informational"}) {
    const auto sent = get(server.url(target));
    ASSERT_FALSE(sent);
    EXPECT_EQ(network_code(sent.error()), NetworkCode::malformed) << sent.error().message();
    EXPECT_THAT(sent.error().message(), HasSubstr("too large"));
  }
}

// Ends of waiting.

TEST_F(HttpClientTest, AStopRequestEndsTheWaitAtOnce) {
  ScriptedHttpServer server([](const Request& request, Connection& client) {
    if (request.target == "/body") client.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
    client.wait_until_closed();
    client.close();
  });
  for (const std::string target : {"/header", "/body"}) {
    std::stop_source stop;
    const auto begin = Clock::now();
    std::jthread stopper([&] {
      std::this_thread::sleep_for(200ms);
      stop.request_stop();
    });
    auto response = get(server.url(target), {.stop = stop.get_token(), .deadline = {}});
    if (target == "/body") {
      ASSERT_TRUE(response);
      EXPECT_EQ(failure_of(rest_of(**response)), Errc::cancelled);
    } else {
      EXPECT_EQ(failure_of(response), Errc::cancelled);
    }
    EXPECT_GE(Clock::now() - begin, 150ms);
    EXPECT_LT(Clock::now() - begin, 10s);
  }
}

TEST_F(HttpClientTest, ADeadlineEndsTheWait) {
  ScriptedHttpServer server([](const Request& request, Connection& client) {
    if (request.target == "/body") client.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
    client.wait_until_closed();
    client.close();
  });
  for (const std::string target : {"/header", "/body"}) {
    const auto begin = Clock::now();
    auto response = get(server.url(target), {.stop = {}, .deadline = begin + 200ms});
    if (target == "/body") {
      ASSERT_TRUE(response);
      EXPECT_EQ(failure_of(rest_of(**response)), Errc::cancelled);
    } else {
      EXPECT_EQ(failure_of(response), Errc::cancelled);
    }
    EXPECT_GE(Clock::now() - begin, 200ms);
    EXPECT_LT(Clock::now() - begin, 10s);
  }
}

TEST_F(HttpClientTest, AnIdleServerIsAnInterruption) {
  ScriptedHttpServer server([](const Request& request, Connection& client) {
    if (request.target == "/drip") {
      client.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
      for (int i = 0; i < 10; ++i) {
        std::this_thread::sleep_for(150ms);
        client.send("x");
      }
      return;
    }
    if (request.target == "/body") client.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
    client.wait_until_closed();
    client.close();
  });
  HttpClient impatient({.idle_timeout = 300ms});
  for (const std::string target : {"/header", "/body"}) {
    auto response = impatient.send({.url = server.url(target)}, {}, in_time());
    ASSERT_EQ(response.has_value(), target == "/body");
    const Error error = response ? rest_of(**response).error() : response.error();
    EXPECT_EQ(network_code(error), NetworkCode::interrupted) << error.message();
    EXPECT_TRUE(is_transient(error));
  }
  // It takes longer, but is never idle for so long; and the reader's own pauses do not count.
  HttpClient less_impatient({.idle_timeout = 1200ms});
  auto response = must(less_impatient.send({.url = server.url("/drip")}, {}, in_time()));
  std::this_thread::sleep_for(1300ms);
  EXPECT_EQ(must(rest_of(*response)), "xxxxxxxxxx");
}

TEST_F(HttpClientTest, AServerThatReceivesSlowlyIsNotIdle) {
  const std::string content = letters(1'000'000);
  ScriptedHttpServer server([&](const Request&, Connection& client) {
    const int buffer = 64 * 1024;
    ::setsockopt(client.fd(), SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    std::string received;
    while (received.size() < content.size()) {
      std::this_thread::sleep_for(150ms);
      received += client.receive(std::min<std::size_t>(100'000, content.size() - received.size()));
    }
    client.answer(201);
  });
  // All of the body is in the kernel's buffers long before the server has it.
  HttpClient impatient({.idle_timeout = 1200ms});
  MemorySource body(as_bytes(content));
  const auto sent = impatient.send(
      {.method = "PUT", .url = server.url(), .body = &body, .body_size = content.size()}, {}, in_time());
  ASSERT_TRUE(sent) << sent.error().message();
  EXPECT_EQ((*sent)->status(), 201);
}

}  // namespace
}  // namespace layoutfs
