// Manifests with a subject.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/registry/fixture.h"
#include "tests/support/referrer_layouts.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using testing::index_document;
using ::testing::IsEmpty;
using testing::kEmptyType;
using testing::kIndexType;
using testing::kManifestType;
using testing::manifest_text;
using testing::must;
using testing::push_image;
using testing::push_manifest;
using testing::push_text;
using testing::registry_failure_of;
using ::testing::SizeIs;
using testing::with_members;

class Referrers : public testing::OneLayout {
 protected:
  // Pushes a manifest without layers, with `members` after its other members.
  Descriptor push_referrer(const Descriptor& of, const std::string& members = R"("note":1)",
                           std::string_view config_type = kEmptyType, std::vector<std::string> tags = {}) {
    const auto config = push_text(*registry, kApp, "{}", config_type);
    return push_manifest(*registry, kApp, with_members(manifest_text(config, {}, &of), members),
                         kManifestType, std::move(tags));
  }
  std::vector<Descriptor> referrers(const Descriptor& of, std::string_view type = {}) {
    return must(registry->referrers(kApp, of.digest, type));
  }
  std::vector<Digest> digests(const Descriptor& of, std::string_view type = {}) {
    std::vector<Digest> found;
    for (const Descriptor& referrer : referrers(of, type)) found.push_back(referrer.digest);
    return found;
  }
  static std::vector<Digest> sorted(std::vector<Digest> digests) {
    std::ranges::sort(digests, {}, &Digest::str);
    return digests;
  }

  Descriptor subject = push_image(*registry, kApp, "layer", {"subject"}).manifest;
};

TEST_F(Referrers, AreFoundInWhicheverWayALayoutHoldsThem) {
  for (const auto& each : testing::referrer_layouts()) {
    SCOPED_TRACE(each.name);
    const testing::TempDir scratch;
    testing::LayoutWriter writer(scratch / "layout");
    const auto config = writer.config({});
    const auto image = writer.manifest(config, {});
    const auto written = each.write(writer, image);
    std::vector<Descriptor> entries = written.entries;
    entries.push_back(testing::named(image, "app"));
    writer.write_index(entries);
    const auto app = must(open_registry(writer.path(), {.default_repository = std::string(kApp)}));
    std::vector<Digest> found;
    std::vector<Digest> next{image.digest};
    while (!next.empty()) {
      const auto some = must(app->referrers(kApp, next.back(), {}));
      next.pop_back();
      for (const Descriptor& referrer : some) {
        found.push_back(referrer.digest);
        next.push_back(referrer.digest);
        EXPECT_TRUE(app->get_manifest(kApp, referrer.digest)) << "who is told of it can have it";
      }
    }
    std::ranges::sort(found);
    EXPECT_EQ(found, written.digests());
  }
}

TEST_F(Referrers, OfWhatNothingRefersToAreNone) {
  EXPECT_THAT(referrers(subject), IsEmpty());
  EXPECT_THAT(referrers(testing::descriptor_of("unknown", kManifestType)), IsEmpty());
}

// The index of the layout does not change when the missing document is added.
TEST_F(Referrers, OfAMissingIndexAreFoundAsSoonAsItIsThere) {
  const Descriptor referrer = push_referrer(subject);
  const std::string inner_text = index_document({referrer});
  const Descriptor inner = push_manifest(*registry, kApp, inner_text, kIndexType);
  push_manifest(*registry, kApp, index_document({inner}), kIndexType, {"outer"});
  // Only the outer index refers to it.
  for (const Descriptor& entry : {referrer, inner})
    ASSERT_TRUE(registry->delete_manifest(kApp, entry.digest));
  const std::string file = path + "/" + inner.digest.blob_path();
  std::filesystem::remove(file);
  const auto reopened = open();
  EXPECT_EQ(registry_failure_of(reopened->resolve_manifest(kApp, referrer.digest)),
            RegistryCode::manifest_unknown);
  EXPECT_THAT(must(reopened->referrers(kApp, subject.digest, {})), IsEmpty());
  std::ofstream(file) << inner_text;
  EXPECT_TRUE(reopened->resolve_manifest(kApp, referrer.digest));
  EXPECT_THAT(must(reopened->referrers(kApp, subject.digest, {})), SizeIs(1));
}

TEST_F(Referrers, ThatAreMissingAreFoundAsSoonAsTheyAreThere) {
  const Descriptor referrer = push_referrer(subject);
  const std::string file = path + "/" + referrer.digest.blob_path(), text = testing::file_text(file);
  std::filesystem::remove(file);
  const auto reopened = open();
  EXPECT_THAT(must(reopened->referrers(kApp, subject.digest, {})), IsEmpty());
  std::ofstream(file) << text;
  EXPECT_THAT(must(reopened->referrers(kApp, subject.digest, {})), SizeIs(1));
}

TEST_F(Referrers, AreSortedByTheirDigests) {
  std::vector<Digest> expected;
  for (int i = 0; i < 5; ++i)
    expected.push_back(push_referrer(subject, R"("note":)" + std::to_string(i)).digest);
  EXPECT_EQ(digests(subject), sorted(expected));
}

TEST_F(Referrers, AreDescribedByTheirOwnAnnotationsAndType) {
  for (int i = 0; i < 5; ++i)
    push_referrer(subject,
                  R"("artifactType":"application/x-)" + std::to_string(i) + R"(","annotations":{"number":")" +
                      std::to_string(i) + "\"}",
                  kEmptyType, {"tag-" + std::to_string(i)});
  const auto found = referrers(subject);
  ASSERT_EQ(found.size(), 5u);
  for (const Descriptor& referrer : found) {
    ASSERT_TRUE(referrer.annotation("number"));
    const std::string number(*referrer.annotation("number"));
    EXPECT_EQ(referrer.artifact_type, "application/x-" + number);
    EXPECT_EQ(referrer.media_type, kManifestType);
    EXPECT_EQ(referrer.annotations, (Annotations{{"number", number}})) << "nothing of the entry's";
    const auto tagged = must(registry->resolve_tag(kApp, "tag-" + number));
    EXPECT_EQ(referrer.digest, tagged.digest);
    EXPECT_EQ(referrer.size, tagged.size);
  }
}

TEST_F(Referrers, HaveTheTypeOfTheirConfigWhereTheySayNone) {
  push_referrer(subject, R"("note":1)", "application/vnd.example.config+json");
  EXPECT_THAT(referrers(subject).at(0).artifact_type, "application/vnd.example.config+json");
}

TEST_F(Referrers, ThatAreIndexesHaveOnlyTheirOwnType) {
  const auto bare = push_manifest(*registry, kApp, index_document({subject}, &subject), kIndexType);
  const auto typed =
      push_manifest(*registry, kApp,
                    with_members(index_document({}, &subject),
                                 R"("artifactType":"application/x-index","annotations":{"a":"b"})"),
                    kIndexType);
  EXPECT_EQ(digests(subject), sorted({bare.digest, typed.digest}));
  for (const Descriptor& referrer : referrers(subject)) {
    EXPECT_EQ(referrer.media_type, kIndexType);
    EXPECT_EQ(referrer.artifact_type, referrer.digest == bare.digest ? "" : "application/x-index");
  }
  EXPECT_THAT(digests(subject, "application/x-index"), ElementsAre(typed.digest));
}

TEST_F(Referrers, OfOneTypeAreFoundByIt) {
  std::vector<Digest> signatures, others;
  for (int i = 0; i < 5; ++i) {
    const bool is_signature = i % 3 == 0;
    const auto members = R"("artifactType":"application/x-)" +
                         std::string(is_signature ? "signature" : "sbom") + R"(","note":)" +
                         std::to_string(i);
    (is_signature ? signatures : others).push_back(push_referrer(subject, members).digest);
  }
  EXPECT_EQ(digests(subject, "application/x-signature"), sorted(signatures));
  EXPECT_EQ(digests(subject, "application/x-sbom"), sorted(others));
  EXPECT_THAT(digests(subject, "application/x-"), IsEmpty());
  EXPECT_EQ(digests(subject).size(), 5u);
}

TEST_F(Referrers, OfOneTypeMayHaveItFromTheirConfig) {
  const auto referrer = push_referrer(subject, R"("note":1)", "application/vnd.example.config+json");
  push_referrer(subject, R"("artifactType":"application/x")", "application/vnd.example.config+json");
  EXPECT_THAT(digests(subject, "application/vnd.example.config+json"), ElementsAre(referrer.digest));
}

TEST_F(Referrers, NeedNoSubject) {
  const auto missing = testing::descriptor_of("not there yet", kManifestType);
  const auto referrer = push_referrer(missing);
  EXPECT_THAT(digests(missing), ElementsAre(referrer.digest));
  EXPECT_THAT(referrers(subject), IsEmpty());
}

TEST_F(Referrers, AreFoundThroughIndexes) {
  const auto referrer = push_referrer(subject);
  const auto inner = push_manifest(*registry, kApp, index_document({referrer}), kIndexType);
  push_manifest(*registry, kApp, index_document({inner, inner}), kIndexType, {"outer"});
  ASSERT_TRUE(registry->delete_manifest(kApp, referrer.digest));
  ASSERT_TRUE(registry->delete_manifest(kApp, inner.digest));
  EXPECT_THAT(digests(subject), ElementsAre(referrer.digest));
}

TEST_F(Referrers, AreListedOnceHoweverManyNamesTheyHave) {
  const auto referrer = push_referrer(subject, R"("note":1)", kEmptyType, {"a", "b"});
  push_referrer(subject);
  push_manifest(*registry, kApp, index_document({referrer, referrer}), kIndexType);
  EXPECT_THAT(digests(subject), ElementsAre(referrer.digest));
}

TEST_F(Referrers, AreOfTheRepositoryThatReachesThem) {
  const auto referrer = push_referrer(subject);
  push_image(*registry, "other", "another", {"v1"});
  EXPECT_THAT(must(registry->referrers("other", subject.digest)), IsEmpty());
  EXPECT_EQ(registry_failure_of(registry->referrers("unknown", subject.digest)), RegistryCode::name_unknown);
  ASSERT_TRUE(registry->delete_manifest(kApp, referrer.digest));
  EXPECT_THAT(referrers(subject), IsEmpty());
}

TEST_F(Referrers, OfReferrersAreFoundByThese) {
  const auto signature = push_referrer(subject);
  const auto of_signature = push_referrer(signature, R"("note":2)");
  EXPECT_THAT(digests(subject), ElementsAre(signature.digest));
  EXPECT_THAT(digests(signature), ElementsAre(of_signature.digest));
}

TEST_F(Referrers, AreFoundWhereAnotherManifestIsMissing) {
  const auto referrer = push_referrer(subject), missing = push_referrer(subject, R"("note":"missing")");
  const auto child = push_image(*registry, kApp, "child").manifest;
  push_manifest(*registry, kApp, index_document({child}), kIndexType);
  for (const Digest& digest : {missing.digest, child.digest})
    std::filesystem::remove(path + "/" + digest.blob_path());
  EXPECT_THAT(digests(subject), ElementsAre(referrer.digest));
}

TEST_F(Referrers, AreNotWhatOnlyLooksLikeOne) {
  const auto text = with_members(index_document({}, &subject), R"("note":1)");
  push_manifest(*registry, kApp, text, "application/x-own", {"own"});
  EXPECT_THAT(referrers(subject), IsEmpty());
}

}  // namespace
}  // namespace layoutfs
