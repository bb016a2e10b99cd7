#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "core/remote/registry_session.h"
#include "core/remote/response_text.h"
#include "tests/support/remote_options.h"
#include "tests/support/results.h"
#include "tests/support/scripted_http_server.h"

namespace layoutfs {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::must;
using testing::registry_failure_of;
using testing::RemoteConfig;
using testing::ScriptedHttpServer;
using ::testing::SizeIs;
using Request = ScriptedHttpServer::Request;
using Connection = ScriptedHttpServer::Connection;

ScriptedHttpServer::Script answering(int status, const std::string& body) {
  return [status, body](const Request& request, Connection& client) {
    client.answer(request.target == "/v2/" ? 200 : status, body);
  };
}

class SessionMirrors : public ::testing::Test {
 protected:
  // Opens a session with an origin and one mirror.
  void open(const std::string& mirror, const std::string& origin) {
    config_.write_registries("[[registry]]\nprefix = \"images.example.org\"\nlocation = \"" + origin +
                             "\"\n[[registry.mirror]]\nlocation = \"" + mirror + "/cache\"\n");
    session_ = must(RegistrySession::open(std::make_shared<RemoteAccess>(config_.options()),
                                          "images.example.org", "app"));
  }
  Result<std::string> get() const {
    const auto document = session_->fetch({.path = "blobs/x", .if_missing = RegistryCode::blob_unknown}, {});
    return document ? Result<std::string>(as_text(document->bytes)) : fail(Error(document.error()));
  }

  RemoteConfig config_;
  std::shared_ptr<RegistrySession> session_;
};

TEST_F(SessionMirrors, AMirrorIsAskedFirst) {
  ScriptedHttpServer mirror(answering(200, "of the mirror")), origin(answering(200, "of the origin"));
  open(mirror.host(), origin.host());
  for (int i = 0; i < 2; ++i) EXPECT_EQ(must(get()), "of the mirror");
  EXPECT_THAT(mirror.requests(), Each("GET /v2/cache/app/blobs/x"));
  EXPECT_THAT(origin.requests(), IsEmpty());
}

TEST_F(SessionMirrors, TheOriginHasWhatAMirrorHasNot) {
  ScriptedHttpServer mirror(answering(404, "")), origin(answering(200, "of the origin"));
  open(mirror.host(), origin.host());
  for (int i = 0; i < 2; ++i) EXPECT_EQ(must(get()), "of the origin");
  // It may have the next thing.
  EXPECT_THAT(mirror.requests(), Contains("GET /v2/cache/app/blobs/x").Times(2));
}

TEST_F(SessionMirrors, AMirrorThatFailsIsAvoided) {
  ScriptedHttpServer mirror(answering(500, "")), origin(answering(200, "of the origin"));
  open(mirror.host(), origin.host());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(must(get()), "of the origin");
  EXPECT_THAT(mirror.requests(), SizeIs(1));
}

TEST_F(SessionMirrors, AMirrorThatIsDownIsAvoided) {
  ScriptedHttpServer mirror([](const Request&, Connection& client) { client.reset(); });
  ScriptedHttpServer origin(answering(200, "of the origin"));
  open(mirror.host(), origin.host());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(must(get()), "of the origin");
  EXPECT_THAT(mirror.requests(), SizeIs(1));
}

TEST_F(SessionMirrors, TheErrorIsThatOfTheOrigin) {
  ScriptedHttpServer mirror(answering(500, "")), origin(answering(404, ""));
  open(mirror.host(), origin.host());
  EXPECT_EQ(registry_failure_of(get()), RegistryCode::blob_unknown);
}

TEST_F(SessionMirrors, AMirrorOfManyRegistriesIsToldWhichOne) {
  ScriptedHttpServer mirror(answering(200, "of the mirror"));
  RemoteOptions options = config_.options();
  testing::write_file(options.paths.containerd + "/certs.d/images.example.org/hosts.toml",
                      "[host.\"" + mirror.url("") + "\"]\ncapabilities = [\"pull\", \"resolve\"]\n");
  session_ = must(
      RegistrySession::open(std::make_shared<RemoteAccess>(std::move(options)), "images.example.org", "app"));
  EXPECT_EQ(must(get()), "of the mirror");
  EXPECT_THAT(mirror.requests(), Each("GET /v2/app/blobs/x?ns=images.example.org"));
}

}  // namespace
}  // namespace layoutfs
