// The results of names, positions and digests in a layout.
#include "core/oci/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "layoutfs/open.h"
#include "tests/support/layout_writer.h"

namespace layoutfs {
namespace {

using ::testing::AllOf;
using testing::for_platform;
using ::testing::HasSubstr;
using testing::LayoutWriter;
using testing::named;
using ::testing::Not;
using testing::TempDir;

const Platform kAmd64{"linux", "amd64", ""};
const Platform kArm64{"linux", "arm64", "v8"};

class AReference : public ::testing::Test {
 protected:
  // A manifest unlike any other.
  Descriptor image(const std::string& what) {
    const auto layer = layout.blob(what, testing::kTarType);
    return layout.manifest(layout.config({layer.digest}), {layer});
  }
  static Descriptor with_full_name(Descriptor descriptor, const std::string& name) {
    descriptor.annotations.insert_or_assign(std::string(kContainerdName), name);
    return descriptor;
  }
  Result<Descriptor> find(std::string_view reference, const Platform& platform = kAmd64) {
    return find_reference(*engine, reference, platform);
  }
  // Returns the digest of the result, or the error's message.
  std::string found(std::string_view reference, const Platform& platform = kAmd64) {
    const auto descriptor = find(reference, platform);
    return descriptor ? descriptor->digest.str() : descriptor.error().message();
  }

  TempDir directory;
  LayoutWriter layout{directory / "layout"};
  std::unique_ptr<Engine> engine = open_dir(layout.path()).value();
  Descriptor a = image("a"), b = image("b"), c = image("c");
  std::string a_digest = a.digest.str(), b_digest = b.digest.str(), c_digest = c.digest.str();
};

TEST_F(AReference, IsFoundByItsNameExactly) {
  layout.write_index({named(a, "app"), named(b, "app-1.2"), named(c, "other/app:1.2")});
  EXPECT_EQ(found("app"), a_digest);
  EXPECT_EQ(found("app-1.2"), b_digest);
  EXPECT_EQ(found("other/app:1.2"), c_digest);
  EXPECT_EQ(find("App").error().code(), Errc::not_found);
}

TEST_F(AReference, IsFoundByTheStrongestRuleThatMatches) {
  layout.write_index({with_full_name(named(a, "x"), "docker.io/library/app:1"),
                      with_full_name(named(b, "1"), "y"), named(c, "registry/z:2")});
  EXPECT_EQ(found("docker.io/library/app:1"), a_digest);
  EXPECT_EQ(found("1"), b_digest);
  EXPECT_EQ(found("y"), b_digest);
  EXPECT_EQ(found("2"), c_digest);
  EXPECT_EQ(found("app:1"), a_digest);
  EXPECT_EQ(find(":2").error().code(), Errc::not_found);
}

TEST_F(AReference, OfSeveralEntriesOfOneDigestIsNotAmbiguous) {
  layout.write_index({named(a, "app"), named(a, "app"), named(a, "x:2"), named(a, "y:2")});
  EXPECT_EQ(found("app"), a_digest);
  EXPECT_EQ(found("2"), a_digest);
  EXPECT_EQ(found(""), a_digest);
}

TEST_F(AReference, OfSeveralDigestsIsAmbiguousAndListsThem) {
  layout.write_index({named(a, "app"), named(b, "app"), named(a, "x:2"), named(c, "y:2")});
  EXPECT_EQ(find("app").error().code(), Errc::ambiguous);
  EXPECT_THAT(found("app"),
              AllOf(HasSubstr(a_digest), HasSubstr(b_digest), HasSubstr("'app' is the name of 2")));
  EXPECT_THAT(found("2"),
              AllOf(HasSubstr(a_digest), HasSubstr(c_digest + " (y:2)"), Not(HasSubstr(b_digest))));
}

TEST_F(AReference, ThatIsTheTagOfSeveralImagesListsTheirFullNames) {
  layout.write_index({with_full_name(named(a, "latest"), "docker.io/library/nginx:latest"),
                      with_full_name(named(b, "latest"), "docker.io/library/redis:latest"),
                      with_full_name(named(c, "latest"), "registry.test:5000/team/app:latest")});
  EXPECT_EQ(find("latest").error().code(), Errc::ambiguous);
  EXPECT_EQ(found("latest"), "'latest' is the name of 3 images: " + a_digest +
                                 " (docker.io/library/nginx:latest), " + b_digest +
                                 " (docker.io/library/redis:latest), " + c_digest +
                                 " (registry.test:5000/team/app:latest)");
  EXPECT_EQ(found(""),
            "the layout has 3 images; choose one of: docker.io/library/nginx:latest, "
            "docker.io/library/redis:latest, registry.test:5000/team/app:latest");
  EXPECT_THAT(found("mysql:latest"), HasSubstr("available: docker.io/library/nginx:latest"));
  EXPECT_EQ(found("redis:latest"), b_digest);
  EXPECT_EQ(found("library/nginx"), a_digest);
  EXPECT_EQ(found("registry.test:5000/team/app:latest"), c_digest);
  EXPECT_EQ(found("latest@" + b_digest), b_digest);
  EXPECT_EQ(found("@2"), c_digest);
}

TEST_F(AReference, OfOneNameForSeveralPlatformsIsThatOfThePlatform) {
  layout.write_index({named(for_platform(a, kArm64), "app"), named(for_platform(b, kAmd64), "app")});
  EXPECT_EQ(found("app", kAmd64), b_digest);
  EXPECT_EQ(found("app", kArm64), a_digest);
  EXPECT_EQ(found("", kArm64), a_digest);
  EXPECT_EQ(find("app", {"linux", "s390x", ""}).error().code(), Errc::ambiguous);
  layout.write_index({named(for_platform(a, kAmd64), "app"), named(for_platform(b, kAmd64), "app")});
  EXPECT_EQ(find("app", kAmd64).error().code(), Errc::ambiguous);
}

TEST_F(AReference, ThatIsEmptyIsTheOnlyImage) {
  layout.write_index({a});
  EXPECT_EQ(found(""), a_digest);
  layout.write_index({for_platform(b, {"unknown", "unknown", ""}), named(a, "app")});
  EXPECT_EQ(found(""), a_digest);
  layout.write_index({});
  EXPECT_EQ(find("").error().code(), Errc::not_found);
}

TEST_F(AReference, ThatIsEmptyAmongSeveralImagesListsTheirNames) {
  layout.write_index({named(a, "app"), b, named(c, "web")});
  EXPECT_EQ(find("").error().code(), Errc::ambiguous);
  EXPECT_EQ(found(""), "the layout has 3 images; choose one of: app, @1, web");
  std::vector<Descriptor> many;
  for (int i = 0; i < 14; ++i) many.push_back(named(image(std::to_string(i)), "n" + std::to_string(i)));
  layout.write_index(many);
  EXPECT_THAT(found(""), AllOf(HasSubstr("n9 and 4 more"), Not(HasSubstr("n10"))));
}

TEST_F(AReference, ByPositionCountsFromZero) {
  layout.write_index({a, named(b, "app")});
  EXPECT_EQ(found("@0"), a_digest);
  EXPECT_EQ(found("@1"), b_digest);
  for (const char* reference : {"@2", "@99999999999999999999999", "@-1", "@", "@1x", "@ 1"})
    EXPECT_EQ(find(reference).error().code(), Errc::not_found) << reference;
}

TEST_F(AReference, ByDigestIsAnEntryOrAManifestBlob) {
  const auto index = layout.index({a, b});
  layout.write_index({named(a, "app"), index});
  EXPECT_EQ(find(a_digest)->ref_name(), "app");
  const auto inner = find(b_digest);
  ASSERT_TRUE(inner);
  EXPECT_EQ(inner->media_type, testing::kManifestType);
  EXPECT_EQ(inner->size, b.size);
  EXPECT_EQ(inner->json, R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" +
                             b_digest + R"(","size":)" + std::to_string(b.size) + "}");
  layout.write_index({});
  EXPECT_EQ(find(index.digest.str())->media_type, testing::kIndexType);
}

TEST_F(AReference, ByDigestMayBeShort) {
  const auto index = layout.index({a, b});
  layout.write_index({named(a, "app"), named(index, a.digest.hex().substr(0, 8))});
  for (const std::string& text : {a.digest.hex().substr(0, 7), "sha256:" + a.digest.hex().substr(0, 7)})
    EXPECT_EQ(find(text)->ref_name(), "app") << text;
  EXPECT_EQ(found(b.digest.hex().substr(0, 12)), b_digest) << "a manifest that is no entry";
  EXPECT_EQ(found(a.digest.hex().substr(0, 8)), index.digest.str()) << "a name goes first";
  EXPECT_THAT(found("7654321"), HasSubstr("no image named '7654321'; available: "));
  EXPECT_EQ(find("7654321").error().code(), Errc::not_found);
  EXPECT_EQ(find("sha256:7654321").error().code(), Errc::not_found);
  const std::string twin = a.digest.hex().substr(0, 8) + std::string(56, '0');
  testing::write_file(layout.path() + "/blobs/sha256/" + twin, "x");
  EXPECT_EQ(find("sha256:" + twin.substr(0, 8)).error().code(), Errc::ambiguous);
  EXPECT_THAT(found("sha256:" + twin.substr(0, 8)), AllOf(HasSubstr(a_digest), HasSubstr(twin)));
}

TEST_F(AReference, WithADigestMustHaveIt) {
  layout.write_index({named(a, "app:1"), with_full_name(named(b, "2"), "docker.io/library/web:2"),
                      with_full_name(named(c, "2"), "docker.io/library/box:2")});
  EXPECT_EQ(found("app:1@" + a_digest), a_digest);
  EXPECT_EQ(found("app:1@" + a.digest.hex().substr(0, 7)), a_digest);
  EXPECT_EQ(found("web:2@" + b_digest), b_digest);
  EXPECT_EQ(found("app:1@" + b_digest), "'app:1' is " + a_digest + ", not " + b_digest);
  EXPECT_EQ(found("2@" + a_digest), "'2' is " + b_digest + ", " + c_digest + ", not " + a_digest);
  EXPECT_EQ(find("app:1@" + b_digest).error().code(), Errc::not_found);
  EXPECT_THAT(found("gone@" + a_digest), HasSubstr("no image named 'gone@sha256:"));
}

TEST_F(AReference, ByDigestOfADockerManifestHasItsOwnMediaType) {
  const std::string type = "application/vnd.docker.distribution.manifest.v2+json";
  const auto text =
      R"({"mediaType":")" + type + R"(","config":{"digest":")" + a_digest + R"(","size":1},"layers":[]})";
  EXPECT_EQ(find(layout.blob(text, type).digest.str())->media_type, type);
}

TEST_F(AReference, ByDigestOfSomethingElseIsNotFound) {
  for (const std::string& content :
       {std::string("text"), std::string("{}"), std::string(), std::string("[1]"), std::string(100'000, '['),
        std::string((4 << 20) + 1, ' ')}) {
    const auto descriptor = find(layout.blob(content, "").digest.str());
    ASSERT_FALSE(descriptor) << content.substr(0, 20);
    EXPECT_EQ(descriptor.error().code(), Errc::not_found) << content.substr(0, 20);
  }
  EXPECT_EQ(find(Digest::of(as_bytes("missing")).str()).error().code(), Errc::not_found);
  EXPECT_EQ(find("sha256:00").error().code(), Errc::digest_invalid);
}

TEST_F(AReference, ByDigestOfABlobWithOtherContentIsCorrupt) {
  testing::write_file(layout.blob_path(a.digest), "{}");
  EXPECT_EQ(find(a_digest).error().code(), Errc::corrupt);
}

TEST_F(AReference, ThatIsMissingIsNotFoundAndNamesAreMentioned) {
  EXPECT_EQ(found("app"), "no image named 'app'; the layout has no named images");
  layout.write_index({named(a, "one"), named(b, "two"), c});
  EXPECT_EQ(found("app"), "no image named 'app'; available: one, two, @2");
  EXPECT_EQ(find("app").error().code(), Errc::not_found);
}

TEST_F(AReference, ThatIsMissingIsAnsweredWithAllNamesOfAnImageTheNearestFirst) {
  layout.write_index({named(a, "box:1.38.0"), named(a, "box:1.38.0-glibc"), named(b, "box:latest"),
                      named(b, "box:musl"), named(b, "box:musl")});
  EXPECT_EQ(found("box:1.38.0-glib"),
            "no image named 'box:1.38.0-glib'; available: box:1.38.0-glibc, box:1.38.0, box:musl, "
            "box:latest");
  EXPECT_EQ(found("musk"),
            "no image named 'musk'; available: box:musl, box:latest, box:1.38.0, box:1.38.0-glibc");
}

TEST_F(AReference, ThatIsMissingIsAnsweredWithTwentyNamesAtMost) {
  std::vector<Descriptor> entries;
  for (int i = 100; i < 125; ++i) entries.push_back(named(a, "tag" + std::to_string(i)));
  layout.write_index(entries);
  EXPECT_TRUE(found("x").ends_with(", tag119 and 5 more")) << found("x");
  EXPECT_TRUE(found("tag124x").starts_with("no image named 'tag124x'; available: tag124, "));
}

TEST_F(AReference, NamesOfAnyLengthGiveShortMessages) {
  layout.write_index({named(a, std::string(1'000'000, 'x')), named(b, "y")});
  EXPECT_LT(found("").size(), 1000u);
  EXPECT_LT(found("z").size(), 1000u);
}

TEST_F(AReference, InABrokenIndexIsTheErrorOfTheIndex) {
  layout.write_index_text("{");
  EXPECT_EQ(find("app").error().code(), Errc::invalid_image);
}

}  // namespace
}  // namespace layoutfs
