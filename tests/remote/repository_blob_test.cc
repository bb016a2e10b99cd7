#include "core/remote/repository_blob.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <functional>
#include <thread>

#include "core/remote/response_text.h"
#include "tests/support/remote_options.h"
#include "tests/support/results.h"
#include "tests/support/scripted_http_server.h"

namespace layoutfs {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using testing::failure_of;
using ::testing::HasSubstr;
using testing::must;
using testing::registry_failure_of;
using testing::RemoteConfig;
using testing::ScriptedHttpServer;
using ::testing::SizeIs;
using Request = ScriptedHttpServer::Request;
using Connection = ScriptedHttpServer::Connection;

const std::string kContent = [] {
  std::string text(300'000, ' ');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i * i % 23);
  return text;
}();

// A server of one blob. Its script may answer requests wrongly; those that it leaves are answered rightly.
class BlobServer {
 public:
  // Gets the number of the request, from 1. Returns whether it has answered.
  using Fault = std::function<bool(int number, const Request&, Connection&)>;

  explicit BlobServer(Fault fault)
      : fault_(std::move(fault)), server_([this](const Request& request, Connection& client) {
          ranges_.lock()->push_back(request.field("range"));
          if (!fault_(++count_, request, client)) answer(request, client);
        }) {}

  static void answer(const Request& request, Connection& client) {
    const std::string range = request.field("range");
    if (range.empty()) {
      client.answer(200, kContent);
      return;
    }
    const auto dash = range.find('-');
    const std::size_t first = std::stoul(range.substr(6, dash - 6));
    const std::size_t last =
        dash + 1 == range.size() ? kContent.size() - 1 : std::stoul(range.substr(dash + 1));
    answer_range(first, last, client);
  }
  static void answer_range(std::size_t first, std::size_t last, Connection& client) {
    client.answer(206, std::string_view(kContent).substr(first, last - first + 1),
                  "Content-Range: bytes " + std::to_string(first) + "-" + std::to_string(last) + "/" +
                      std::to_string(kContent.size()) + "\r\n");
  }

  ScriptedHttpServer& http() { return server_; }
  // Returns the Range fields of all requests.
  std::vector<std::string> ranges() { return *ranges_.lock(); }

 private:
  const Fault fault_;
  std::atomic<int> count_ = 0;
  Guarded<std::vector<std::string>> ranges_;
  ScriptedHttpServer server_;  // ends first
};

bool no_fault(int, const Request&, Connection&) { return false; }

class RepositoryBlobTest : public ::testing::Test {
 protected:
  RepositoryBlobTest() : options_(config_.options()) {}

  Result<std::string> read(BlobServer& server, std::uint64_t offset, std::uint64_t size,
                           std::uint64_t stated = kContent.size()) {
    session_ =
        must(RegistrySession::open(std::make_shared<RemoteAccess>(options_), server.http().host(), "app"));
    const RepositoryBlob blob(session_, Digest::of(as_bytes(kContent)), stated);
    const auto opened = blob.open(offset, size, {});
    if (!opened) return fail(Error(opened.error()));
    opened_at_ = opened->offset;
    const auto bytes = read_all(*opened->content);
    if (!bytes) return fail(Error(bytes.error()));
    EXPECT_EQ(bytes->size(), opened->size);
    EXPECT_LE(opened_at_, offset);
    return std::string(as_text(*bytes)).substr(offset - opened_at_, size);
  }

  RemoteConfig config_;
  RemoteOptions options_;
  std::shared_ptr<RegistrySession> session_;
  std::uint64_t opened_at_ = 0;  // of the last read
};

TEST_F(RepositoryBlobTest, RangesAndTheWholeBlobArrive) {
  BlobServer server(no_fault);
  EXPECT_EQ(must(read(server, 0, kContent.size())), kContent);
  EXPECT_EQ(must(read(server, 100, 50)), kContent.substr(100, 50));
  EXPECT_EQ(must(read(server, kContent.size() - 1, 1)), kContent.substr(kContent.size() - 1));
  EXPECT_EQ(must(read(server, 100, 0)), "");
  EXPECT_THAT(server.ranges(), ElementsAre("", "bytes=100-149", "bytes=299999-299999"));
}

TEST_F(RepositoryBlobTest, RangesBehindTheEndAreRefused) {
  BlobServer server(no_fault);
  EXPECT_EQ(failure_of(read(server, 100, kContent.size() - 99)), Errc::unexpected_eof);
  EXPECT_EQ(failure_of(read(server, ~std::uint64_t{0}, 2)), Errc::unexpected_eof);
  EXPECT_THAT(server.ranges(), SizeIs(0));
}

TEST_F(RepositoryBlobTest, TheRestIsAskedForAfterABreak) {
  for (const bool is_reset : {false, true}) {
    std::atomic<int> sent = 0;
    BlobServer server([&](int number, const Request&, Connection& client) {
      if (number > 2) return false;
      // The second response begins at the first break.
      const auto body = std::string_view(kContent).substr(number == 1 ? 0 : 100'000);
      const std::string range = "Content-Range: bytes 100000-299999/300000\r\n";
      client.send("HTTP/1.1 " + std::string(number == 1 ? "200 OK\r\n" : "206 Part\r\n" + range) +
                  "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n");
      client.send(body.substr(0, 100'000));
      sent += 100'000;
      // A reset drops the bytes that the client has not read.
      if (is_reset && number == 2)
        client.reset();
      else
        client.close();
      return true;
    });
    EXPECT_EQ(must(read(server, 0, kContent.size())), kContent);
    const auto ranges = server.ranges();
    ASSERT_THAT(ranges, SizeIs(3));
    EXPECT_EQ(ranges[1], "bytes=100000-299999");
    if (!is_reset) {
      EXPECT_EQ(ranges[2], "bytes=200000-299999");
    }
    EXPECT_EQ(session_->stats().retries, 2u);
  }
}

TEST_F(RepositoryBlobTest, ProgressRenewsTheDeadline) {
  BlobServer server([&](int, const Request& request, Connection& client) {
    const std::string range = request.field("range");
    const std::size_t first = range.empty() ? 0 : std::stoul(range.substr(6));
    const std::string field = "Content-Range: bytes " + std::to_string(first) + "-299999/300000\r\n";
    client.send("HTTP/1.1 " + std::string(range.empty() ? "200 OK\r\n" : "206 Part\r\n" + field) +
                "Content-Length: " + std::to_string(kContent.size() - first) + "\r\n\r\n" +
                kContent.substr(first, 10'000));
    std::this_thread::sleep_for(std::chrono::milliseconds(40));
    client.close();
    return true;
  });
  // All pauses together are longer.
  options_.retries.timeout = std::chrono::milliseconds(1100);
  EXPECT_EQ(must(read(server, 0, kContent.size())), kContent);
  EXPECT_THAT(server.ranges(), SizeIs(30));
}

TEST_F(RepositoryBlobTest, APauseOfTheReaderIsNoFailure) {
  BlobServer server([](int number, const Request&, Connection& client) {
    if (number > 1) return false;
    client.send("HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + kContent.substr(0, 1000));
    client.close();
    return true;
  });
  options_.retries.timeout = std::chrono::milliseconds(50);
  session_ =
      must(RegistrySession::open(std::make_shared<RemoteAccess>(options_), server.http().host(), "app"));
  const RepositoryBlob blob(session_, Digest::of(as_bytes(kContent)), kContent.size());
  const auto body = must(blob.open(0, kContent.size(), {}));
  Bytes begin(1000);
  ASSERT_EQ(must(body.content->read(begin)), begin.size());
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(as_text(must(read_all(*body.content))), kContent.substr(1000));
}

TEST_F(RepositoryBlobTest, AnotherRangeThanAskedForIsNotUsed) {
  BlobServer server([](int number, const Request&, Connection& client) {
    if (number == 1) BlobServer::answer_range(150'000, 199'999, client);
    if (number == 2) BlobServer::answer_range(0, 49'999, client);
    if (number == 3) client.answer(206, kContent.substr(0, 50'000));  // without Content-Range
    if (number == 4) client.answer(206, kContent.substr(0, 50'000), "Content-Range: bytes x\r\n");
    return number <= 4;
  });
  EXPECT_EQ(must(read(server, 100'000, 50'000)), kContent.substr(100'000, 50'000));
  EXPECT_THAT(server.ranges(), SizeIs(5));
}

TEST_F(RepositoryBlobTest, AShorterRangeIsContinued) {
  BlobServer server([](int number, const Request&, Connection& client) {
    if (number == 1) BlobServer::answer_range(100'000, 119'999, client);
    return number == 1;
  });
  EXPECT_EQ(must(read(server, 100'000, 50'000)), kContent.substr(100'000, 50'000));
  EXPECT_THAT(server.ranges(), ElementsAre("bytes=100000-149999", "bytes=120000-149999"));
}

TEST_F(RepositoryBlobTest, ALongerRangeIsCutOff) {
  BlobServer server([](int, const Request&, Connection& client) {
    BlobServer::answer_range(100'000, 299'999, client);
    return true;
  });
  EXPECT_EQ(must(read(server, 100'000, 50'000)), kContent.substr(100'000, 50'000));
}

TEST_F(RepositoryBlobTest, TheWholeBlobForARangeIsReturned) {
  BlobServer server([](int, const Request&, Connection& client) {
    client.answer(200, kContent);
    return true;
  });
  EXPECT_EQ(must(read(server, 200'000, 1000)), kContent.substr(200'000, 1000));
  EXPECT_EQ(opened_at_, 0u);
  EXPECT_THAT(server.ranges(), SizeIs(1));
}

TEST_F(RepositoryBlobTest, TheWholeBlobAfterABreakIsSkippedToIt) {
  BlobServer server([](int number, const Request&, Connection& client) {
    if (number > 1) {
      client.answer(200, kContent);
      return true;
    }
    client.send(
        "HTTP/1.1 206 Part\r\nContent-Range: bytes 200000-200999/300000\r\nContent-Length: 1000\r\n\r\n" +
        kContent.substr(200'000, 400));
    client.close();
    return true;
  });
  EXPECT_EQ(must(read(server, 200'000, 1000)), kContent.substr(200'000, 1000));
  EXPECT_EQ(opened_at_, 200'000u);
}

TEST_F(RepositoryBlobTest, AWholeBlobThatBreaksIsContinued) {
  BlobServer server([](int number, const Request&, Connection& client) {
    if (number > 1) return false;
    client.send("HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + kContent.substr(0, 150'000));
    client.close();
    return true;
  });
  EXPECT_EQ(must(read(server, 200'000, 1000)), kContent.substr(200'000, 1000));
}

TEST_F(RepositoryBlobTest, HostsThatRefuseSmallRangesAreAskedForMore) {
  BlobServer server([](int, const Request& request, Connection& client) {
    const std::string range = request.field("range");
    if (range.empty() || range.ends_with("-")) return false;
    client.answer(416, "", "Content-Range: bytes */300000\r\n");
    return true;
  });
  EXPECT_EQ(must(read(server, 1000, 10)), kContent.substr(1000, 10));
  EXPECT_THAT(server.ranges(), ElementsAre("bytes=1000-1009", "bytes=1000-1009", "bytes=1000-"));
}

TEST_F(RepositoryBlobTest, HostsOfLinksThatRefuseAllRangesSendTheWhole) {
  ScriptedHttpServer other([](const Request& request, Connection& client) {
    if (request.field("range").empty())
      client.answer(200, kContent);
    else
      client.answer(403);
  });
  BlobServer server([&](int, const Request&, Connection& client) {
    client.answer(307, "", "Location: " + other.url("/link") + "\r\n");
    return true;
  });
  EXPECT_EQ(must(read(server, 1000, 10)), kContent.substr(1000, 10));
}

TEST_F(RepositoryBlobTest, AnotherSizeIsAnError) {
  BlobServer server(no_fault);
  EXPECT_EQ(failure_of(read(server, 0, 200, 1000)), Errc::size_invalid);
  EXPECT_EQ(failure_of(read(server, 0, 1000, 1000)), Errc::size_invalid);
}

TEST_F(RepositoryBlobTest, AMissingBlobIsNotAskedForAgain) {
  BlobServer server([](int, const Request& request, Connection& client) {
    client.answer(request.target == "/v2/" ? 200 : 404);
    return true;
  });
  EXPECT_EQ(registry_failure_of(read(server, 0, 10)), RegistryCode::blob_unknown);
  EXPECT_THAT(server.ranges(), Contains("bytes=0-9").Times(1));
}

TEST_F(RepositoryBlobTest, ABlobThatNeverArrivesIsAnError) {
  BlobServer server([](int, const Request&, Connection& client) {
    client.reset();
    return true;
  });
  options_.retries.timeout = std::chrono::milliseconds(100);
  EXPECT_EQ(failure_of(read(server, 0, 10)), Errc::io);
}

}  // namespace
}  // namespace layoutfs
