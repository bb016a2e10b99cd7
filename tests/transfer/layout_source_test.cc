// Images of a layout, as sources.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "layoutfs/open.h"
#include "tests/support/layout_writer.h"
#include "tests/transfer/images.h"

namespace layoutfs::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class EngineSource : public ::testing::Test {
 protected:
  std::shared_ptr<const LayoutReader> engine() const { return must(open_dir(layout.path())); }
  Result<std::unique_ptr<ImageSource>> open(std::string_view reference, SourceOptions options = {}) const {
    return open_source(engine(), reference, std::move(options));
  }
  // Returns the entry that `reference` means; nullopt after an error.
  std::optional<Digest> found(std::string_view reference) const {
    const auto source = open(reference);
    if (!source) return std::nullopt;
    return must((*source)->get_manifest()).descriptor.digest;
  }

  TempDir directory;
  LayoutWriter layout{directory / "layout"};
  Descriptor layer = layout.blob("layer", kTarType);
  Descriptor config = layout.config({layer.digest});
  Descriptor manifest = layout.manifest(config, {layer});
  Descriptor other = layout.manifest(config, {layer, layer});
};

TEST_F(EngineSource, OfAWholeLayoutNeedsAnInstance) {
  const auto source = open_whole_source(new_layout(directory / "empty"));
  EXPECT_EQ(failure_of(source->get_manifest()), Errc::digest_invalid);
}

TEST_F(EngineSource, TheOnlyImageNeedsNoName) {
  EXPECT_EQ(failure_of(open("")), Errc::not_found);
  layout.write_index({manifest});
  EXPECT_EQ(found(""), manifest.digest);
  EXPECT_EQ(must(open(""))->reference(), manifest.digest.str());
  layout.write_index({manifest, other});
  EXPECT_EQ(failure_of(open("")), Errc::ambiguous);
}

TEST_F(EngineSource, NamesAreFoundWhateverKindOfDocumentTheyAre) {
  Descriptor docker_list = layout.index({manifest, other});
  Descriptor docker_manifest = layout.manifest(layout.config({}), {});
  Descriptor unknown = layout.blob("unknown", "application/x-unknown");
  const Descriptor index = layout.index({manifest});
  docker_list.media_type = kDockerListType;
  docker_manifest.media_type = kDockerManifestType;
  layout.write_index({named(index, "a"), named(manifest, "b"), named(docker_list, "c"),
                      named(docker_manifest, "d"), named(unknown, "e")});
  EXPECT_EQ(found("a"), index.digest);
  EXPECT_EQ(found("b"), manifest.digest);
  EXPECT_EQ(found("c"), docker_list.digest);
  EXPECT_EQ(found("d"), docker_manifest.digest);
  EXPECT_EQ(found("@3"), docker_manifest.digest);
  EXPECT_EQ(found(manifest.digest.str()), manifest.digest);
  EXPECT_EQ(failure_of(open("e")), Errc::unsupported);
  EXPECT_EQ(failure_of(open("@4")), Errc::unsupported);
  EXPECT_THAT(open("e").error().message(), HasSubstr("application/x-unknown"));
  EXPECT_EQ(failure_of(open("f")), Errc::not_found);
}

TEST_F(EngineSource, PositionsAreThoseInTheIndex) {
  layout.write_index({manifest, other});
  EXPECT_EQ(found("@0"), manifest.digest);
  EXPECT_EQ(found("@1"), other.digest);
  EXPECT_EQ(failure_of(open("@2")), Errc::not_found);
  EXPECT_EQ(failure_of(open("@6")), Errc::not_found);
}

TEST_F(EngineSource, TheManifestComesByteForByteWithItsEntry) {
  Descriptor entry = for_platform(named(manifest, "app"), {"linux", "arm64"});
  entry.annotations.emplace("created", "today");
  layout.write_index({entry});
  const auto source = must(open("app"));
  const RawManifest raw = must(source->get_manifest());
  EXPECT_EQ(as_text(raw.bytes), file_text(layout.blob_path(manifest.digest)));
  EXPECT_EQ(raw.descriptor, entry);
  EXPECT_EQ(must(source->get_manifest(manifest.digest)).descriptor, entry);
  EXPECT_EQ(source->reference(), "app");
}

TEST_F(EngineSource, InstancesAreFoundByTheirDigests) {
  layout.write_index({named(layout.index({manifest, other}), "app")});
  const auto source = must(open("app"));
  const RawManifest raw = must(source->get_manifest(other.digest));
  EXPECT_EQ(as_text(raw.bytes), file_text(layout.blob_path(other.digest)));
  EXPECT_EQ(raw.descriptor, other);
  EXPECT_EQ(failure_of(source->get_manifest(Digest::of(as_bytes("none")))), Errc::not_found);
}

TEST_F(EngineSource, AManifestThatIsNotItsDigestIsNotHandedOut) {
  const Descriptor index = layout.index({manifest});
  layout.write_index({named(index, "app")});
  const auto source = must(open("app"));
  write_file(layout.blob_path(manifest.digest), std::string(manifest.size, ' '));
  EXPECT_EQ(failure_of(source->get_manifest(manifest.digest)), Errc::corrupt);
  write_file(layout.blob_path(index.digest), "{}");
  EXPECT_EQ(failure_of(source->get_manifest()), Errc::corrupt);
}

TEST_F(EngineSource, BlobsComeAsTheyAre) {
  layout.write_index({manifest});
  const auto source = must(open(""));
  auto blob = must(source->get_blob(blob_info_of(layer)));
  EXPECT_EQ(blob.size, 5u);
  ASSERT_NE(blob.local, nullptr);
  EXPECT_EQ(read_text(*blob.local), "layer");
  EXPECT_EQ(text_of(std::move(blob)), "layer");
  EXPECT_EQ(failure_of(source->get_blob({})), Errc::digest_invalid);
  EXPECT_EQ(failure_of(source->get_blob(info_of("none"))), Errc::not_found);
  EXPECT_TRUE(source->has_thread_safe_get_blob());
  EXPECT_THAT(must(source->get_signatures()), IsEmpty());
  EXPECT_EQ(must(source->layer_infos_for_copy()), std::nullopt);
}

TEST_F(EngineSource, ACacheIsToldWhereABlobIs) {
  layout.write_index({manifest});
  const auto source = must(open("", {.scope = "here"}));
  const auto cache = memory_cache();
  must(source->get_blob(blob_info_of(layer), cache.get()));
  EXPECT_EQ(failure_of(source->get_blob(info_of("none"), cache.get())), Errc::not_found);
  EXPECT_EQ(cache->candidate_locations(kLayoutTransport, "here", layer.digest, false).size(), 1u);
  EXPECT_THAT(cache->candidate_locations(kLayoutTransport, "", layer.digest, false), IsEmpty());
  EXPECT_THAT(cache->candidate_locations(kLayoutTransport, "here", info_of("none").digest, false), IsEmpty());
}

TEST_F(EngineSource, PiecesOfBlobsAreReadWhereTheyLie) {
  const Descriptor hello = layout.blob("Hello, World!", kTarType);
  layout.write_index({manifest});
  const auto source = must(open(""));
  ASSERT_TRUE(source->supports_get_blob_at());
  const std::vector<BlobChunk> chunks = {{0, 5}, {7, kToEnd}};
  EXPECT_THAT(deliver(source->get_blob_at(blob_info_of(hello), chunks)).chunks,
              ElementsAre("Hello", "World!"));
  const std::vector<BlobChunk> outside = {{0, 14}};
  EXPECT_EQ(failure_of(source->get_blob_at(blob_info_of(hello), outside)), Errc::bad_partial_request);
  EXPECT_EQ(failure_of(source->get_blob_at(blob_info_of(hello), {})), Errc::bad_partial_request);
  // A caller without the size sees only the end.
  EXPECT_EQ(deliver(source->get_blob_at({.digest = hello.digest}, outside)).error, Errc::unexpected_eof);
  EXPECT_EQ(failure_of(source->get_blob_at(info_of("none"), std::vector<BlobChunk>{{0, 1}})),
            Errc::not_found);
}

TEST_F(EngineSource, WhatIsStoppedDoesNothing) {
  layout.write_index({manifest});
  const auto source = must(open(""));
  std::stop_source stop;
  stop.request_stop();
  const Context context{.stop = stop.get_token()};
  EXPECT_EQ(failure_of(source->get_manifest({}, context)), Errc::cancelled);
  EXPECT_EQ(failure_of(source->get_blob(blob_info_of(layer), nullptr, context)), Errc::cancelled);
  EXPECT_EQ(failure_of(source->get_blob_at(blob_info_of(layer), std::vector<BlobChunk>{{0, 1}}, context)),
            Errc::cancelled);
}

// ---- Foreign layers ----

TEST_F(EngineSource, AForeignLayerComesFromTheFirstUrlThatCanBeHad) {
  layout.write_index({manifest});
  BlobInfo foreign = info_of("foreign");
  foreign.urls = {"ftp://a/none", "HTTP://broken/x", "https://good/y", "https://better/z"};
  std::vector<std::string> asked;
  const UrlOpener opener = [&](const std::string& url, const Context&) -> Result<SourceBlob> {
    asked.push_back(url);
    if (url.find("broken") != std::string::npos) return fail(Errc::io, "404 Not Found");
    return SourceBlob{.content = source_of("foreign"), .size = {}, .local = {}};
  };
  const auto source = must(open("", {.open_url = opener}));
  auto blob = must(source->get_blob(foreign));
  EXPECT_EQ(blob.local, nullptr);
  EXPECT_EQ(text_of(std::move(blob)), "foreign");
  EXPECT_THAT(asked, ElementsAre("HTTP://broken/x", "https://good/y"));
  // A local blob needs no URL.
  BlobInfo local = blob_info_of(layer);
  local.urls = foreign.urls;
  EXPECT_EQ(text_of(source->get_blob(local)), "layer");
  EXPECT_EQ(asked.size(), 2u);
}

TEST_F(EngineSource, AForeignLayerThatCannotBeHadIsAnErrorThatSaysWhere) {
  layout.write_index({manifest});
  BlobInfo foreign = info_of("foreign");
  foreign.urls = {"https://a/1", "https://b/2"};
  const auto alone = must(open(""));
  EXPECT_EQ(failure_of(alone->get_blob(foreign)), Errc::not_found);
  EXPECT_THAT(alone->get_blob(foreign).error().message(), HasSubstr("https://a/1, https://b/2"));
  const UrlOpener broken = [](const std::string& url, const Context&) -> Result<SourceBlob> {
    return fail(Errc::io, "no answer from " + url);
  };
  const auto source = must(open("", {.open_url = broken}));
  EXPECT_EQ(failure_of(source->get_blob(foreign)), Errc::io);
  EXPECT_THAT(source->get_blob(foreign).error().message(), HasSubstr("no answer from https://b/2"));
  foreign.urls = {"file:///etc/passwd", "https:"};
  EXPECT_EQ(failure_of(source->get_blob(foreign)), Errc::not_found);
}

// ---- Listing ----

std::vector<std::string> listed(const LayoutReader& engine) {
  std::vector<std::string> references;
  for (const ListedImage& image : must(list_images(engine))) references.push_back(image.reference);
  return references;
}

TEST_F(EngineSource, EveryImageIsListedByWhatItIsFoundBy) {
  EXPECT_THAT(listed(*engine()), IsEmpty());
  layout.write_index({named(manifest, "a"), named(other, "b")});
  EXPECT_THAT(listed(*engine()), ElementsAre("a", "b"));
  const Descriptor odd = layout.index({manifest});
  const Descriptor unknown = layout.blob("unknown", "application/x-unknown");
  layout.write_index({manifest, named(other, "b"), named(unknown, "u"), named(manifest, "twice"),
                      named(other, "twice"), named(odd, "@0"), named(manifest, "sha256:x")});
  EXPECT_THAT(listed(*engine()), ElementsAre("@0", "b", "twice@" + std::string(manifest.digest.short_hex()),
                                             "twice@" + std::string(other.digest.short_hex()), "@5", "@6"));
  for (const ListedImage& image : must(list_images(*engine())))
    EXPECT_EQ(found(image.reference), image.descriptor.digest) << image.reference;
}

TEST_F(EngineSource, AnArchiveIsASourceToo) {
  layout.write_index({named(manifest, "app")});
  const std::string archive = directory / "archive.tar";
  ASSERT_EQ(std::system(("tar -C " + layout.path() + " -cf " + archive + " .").c_str()), 0);
  const auto source =
      must(open_source(std::shared_ptr<const LayoutReader>(must(open_archive(archive))), "app"));
  EXPECT_EQ(must(source->get_manifest()).descriptor.digest, manifest.digest);
  EXPECT_EQ(text_of(source->get_blob(blob_info_of(layer))), "layer");
  EXPECT_THAT(
      deliver(source->get_blob_at(blob_info_of(layer), std::vector<BlobChunk>{{1, 2}, {4, 1}})).chunks,
      ElementsAre("ay", "r"));
}

// ---- The defaults of a source ----

class BareSource final : public ImageSource {
 public:
  const std::string& reference() const noexcept override { return name_; }
  Result<RawManifest> get_manifest(const Digest&, const Context&) override { return RawManifest(); }
  Result<SourceBlob> get_blob(const BlobInfo&, BlobInfoCache*, const Context&) override {
    return SourceBlob();
  }
  bool has_thread_safe_get_blob() const noexcept override { return false; }

 private:
  std::string name_ = "bare";
};

TEST(ImageSource, HasNoPiecesAndNoSignaturesUnlessItSaysSo) {
  BareSource source;
  EXPECT_FALSE(source.supports_get_blob_at());
  EXPECT_EQ(failure_of(source.get_blob_at({}, std::vector<BlobChunk>{{0, 1}})), Errc::unsupported);
  EXPECT_THAT(must(source.get_signatures()), IsEmpty());
  EXPECT_EQ(must(source.layer_infos_for_copy()), std::nullopt);
}

}  // namespace
}  // namespace layoutfs::testing
