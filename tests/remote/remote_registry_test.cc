#include "core/remote/remote_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>

#include "tests/support/remote_options.h"
#include "tests/support/results.h"
#include "tests/support/scripted_http_server.h"

namespace layoutfs {
namespace {

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

const std::string kOci = "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n";
const std::string kManifest =
    R"({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": {)"
    R"("mediaType": "application/vnd.oci.image.config.v1+json", "size": 2, "digest": )"
    R"("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}, "layers": []})";

Digest digest_of(std::string_view text) { return Digest::of(as_bytes(text)); }
std::string text_of(const BlobReader& reader) {
  Bytes bytes(static_cast<std::size_t>(reader.blob()->size()));
  bytes.resize(must(reader.blob()->read_at(bytes, 0, {})));
  return std::string(as_text(bytes));
}

class RemoteRegistryTest : public ::testing::Test {
 protected:
  RemoteRegistry& open(const ScriptedHttpServer& server) {
    registry_.emplace(std::make_shared<RemoteAccess>(config_.options()), server.host(),
                      std::make_shared<RangeCache>(""));
    return *registry_;
  }
  // Pushes a manifest to the registry that was opened last.
  auto push(const std::string& manifest) {
    return registry_->push_manifest("app", as_bytes(manifest), "application/vnd.oci.image.manifest.v1+json",
                                    {});
  }

  RemoteConfig config_;
  std::optional<RemoteRegistry> registry_;
};

ScriptedHttpServer::Script always(int status, const std::string& body, const std::string& fields = "") {
  return [=](const Request&, Connection& client) { client.answer(status, body, fields); };
}

TEST_F(RemoteRegistryTest, ManifestsAreReadByTagAndByDigest) {
  ScriptedHttpServer server(always(200, kManifest, kOci));
  auto& registry = open(server);
  EXPECT_EQ(text_of(must(registry.get_tag("app", "1.0", {}))), kManifest);
  EXPECT_EQ(text_of(must(registry.get_manifest("app", digest_of(kManifest), {}))), kManifest);
  EXPECT_THAT(server.requests(), ElementsAre("GET /v2/app/manifests/1.0",
                                             "GET /v2/app/manifests/" + digest_of(kManifest).str()));
}

TEST_F(RemoteRegistryTest, AnotherManifestThanAskedForIsRefused) {
  ScriptedHttpServer server(always(200, kManifest, kOci));
  const auto refused = open(server).get_manifest("app", digest_of("another"), {});
  ASSERT_EQ(failure_of(refused), Errc::corrupt);
  EXPECT_THAT(refused.error().message(), HasSubstr(digest_of(kManifest).str()));
  EXPECT_LE(server.requests().size(), 3u);
}

TEST_F(RemoteRegistryTest, AManifestThatContradictsItsStatedDigestIsRefused) {
  ScriptedHttpServer server(
      always(200, kManifest, kOci + "Docker-Content-Digest: " + digest_of("another").str() + "\r\n"));
  EXPECT_EQ(failure_of(open(server).get_tag("app", "1.0", {})), Errc::corrupt);
}

TEST_F(RemoteRegistryTest, AManifestWithAWrongByteIsReadAgain) {
  std::atomic<int> count = 0;
  ScriptedHttpServer server([&](const Request&, Connection& client) {
    std::string body = kManifest;
    if (++count == 1) body[20] ^= 1;
    client.answer(200, body, kOci);
  });
  EXPECT_EQ(text_of(must(open(server).get_manifest("app", digest_of(kManifest), {}))), kManifest);
  EXPECT_EQ(count, 2);
}

TEST_F(RemoteRegistryTest, AManifestThatIsTooLargeIsRefused) {
  ScriptedHttpServer server(always(200, std::string((std::size_t{4} << 20) + 1, ' '), kOci));
  EXPECT_EQ(failure_of(open(server).get_tag("app", "1.0", {})), Errc::unsupported);
  EXPECT_THAT(server.requests(), SizeIs(1));
}

TEST_F(RemoteRegistryTest, AManifestOfAnUnknownMediaTypeIsRefused) {
  for (const std::string type : {"text/plain", "application/vnd.example.manifest.v9+json"}) {
    ScriptedHttpServer server(always(200, kManifest, "Content-Type: " + type + "\r\n"));
    const auto refused = open(server).get_tag("app", "1.0", {});
    ASSERT_EQ(failure_of(refused), Errc::unsupported);
    EXPECT_THAT(refused.error().message(), HasSubstr(type));
  }
  ScriptedHttpServer untyped(always(200, kManifest));
  EXPECT_EQ(text_of(must(open(untyped).get_tag("app", "1.0", {}))), kManifest);
}

TEST_F(RemoteRegistryTest, APageIsNoRegistry) {
  ScriptedHttpServer server(always(200, "<html>", "Content-Type: text/html; charset=utf-8\r\n"));
  auto& registry = open(server);
  const auto tag = registry.get_tag("app", "1.0", {});
  ASSERT_EQ(failure_of(tag), Errc::io);
  EXPECT_THAT(tag.error().message(), HasSubstr("not a registry"));
  const auto tags = registry.tags("app", {}, {});
  ASSERT_EQ(failure_of(tags), Errc::io);
  EXPECT_THAT(tags.error().message(), HasSubstr("not a registry"));
}

TEST_F(RemoteRegistryTest, NamesThatAreMissingHaveTheirCodes) {
  ScriptedHttpServer server([](const Request& request, Connection& client) {
    client.answer(request.target == "/v2/" ? 200 : 404);
  });
  auto& registry = open(server);
  EXPECT_EQ(registry_failure_of(registry.get_tag("app", "1.0", {})), RegistryCode::manifest_unknown);
  EXPECT_EQ(registry_failure_of(registry.resolve_blob("app", digest_of("x"))), RegistryCode::blob_unknown);
  EXPECT_EQ(registry_failure_of(registry.tags("app", {}, {})), RegistryCode::name_unknown);
}

TEST_F(RemoteRegistryTest, ListsArriveInPages) {
  ScriptedHttpServer server([](const Request& request, Connection& client) {
    if (request.target.ends_with("last=c"))
      client.answer(200, R"({"tags": ["c", "d"]})");
    else if (request.target.ends_with("last=b"))
      client.answer(200, R"({"tags": ["c", "a"]})", "Link: </v2/app/tags/list?n=2&last=c>; rel=\"next\"\r\n");
    else
      client.answer(200, R"({"tags": ["B", "b"]})", "Link: <list?n=2&last=b>; rel=\"next\"\r\n");
  });
  auto& registry = open(server);
  EXPECT_THAT(must(registry.tags("app", {}, {})), ElementsAre("B", "a", "b", "c", "d"));
  EXPECT_THAT(must(registry.tags("app", {.start_after = "a", .limit = 2}, {})), ElementsAre("b", "c"));
}

TEST_F(RemoteRegistryTest, AListWithoutAnEndIsRefused) {
  ScriptedHttpServer server([](const Request& request, Connection& client) {
    client.answer(200, R"({"repositories": ["a"]})", "Link: <" + request.target + ">; rel=\"next\"\r\n");
  });
  const auto listed = open(server).repositories({}, {});
  ASSERT_EQ(failure_of(listed), Errc::io);
  EXPECT_THAT(listed.error().message(), HasSubstr("no end"));
}

TEST_F(RemoteRegistryTest, ReferrersComeFromATagIfThereIsNoList) {
  const Digest subject = digest_of("subject");
  const std::string index = R"({"schemaVersion": 2, "manifests": [{"mediaType": )"
                            R"("application/vnd.oci.image.manifest.v1+json", "size": 5, "artifactType": )"
                            R"("test/type", "digest": ")" +
                            digest_of("other").str() + "\"}]}";
  ScriptedHttpServer server([&](const Request& request, Connection& client) {
    if (request.target == "/v2/app/manifests/sha256-" + subject.hex())
      client.answer(200, index);
    else
      client.answer(404);
  });
  auto& registry = open(server);
  const auto found = must(registry.referrers("app", subject, "", {}));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].digest, digest_of("other"));
  EXPECT_THAT(must(registry.referrers("app", subject, "test/another", {})), SizeIs(0));
  EXPECT_THAT(must(registry.referrers("app", digest_of("lonely"), "", {})), SizeIs(0));
}

std::string manifest_about(const Digest& subject, const std::string& type) {
  return R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":")" +
         type + R"(","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":")" +
         Digest::of(as_bytes("{}")).str() +
         R"(","size":2},"layers":[],"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" +
         subject.str() + R"(","size":5},"annotations":{"who":"us"}})";
}

TEST_F(RemoteRegistryTest, AReferrerIsAddedToATagIfThereIsNoList) {
  const Digest subject = digest_of("subject");
  for (const bool has_list : {false, true}) {
    std::string index;  // the content of the tag
    int writes = 0;
    ScriptedHttpServer server([&](const Request& request, Connection& client) {
      const std::string body = client.body_of(request);
      const std::string list = has_list ? "OCI-Subject: " + subject.str() + "\r\n" : "";
      if (request.target == "/v2/app/manifests/sha256-" + subject.hex()) {
        if (request.method == "PUT") index = body, ++writes;
        index.empty() ? client.answer(404) : client.answer(request.method == "PUT" ? 201 : 200, index);
      } else if (request.method == "PUT") {
        client.answer(201, "", list);
      } else {
        client.answer(404);
      }
    });
    auto& registry = open(server);
    const std::string first = manifest_about(subject, "test/first"),
                      second = manifest_about(subject, "test/second");
    for (const std::string& each : {first, second, first}) EXPECT_TRUE(push(each));
    const auto found = must(registry.referrers("app", subject, "", {}));
    if (has_list) {
      EXPECT_EQ(writes, 0);
      continue;
    }
    EXPECT_EQ(writes, 2) << "the third one is there already";
    ASSERT_THAT(found, SizeIs(2));
    const auto listed = std::ranges::find(found, "test/first", &Descriptor::artifact_type);
    ASSERT_NE(listed, found.end());
    EXPECT_EQ(listed->digest, Digest::of(as_bytes(first)));
    EXPECT_EQ(listed->size, first.size());
    EXPECT_EQ(listed->annotations.at("who"), "us");
    EXPECT_NE(std::ranges::find(found, "test/second", &Descriptor::artifact_type), found.end());
    index = R"({"schemaVersion":2,"manifests":[{"digest":"rubbish"}]})";
    EXPECT_EQ(failure_of(push(first)), Errc::io);
    EXPECT_EQ(writes, 2) << "entries that are not understood are not lost";
  }
}

// The contents of a registry without lists of referrers, which may refuse to delete tags.
class TaggedReferrers {
 public:
  bool deletes_tags = true, has_lists = false;
  int status_of_tags = 0;                        // if not 0, of requests to delete tags
  int status_of_digests = 0;                     // if not 0, of requests to delete manifests
  std::map<std::string, std::string> manifests;  // by reference

  ScriptedHttpServer::Script script() {
    return [this](const Request& request, Connection& client) {
      const std::string body = client.body_of(request);
      const std::string reference = request.target.substr(request.target.rfind('/') + 1);
      if (request.target.starts_with("/v2/app/referrers/")) {
        has_lists ? client.answer(200, R"({"schemaVersion":2,"manifests":[]})") : client.answer(404);
      } else if (request.method == "PUT") {
        manifests[reference] = body;
        client.answer(201);
      } else if (const int status = reference.contains(':') ? status_of_digests : status_of_tags;
                 request.method == "DELETE" && status != 0) {
        client.answer(status);
      } else if (request.method == "DELETE" && !reference.contains(':') && !deletes_tags) {
        client.answer(400, R"({"errors":[{"code":"DIGEST_INVALID"}]})");
      } else if (!manifests.contains(reference)) {
        client.answer(404);
      } else if (request.method == "DELETE") {
        manifests.erase(reference);
        client.answer(202);
      } else {
        client.answer(200, manifests[reference]);
      }
    };
  }
};

TEST_F(RemoteRegistryTest, ARemovedReferrerIsRemovedFromTheTagOfItsSubject) {
  const Digest subject = digest_of("subject");
  const std::string tag = "sha256-" + subject.hex();
  const std::string first = manifest_about(subject, "test/first"),
                    second = manifest_about(subject, "test/second");
  for (const bool deletes_tags : {true, false}) {
    TaggedReferrers state;
    state.deletes_tags = deletes_tags;
    ScriptedHttpServer server(state.script());
    auto& registry = open(server);
    for (const std::string& each : {first, second}) ASSERT_TRUE(push(each));
    ASSERT_TRUE(registry.delete_manifest("app", digest_of(first), {}));
    const auto left = must(registry.referrers("app", subject, "", {}));
    ASSERT_THAT(left, SizeIs(1));
    EXPECT_EQ(left[0].digest, digest_of(second));
    EXPECT_EQ(left[0].annotations.at("who"), "us");
    ASSERT_TRUE(registry.delete_manifest("app", digest_of(second), {}));
    EXPECT_THAT(must(registry.referrers("app", subject, "", {})), SizeIs(0));
    EXPECT_EQ(state.manifests.contains(tag), !deletes_tags);
    EXPECT_FALSE(state.manifests.contains(digest_of(second).str()));
  }
}

TEST_F(RemoteRegistryTest, ATagOfReferrersIsReplacedOnlyIfTheRegistryDeletesNoTags) {
  const Digest subject = digest_of("subject");
  const std::string tag = "sha256-" + subject.hex(), manifest = manifest_about(subject, "test/type");
  for (const int status : {404, 400, 405, 403}) {
    TaggedReferrers state;
    state.status_of_tags = status;
    ScriptedHttpServer server(state.script());
    auto& registry = open(server);
    ASSERT_TRUE(push(manifest));
    const auto removed = registry.delete_manifest("app", digest_of(manifest), {});
    EXPECT_EQ(removed.has_value(), status != 403) << status;
    const auto is_of_tag = [&](const std::string& each) { return each == "PUT /v2/app/manifests/" + tag; };
    EXPECT_EQ(std::ranges::count_if(server.requests(), is_of_tag), status == 400 || status == 405 ? 2 : 1)
        << status;
  }
}

TEST_F(RemoteRegistryTest, ARemovedManifestChangesNoTagIfThereAreListsOfReferrers) {
  const Digest subject = digest_of("subject");
  const std::string tag = "sha256-" + subject.hex(), manifest = manifest_about(subject, "test/type");
  TaggedReferrers state;
  ScriptedHttpServer server(state.script());
  auto& registry = open(server);
  ASSERT_TRUE(push(manifest));
  const std::string index = state.manifests.at(tag);
  state.has_lists = true;
  ASSERT_TRUE(registry.delete_manifest("app", digest_of(manifest), {}));
  EXPECT_EQ(state.manifests.at(tag), index);
}

TEST_F(RemoteRegistryTest, EntriesOfATagThatAreNotUnderstoodAreNotLost) {
  const Digest subject = digest_of("subject");
  const std::string tag = "sha256-" + subject.hex(), manifest = manifest_about(subject, "test/type");
  TaggedReferrers state;
  ScriptedHttpServer server(state.script());
  auto& registry = open(server);
  ASSERT_TRUE(push(manifest));
  std::string& index = state.manifests.at(tag);
  index.insert(index.rfind(']'), R"(,{"digest":"rubbish"})");
  const std::string before = index;
  const auto removed = registry.delete_manifest("app", digest_of(manifest), {});
  ASSERT_EQ(failure_of(removed), Errc::io);
  EXPECT_THAT(removed.error().message(), HasSubstr(": not removed, because the list"));
  EXPECT_EQ(state.manifests.at(tag), before);
  EXPECT_TRUE(state.manifests.contains(digest_of(manifest).str()));
}

TEST_F(RemoteRegistryTest, AManifestThatCannotBeReadOrListedIsNotRemoved) {
  const Digest subject = digest_of("subject");
  const std::string manifest = manifest_about(subject, "test/type"), digest = digest_of(manifest).str();
  for (const std::string& denied : {"/v2/app/manifests/" + digest, "/v2/app/referrers/" + subject.str(),
                                    "/v2/app/manifests/sha256-" + subject.hex()}) {
    TaggedReferrers state;
    bool is_denied = false;
    const auto script = state.script();
    ScriptedHttpServer server([&](const Request& request, Connection& client) {
      if (is_denied && request.method == "GET" && request.target == denied)
        client.answer(403);
      else
        script(request, client);
    });
    auto& registry = open(server);
    ASSERT_TRUE(push(manifest));
    is_denied = true;
    EXPECT_EQ(registry_failure_of(registry.delete_manifest("app", digest_of(manifest), {})),
              RegistryCode::denied)
        << denied;
    EXPECT_TRUE(state.manifests.contains(digest)) << denied;
    is_denied = false;
    EXPECT_TRUE(registry.delete_manifest("app", digest_of(manifest), {})) << "the same again, " << denied;
    EXPECT_THAT(state.manifests, SizeIs(0)) << denied;
  }
}

TEST_F(RemoteRegistryTest, AManifestThatTheRegistryDoesNotRemoveStaysListed) {
  const Digest subject = digest_of("subject");
  const std::string manifest = manifest_about(subject, "test/type");
  TaggedReferrers state;
  ScriptedHttpServer server(state.script());
  auto& registry = open(server);
  ASSERT_TRUE(push(manifest));
  state.status_of_digests = 405;
  EXPECT_EQ(registry_failure_of(registry.delete_manifest("app", digest_of(manifest), {})),
            RegistryCode::unsupported);
  EXPECT_THAT(must(registry.referrers("app", subject, "", {})), SizeIs(1));
}

TEST_F(RemoteRegistryTest, TheSizeOfABlobNeedsNoHead) {
  for (const int status : {400, 403, 405, 501}) {
    ScriptedHttpServer server([&](const Request& request, Connection& client) {
      if (request.method == "HEAD")
        client.send("HTTP/1.1 " + std::to_string(status) + " No\r\n\r\n"), client.close();
      else
        client.answer(206, "x", "Content-Range: bytes 0-0/12345\r\n");
    });
    EXPECT_EQ(must(open(server).resolve_blob("app", digest_of("x"))).size, 12345u) << status;
  }
}

TEST_F(RemoteRegistryTest, TheSizeOfABlobIsInTheAnswerToHead) {
  ScriptedHttpServer server([](const Request&, Connection& client) {
    client.send("HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n");
  });
  EXPECT_EQ(must(open(server).resolve_blob("app", digest_of("x"))).size, 12345u);
  EXPECT_THAT(server.requests(), SizeIs(1));
}

TEST_F(RemoteRegistryTest, AMountAnswersWhetherItHappened) {
  ScriptedHttpServer server([](const Request& request, Connection& client) {
    if (request.method == "HEAD")
      client.send("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
    else if (request.method == "POST" && request.target.contains("from=here"))
      client.answer(201);
    else if (request.method == "POST")
      client.answer(202, "", "Location: /upload\r\n");
    else
      client.answer(204);
  });
  auto& registry = open(server);
  const Digest digest = digest_of("content");
  EXPECT_EQ(must(registry.mount_blob("here", "app", digest, {})).size, 7u);
  EXPECT_EQ(registry_failure_of(registry.mount_blob("there", "app", digest, {})), RegistryCode::blob_unknown);
  // The upload that was not needed is given up.
  EXPECT_EQ(server.requests().back(), "DELETE /upload");
}

}  // namespace
}  // namespace layoutfs
