// Repositories, as sources and as destinations.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "layoutfs/registry.h"
#include "tests/support/layout_writer.h"
#include "tests/transfer/images.h"

namespace layoutfs::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view kApp = "example/app";

class RegistryTransfer : public ::testing::Test {
 protected:
  std::unique_ptr<ImageDestination> open(std::string repository, std::string tag) const {
    return must(open_destination(registry, std::move(repository), std::move(tag)));
  }
  std::unique_ptr<ImageSource> source(std::string_view reference) const {
    return must(open_source(registry, std::string(kApp), reference));
  }
  std::unique_ptr<ImageSource> layout_source(std::string_view name) const {
    return must(open_source(std::shared_ptr<const LayoutReader>(must(open_dir(from.path()))), name));
  }

  TempDir directory;
  std::string path = directory / "layout";
  std::shared_ptr<Registry> registry = must(open_registry(path, {.is_durable = false}));
  LayoutWriter from{directory / "from"};
  Descriptor layer = from.blob(std::string(600'000, 'l'), kTarType);
  Descriptor config = from.config({layer.digest});
  Descriptor manifest = from.manifest(config, {layer});
  Descriptor other = from.manifest(config, {layer, from.blob("top", kGzipType)});
  Descriptor index = from.index({manifest, other});
};

TEST_F(RegistryTransfer, AnImageGoesThereAndBack) {
  from.write_index({named(index, "many")});
  const auto destination = open(std::string(kApp), "1.0");
  EXPECT_EQ(destination->reference(), "example/app:1.0");
  must(copy_image(*layout_source("many"), *destination));
  EXPECT_THAT(must(registry->tags(kApp)), ElementsAre("1.0"));
  EXPECT_EQ(must(registry->resolve_tag(kApp, "1.0")).digest, index.digest);
  // The children of the index are manifests of the repository, but not entries.
  EXPECT_EQ(must(registry->resolve_manifest(kApp, other.digest)).digest, other.digest);
  EXPECT_THAT(entry_names(*must(open_dir(path))), ElementsAre("example/app:1.0"));

  const std::string back = directory / "back";
  const auto tagged = source("1.0");
  EXPECT_EQ(tagged->reference(), "example/app:1.0");
  must(copy_image(*tagged, *must(open_destination(new_layout(back), "copy"))));
  EXPECT_EQ(files_of_blobs(back), files_of_blobs(from.path()));
  EXPECT_EQ(must(must(open_dir(back))->get_reference("copy")).digest, index.digest);
}

TEST_F(RegistryTransfer, ASourceStaysWhatItWasWhenItsTagMoves) {
  from.write_index({named(manifest, "one"), named(other, "two")});
  must(copy_image(*layout_source("one"), *open(std::string(kApp), "latest")));
  const auto first = source("latest");
  must(copy_image(*layout_source("two"), *open(std::string(kApp), "latest")));
  EXPECT_EQ(must(first->get_manifest()).descriptor.digest, manifest.digest);
  EXPECT_EQ(as_text(must(first->get_manifest(manifest.digest)).bytes),
            file_text(from.blob_path(manifest.digest)));
  EXPECT_EQ(must(source("latest")->get_manifest()).descriptor.digest, other.digest);
  EXPECT_EQ(must(source(other.digest.str())->get_manifest()).descriptor.digest, other.digest);
  EXPECT_EQ(registry_failure_of(open_source(registry, std::string(kApp), manifest.digest.str())),
            RegistryCode::manifest_unknown);
  EXPECT_EQ(registry_failure_of(open_source(registry, std::string(kApp), "none")),
            RegistryCode::manifest_unknown);
  EXPECT_EQ(registry_failure_of(open_source(registry, "example/none", "none")), RegistryCode::name_unknown);
  EXPECT_EQ(registry_failure_of(open_source(registry, "No", "none")), RegistryCode::name_invalid);
}

TEST_F(RegistryTransfer, BlobsAndTheirPiecesAreReadAndRecorded) {
  from.write_index({named(manifest, "one")});
  must(copy_image(*layout_source("one"), *open(std::string(kApp), "latest")));
  const auto tagged = source("latest");
  const auto cache = memory_cache();
  EXPECT_EQ(text_of(tagged->get_blob(blob_info_of(layer), cache.get())), std::string(600'000, 'l'));
  const auto candidates = cache->candidate_locations(kRegistryTransport, "", layer.digest, false);
  ASSERT_THAT(candidates, SizeIs(1));
  EXPECT_EQ(candidates[0].location, kApp);
  EXPECT_THAT(
      deliver(tagged->get_blob_at(blob_info_of(layer), std::vector<BlobChunk>{{3, 2}, {9, 1}})).chunks,
      ElementsAre("ll", "l"));
  EXPECT_EQ(registry_failure_of(tagged->get_blob(info_of("none"))), RegistryCode::blob_unknown);
  BlobInfo foreign = info_of("none");
  foreign.urls = {"https://a/b"};
  EXPECT_EQ(failure_of(tagged->get_blob(foreign)), Errc::not_found);
}

TEST_F(RegistryTransfer, ContentThatIsNotWhatItWasSaidToBeIsNeverThere) {
  const auto destination = open(std::string(kApp), "1.0");
  const BlobInfo info = info_of("layer");
  EXPECT_EQ(failure_of(put(*destination, "other", info)), Errc::digest_invalid);
  EXPECT_EQ(failure_of(put(*destination, "layer", {.digest = info.digest, .size = 4})), Errc::size_invalid);
  EXPECT_EQ(failure_of(put(*destination, "layer", {.digest = info.digest, .size = 6})), Errc::size_invalid);
  TextSource broken("layer", 2, Error(Errc::io, "the connection broke"));
  EXPECT_EQ(failure_of(destination->put_blob_with_options(broken, info)), Errc::io);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(failure_of(put(*destination, "layer", info, {}, {.stop = stop.get_token()})), Errc::cancelled);
  EXPECT_THAT(files_of_blobs(path), IsEmpty());
  EXPECT_EQ(must(put(*destination, "layer", {})).digest, info.digest);
  EXPECT_EQ(must(put(*destination, "layer", info)).size, 5u);
  // It is verified even if it exists already.
  EXPECT_EQ(failure_of(put(*destination, "other", info)), Errc::digest_invalid);
  EXPECT_THAT(files_of_blobs(path), ElementsAre("sha256/" + info.digest.hex()));
}

TEST_F(RegistryTransfer, AManifestNeedsWhatItNames) {
  const auto destination = open(std::string(kApp), "1.0");
  EXPECT_EQ(failure_of(destination->commit()), Errc::failed_precondition);
  must(destination->put_manifest(as_bytes(file_text(from.blob_path(manifest.digest)))));
  EXPECT_EQ(registry_failure_of(destination->commit()), RegistryCode::manifest_invalid);
  EXPECT_THAT(files_of_blobs(path), IsEmpty());
  EXPECT_EQ(failure_of(destination->put_manifest(as_bytes("{}"), {.descriptor = layer})),
            Errc::digest_invalid);
  EXPECT_EQ(registry_failure_of(destination->put_manifest(as_bytes("nothing"))),
            RegistryCode::manifest_invalid);
  const std::vector<Signature> one = {Bytes(3)};
  EXPECT_TRUE(destination->put_signatures({}));
  EXPECT_EQ(failure_of(destination->put_signatures(one)), Errc::unsupported);
}

TEST_F(RegistryTransfer, WithoutATagTheManifestIsThereByItsDigest) {
  from.write_index({named(manifest, "one")});
  must(copy_image(*layout_source("one"), *open(std::string(kApp), "")));
  EXPECT_THAT(must(registry->tags(kApp)), IsEmpty());
  EXPECT_EQ(must(registry->resolve_manifest(kApp, manifest.digest)).digest, manifest.digest);
}

TEST_F(RegistryTransfer, NamesAreChecked) {
  EXPECT_EQ(registry_failure_of(open_destination(registry, "UPPER", "1")), RegistryCode::name_invalid);
  EXPECT_EQ(registry_failure_of(open_destination(registry, "", "1")), RegistryCode::name_invalid);
  EXPECT_EQ(registry_failure_of(open_destination(registry, "a", "b/c")), RegistryCode::name_invalid);
}

TEST_F(RegistryTransfer, AnyNumberOfThreadsMayPutBlobs) {
  const auto destination = open(std::string(kApp), "1.0");
  ASSERT_TRUE(destination->properties().has_thread_safe_put_blob);
  const auto text = [](int number) { return std::string(static_cast<std::size_t>(number) * 5'000, 'x'); };
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 10; ++i) {
        const BlobInfo info = info_of(text((i + thread * 3) % 10));
        EXPECT_TRUE(put(*destination, text((i + thread * 3) % 10), info));
        EXPECT_TRUE(must(destination->try_reusing_blob_with_options(info)));
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(files_of_blobs(path), SizeIs(10));
}

// ---- Options ----

TEST_F(RegistryTransfer, OptionsOfLayoutsAreRefusedByName) {
  const auto layout = new_layout(directory / "other");
  const auto refusal = [&](DestinationOptions options) {
    const auto opened = open_destination(registry, std::string(kApp), "1.0", std::move(options));
    return opened ? "taken" : opened.error().message();
  };
  EXPECT_THAT(refusal({.batch = std::make_shared<ReferenceBatch>()}), HasSubstr("batch"));
  EXPECT_THAT(refusal({.blobs = std::shared_ptr<BlobBatch>(layout->start_batch())}), HasSubstr("blobs"));
  EXPECT_THAT(refusal({.find_spans = [](const BlobInfo&) { return std::vector<SharedSpan>(); }}),
              HasSubstr("find_spans"));
  EXPECT_THAT(refusal({.replaced = ReplacedEntry::removed}), HasSubstr("replaced"));
  EXPECT_EQ(refusal({.scope = "here"}), "taken");
  EXPECT_EQ(failure_of(open_source(registry, std::string(kApp), "1.0", {.platform = {"plan9", "mips", ""}})),
            Errc::unsupported);
  EXPECT_EQ(failure_of(open_repositories(directory.path(), {.default_repository = "app"})),
            Errc::invalid_argument);
}

TEST_F(RegistryTransfer, TheEntryIsWhatTheManifestIsToBeKnownBy) {
  from.write_index({manifest});
  const auto destination = open(std::string(kApp), "1.0");
  must(copy_manifest(*layout_source(""), *destination, {}));
  const std::string text = read_text(*must(must(open_dir(from.path()))->get_blob(manifest.digest)));
  const Descriptor known{.media_type = {},
                         .digest = {},
                         .size = 0,
                         .annotations = {{"org.example.note", "kept"}, {std::string(kRefName), "not this"}},
                         .platform = Platform{"linux", "arm64", ""}};
  must(destination->put_manifest(as_bytes(text), {.descriptor = known}));
  must(destination->commit());
  const Descriptor entry = must(registry->resolve_tag(kApp, "1.0"));
  EXPECT_EQ(entry.annotation("org.example.note"), "kept");
  EXPECT_EQ(entry.ref_name(), "example/app:1.0");
  EXPECT_EQ(entry.platform, known.platform);
}

TEST_F(RegistryTransfer, AnEmptyLayerIsVerifiedAndNotStored) {
  const auto destination = open(std::string(kApp), "1.0");
  EXPECT_EQ(failure_of(put(*destination, "other", info_of("nothing"), {.is_empty_layer = true})),
            Errc::digest_invalid);
  EXPECT_EQ(must(put(*destination, "nothing", {}, {.is_empty_layer = true})).digest,
            info_of("nothing").digest);
  EXPECT_THAT(files_of_blobs(path), ::testing::IsEmpty());
  must(put(*destination, "{}", {}, {.is_config = true}));
  const std::string text =
      manifest_text(descriptor_of("{}", kConfigType), {descriptor_of("nothing", kTarType)});
  EXPECT_EQ(registry_failure_of(destination->put_manifest(as_bytes(text))),
            RegistryCode::manifest_blob_unknown);
}

// ---- Reuse, between layouts of their own ----

class Repositories : public ::testing::Test {
 protected:
  std::unique_ptr<ImageDestination> open(std::string repository) const {
    return must(open_destination(registry, std::move(repository), "latest"));
  }
  std::optional<BlobInfo> reuse(std::string_view text, TryReusingBlobOptions options) const {
    return must(open("to/app")->try_reusing_blob_with_options(info_of(text), options));
  }
  bool has(std::string_view text) const {
    return registry->resolve_blob("to/app", info_of(text).digest).has_value();
  }

  TempDir directory;
  std::shared_ptr<Registry> registry = must(open_repositories(directory.path(), {.is_durable = false}));
  std::unique_ptr<BlobInfoCache> cache = memory_cache();
};

TEST_F(Repositories, ABlobOfAnotherOneIsMountedWhereItIsKnown) {
  must(put(*open("from/app"), "layer", {}, {.cache = cache.get()}));
  EXPECT_EQ(reuse("layer", {}), std::nullopt);
  const auto reused = reuse("layer", {.cache = cache.get()});
  ASSERT_TRUE(reused);
  EXPECT_EQ(reused->size, 5u);
  EXPECT_TRUE(has("layer"));
  EXPECT_EQ(reuse("other", {.cache = cache.get()}), std::nullopt);
  EXPECT_EQ(failure_of(open("to/app")->try_reusing_blob_with_options({})), Errc::digest_invalid);
}

TEST_F(Repositories, ABlobOfTheImageThatIsCopiedIsMounted) {
  must(put(*open("from/app"), "layer", {}));
  EXPECT_EQ(reuse("layer", {.source_reference = must(RegistryReference::parse("from/none:1"))}),
            std::nullopt);
  EXPECT_TRUE(reuse("layer", {.source_reference = must(RegistryReference::parse("from/app:1"))}));
  EXPECT_TRUE(has("layer"));
}

TEST_F(Repositories, ASubstituteIsMountedWhereItWillDo) {
  constexpr std::string_view kSmaller = "\x1f\x8b a layer", kOriginal = "the layer";
  cache->record_digest_uncompressed_pair(info_of(kSmaller).digest, info_of(kOriginal).digest);
  must(put(*open("from/app"), kSmaller, {}, {.cache = cache.get()}));
  EXPECT_EQ(reuse(kOriginal, {.cache = cache.get()}), std::nullopt);
  const auto reused = reuse(kOriginal, {.cache = cache.get(), .can_substitute = true});
  ASSERT_TRUE(reused);
  EXPECT_EQ(reused->digest, info_of(kSmaller).digest);
  EXPECT_EQ(reused->compression_operation, LayerCompression::compress);
  EXPECT_EQ(reused->compression_algorithm, Compression::gzip);
  EXPECT_TRUE(has(kSmaller));
  EXPECT_FALSE(has(kOriginal));
}

TEST_F(Repositories, AMountReplacesADamagedBlob) {
  must(put(*open("from/app"), "layer", {}, {.cache = cache.get()}));
  must(put(*open("to/app"), "another", {}));
  const std::string file = directory / "to/app/" + info_of("layer").digest.blob_path();
  for (const char* damaged : {"reyal", "lay", "layers"}) {
    write_file(file, damaged);
    EXPECT_TRUE(reuse("layer", {.cache = cache.get()})) << damaged;
    EXPECT_EQ(file_text(file), "layer");
  }
}

TEST_F(Repositories, ADamagedBlobIsNotReused) {
  must(put(*open("from/app"), "layer", {}, {.cache = cache.get()}));
  write_file(directory / "from/app/" + info_of("layer").digest.blob_path(), "reyal");
  EXPECT_EQ(reuse("layer", {.cache = cache.get()}), std::nullopt);
  EXPECT_FALSE(has("layer"));
  // A blob of the repository itself.
  must(put(*open("to/app"), "layer", {}));
  EXPECT_TRUE(reuse("layer", {}));
  const std::string file = directory / "to/app/" + info_of("layer").digest.blob_path();
  write_file(file, "reyal");
  EXPECT_EQ(reuse("layer", {}), std::nullopt);
  must(put(*open("to/app"), "layer", {}));
  EXPECT_EQ(file_text(file), "layer");
  // The size is not the declared one.
  BlobInfo larger = info_of("layer");
  larger.size = 6;
  EXPECT_EQ(must(open("to/app")->try_reusing_blob_with_options(larger)), std::nullopt);
}

}  // namespace
}  // namespace layoutfs::testing
