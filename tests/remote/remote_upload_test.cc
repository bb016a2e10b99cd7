#include "core/remote/remote_upload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/support/remote_options.h"
#include "tests/support/results.h"
#include "tests/support/scripted_http_server.h"

namespace layoutfs {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using testing::failure_of;
using testing::must;
using testing::registry_failure_of;
using testing::RemoteConfig;
using testing::ScriptedHttpServer;
using Request = ScriptedHttpServer::Request;
using Connection = ScriptedHttpServer::Connection;

// A registry that keeps the bytes of an upload also if it is interrupted, as real ones do.
class UploadServer {
 public:
  struct State {
    std::string upload, blob;
    bool is_open = false;
    int uploads = 0;
    std::vector<std::string> ranges;  // Content-Range of all pieces
    std::vector<std::size_t> breaks;  // the next bodies are reset behind this number of bytes
    bool loses_answer = false;        // to the next PUT
  };
  Guarded<State> state;

  const ScriptedHttpServer& http() const { return server_; }

 private:
  void answer(const Request& request, Connection& client) {
    if (!request.field("expect").empty()) client.send("HTTP/1.1 100 Continue\r\n\r\n");
    auto locked = state.lock();
    State& now = *locked;
    const std::string place = "Location: /upload/" + std::to_string(now.uploads) + "\r\n";
    if (request.method == "HEAD") {
      client.send(now.blob.empty() ? "HTTP/1.1 404 No\r\n\r\n" : "HTTP/1.1 200 OK\r\n\r\n");
      client.close();
    } else if (request.method == "POST") {
      now.upload.clear();
      now.is_open = true;
      client.answer(202, "", "Location: /upload/" + std::to_string(++now.uploads) + "\r\n");
    } else if (request.target == "/v2/") {
      client.answer(200);
    } else if (!now.is_open) {
      client.body_of(request);
      client.answer(404);
    } else if (request.method == "GET") {
      const std::string last = std::to_string(now.upload.empty() ? 0 : now.upload.size() - 1);
      client.answer(204, "", place + "Range: 0-" + last + "\r\n");
    } else {
      receive(now, request, client, place);
    }
  }

  static void receive(State& now, const Request& request, Connection& client, const std::string& place) {
    const std::string range = request.field("content-range");
    if (!range.empty()) now.ranges.push_back(range);
    if (!range.empty() && std::stoull(range) != now.upload.size()) {
      client.body_of(request);
      client.answer(416, "", place);
      return;
    }
    if (request.method == "PATCH" || request.field("content-length") != "0") {
      if (!now.breaks.empty()) {
        now.upload += client.receive(now.breaks.front());
        now.breaks.erase(now.breaks.begin());
        client.reset();
        return;
      }
    }
    now.upload += client.body_of(request);
    if (request.method == "PATCH") {
      client.answer(202, "", place);
      return;
    }
    if (!request.target.ends_with("digest=sha256%3A" + Digest::of(as_bytes(now.upload)).hex())) {
      client.answer(400, R"({"errors": [{"code": "DIGEST_INVALID"}]})");
      return;
    }
    now.blob = now.upload;
    now.is_open = false;
    if (now.loses_answer)
      client.reset();
    else
      client.answer(201);
  }

  ScriptedHttpServer server_{[this](const Request& request, Connection& client) { answer(request, client); }};
};

std::string content_of(std::size_t size) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i * i % 23);
  return text;
}

class RemoteUploadTest : public ::testing::Test {
 protected:
  std::unique_ptr<BlobWriter> open(const std::string& id = "", std::int64_t offset = -1) {
    return must(try_to_open(id, offset));
  }
  Result<std::unique_ptr<BlobWriter>> try_to_open(const std::string& id, std::int64_t offset) {
    RemoteOptions options = config_.options();
    options.retries.timeout = std::chrono::seconds(20);
    auto session = must(RegistrySession::open(std::make_shared<RemoteAccess>(std::move(options)),
                                              server_.http().host(), "app"));
    return open_remote_upload(std::move(session), id, offset, kDefaultChunkSize);
  }
  // Pushes all of `content`.
  Result<Descriptor> push(std::string_view content) {
    const auto writer = open();
    if (auto written = writer->write(as_bytes(content)); !written) return fail(std::move(written).error());
    return writer->commit(Digest::of(as_bytes(content)), {});
  }
  std::string stored() { return server_.state.lock()->blob; }

  RemoteConfig config_;
  UploadServer server_;
};

constexpr std::size_t kLarge = 2 * kSmallestPiece + 12'345;

TEST_F(RemoteUploadTest, ABlobIsSentInPieces) {
  const std::string content = content_of(kLarge);
  EXPECT_EQ(must(push(content)).size, kLarge);
  EXPECT_TRUE(stored() == content);
  EXPECT_THAT(server_.state.lock()->ranges,
              ElementsAre("0-8388607", "8388608-16777215", "16777216-16789560"));
}

TEST_F(RemoteUploadTest, AShortBlobNeedsOnePiece) {
  EXPECT_EQ(must(push("short")).size, 5u);
  EXPECT_EQ(stored(), "short");
  EXPECT_THAT(server_.state.lock()->ranges, ElementsAre());
}

TEST_F(RemoteUploadTest, APieceIsContinuedAfterResets) {
  const std::string content = content_of(kLarge);
  server_.state.lock()->breaks = {1'000'000, 2'000'000, 3'000'000};
  EXPECT_EQ(must(push(content)).size, kLarge);
  EXPECT_TRUE(stored() == content);
  const auto ranges = server_.state.lock()->ranges;
  EXPECT_THAT(ranges, Contains("1000000-8388607"));
  EXPECT_THAT(ranges, Contains("6000000-8388607"));
}

TEST_F(RemoteUploadTest, AShortBlobIsSentAgainAfterAReset) {
  // The registry keeps the first bytes, and appends the next attempt to them.
  server_.state.lock()->breaks = {2};
  EXPECT_EQ(must(push("short")).size, 5u);
  EXPECT_EQ(stored(), "short");
  EXPECT_EQ(server_.state.lock()->uploads, 2);
}

TEST_F(RemoteUploadTest, TheAnswerToTheLastRequestMayBeLost) {
  server_.state.lock()->loses_answer = true;
  EXPECT_EQ(must(push("short")).size, 5u);
  EXPECT_EQ(stored(), "short");
}

TEST_F(RemoteUploadTest, AnUploadIsResumedByItsLocation) {
  const std::string content = content_of(1'000'000);
  const auto first = open();
  must(first->write(as_bytes(content).first(400'000)));
  must(first->close());
  const std::string id = first->id();
  EXPECT_EQ(registry_failure_of(try_to_open(id, 399'999)), RegistryCode::range_invalid);
  const auto second = open(id, 400'000);
  EXPECT_EQ(second->size(), 400'000u);
  must(second->write(as_bytes(content).subspan(400'000)));
  EXPECT_EQ(must(second->commit(Digest::of(as_bytes(content)), {})).size, content.size());
  EXPECT_TRUE(stored() == content);
}

TEST_F(RemoteUploadTest, AnotherContentIsNotSent) {
  const auto writer = open();
  must(writer->write(as_bytes("content")));
  EXPECT_EQ(failure_of(writer->commit(Digest::of(as_bytes("another")), {})), Errc::digest_invalid);
  EXPECT_EQ(stored(), "");
}

TEST_F(RemoteUploadTest, AnotherWriterIsNoticed) {
  const auto writer = open();
  must(writer->write(as_bytes(content_of(kSmallestPiece))));
  server_.state.lock()->upload += content_of(kSmallestPiece + 1);
  must(writer->write(as_bytes(content_of(kSmallestPiece - 100))));
  EXPECT_EQ(registry_failure_of(writer->write(as_bytes(content_of(100)))), RegistryCode::range_invalid);
}

}  // namespace
}  // namespace layoutfs
