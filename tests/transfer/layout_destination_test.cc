// References of a layout, as destinations.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "layoutfs/open.h"
#include "tests/support/layout_writer.h"
#include "tests/transfer/images.h"
#include "tests/transfer/text_accessor.h"

namespace layoutfs::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class EngineDestination : public ::testing::Test {
 protected:
  std::unique_ptr<ImageDestination> open(std::string name, DestinationOptions options = {}) const {
    return must(open_destination(engine, std::move(name), std::move(options)));
  }
  // Returns a manifest with a blob of its own.
  std::string manifest_of(std::string_view what) const {
    const auto destination = open("");
    must(put(*destination, what, {}));
    must(put(*destination, "{}", {}));
    return manifest_text(descriptor_of("{}", kConfigType), {descriptor_of(what, kTarType)});
  }
  Status put_image(std::string name, std::string_view text, DestinationOptions options = {}) const {
    const auto destination = open(std::move(name), std::move(options));
    if (auto put = destination->put_manifest(as_bytes(text)); !put) return put;
    return destination->commit();
  }
  std::optional<std::string> text_of_blob(const Digest& digest) const {
    const auto blob = engine->get_blob(digest);
    return blob ? std::optional(read_text(**blob)) : std::nullopt;
  }

  TempDir directory;
  std::string path = directory / "layout";
  std::shared_ptr<Engine> engine = new_layout(path);
};

// ---- Blobs ----

TEST_F(EngineDestination, ABlobGetsTheDigestAndTheSizeOfItsContent) {
  const auto destination = open("app");
  const std::string text = "31 bytes of text, and no more..";
  ASSERT_EQ(text.size(), 31u);
  for (int again = 0; again < 2; ++again) {
    for (const BlobInfo& info : {BlobInfo(), info_of(text), BlobInfo{.digest = info_of(text).digest},
                                 BlobInfo{.size = text.size()}}) {
      const BlobInfo found = must(put(*destination, text, info));
      EXPECT_EQ(found.digest, Digest::of(as_bytes(text)));
      EXPECT_EQ(found.size, 31u);
    }
  }
  EXPECT_EQ(text_of_blob(info_of(text).digest), text);
  const Digest sha512 = Digest::of(as_bytes(text), Algorithm::sha512);
  EXPECT_EQ(must(put(*destination, text, {.digest = sha512})).digest, sha512);
  EXPECT_EQ(text_of_blob(sha512), text);
}

TEST_F(EngineDestination, WhatIsKnownOfABlobIsHandedOn) {
  BlobInfo info = info_of("layer");
  info.media_type = kGzipType;
  info.annotations.emplace("a", "b");
  const BlobInfo found = must(put(*open("app"), "layer", info));
  EXPECT_EQ(found.media_type, kGzipType);
  EXPECT_EQ(found.annotations, info.annotations);
  EXPECT_EQ(found.compression_operation, LayerCompression::preserve_original);
}

// Looks, while it delivers, whether anybody can see it.
class WatchedSource final : public ByteSource {
 public:
  WatchedSource(const LayoutReader& engine, Digest digest, std::string text, std::optional<Error> failure)
      : engine_(engine), digest_(std::move(digest)), source_(std::move(text), 300, std::move(failure)) {}
  Result<std::size_t> read(std::span<std::byte> out) override {
    EXPECT_FALSE(must(engine_.exists(digest_)));
    return source_.read(out);
  }

 private:
  const LayoutReader& engine_;
  Digest digest_;
  TextSource source_;
};

TEST_F(EngineDestination, ABlobWhoseContentBreaksOffIsNeverThere) {
  const std::string text(1000, 'x');
  const Digest digest = info_of(text).digest;
  const auto destination = open("app");
  WatchedSource broken(*engine, digest, text, Error(Errc::io, "the connection broke"));
  const auto failed = destination->put_blob_with_options(broken, info_of(text));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message(), "the connection broke");
  must(destination->put_manifest(as_bytes(manifest_of("other"))));
  must(destination->commit());
  EXPECT_FALSE(must(engine->exists(digest)));
  WatchedSource whole(*engine, digest, text, {});
  must(destination->put_blob_with_options(whole, info_of(text)));
  EXPECT_EQ(text_of_blob(digest), text);
}

TEST_F(EngineDestination, ContentThatIsNotWhatItWasSaidToBeIsNeverThere) {
  const auto destination = open("app");
  const BlobInfo info = info_of("layer");
  EXPECT_EQ(failure_of(put(*destination, "other", info)), Errc::digest_invalid);
  EXPECT_EQ(failure_of(put(*destination, "layer", {.digest = info.digest, .size = 4})), Errc::size_invalid);
  EXPECT_EQ(failure_of(put(*destination, "layer", {.digest = info.digest, .size = 6})), Errc::size_invalid);
  EXPECT_EQ(failure_of(put(*destination, "layer", {.digest = {}, .size = 6})), Errc::size_invalid);
  EXPECT_EQ(failure_of(put(*destination, "laye", info)), Errc::digest_invalid);
  EXPECT_EQ(failure_of(put(*destination, "layer!", info)), Errc::size_invalid);
  EXPECT_THAT(files_of_blobs(path), IsEmpty());
  // Even if a blob of the right content exists.
  must(put(*destination, "layer", info));
  EXPECT_EQ(failure_of(put(*destination, "other", info)), Errc::digest_invalid);
  EXPECT_EQ(text_of_blob(info.digest), "layer");
}

TEST_F(EngineDestination, ALocalBlobIsTakenInsteadOfTheStreamAndVerified) {
  const auto destination = open("app");
  const BlobInfo info = info_of("layer");
  TextSource unread("", 1, Error(Errc::io, "it was read"));
  const auto from = [](std::string text) {
    return PutBlobOptions{.local = std::make_shared<const TextBlob>(text)};
  };
  EXPECT_EQ(failure_of(destination->put_blob_with_options(unread, info, from("other"))),
            Errc::digest_invalid);
  EXPECT_THAT(files_of_blobs(path), IsEmpty());
  EXPECT_EQ(must(destination->put_blob_with_options(unread, info, from("layer"))).size, 5u);
  EXPECT_EQ(must(destination->put_blob_with_options(unread, {}, from("layer"))).digest, info.digest);
  EXPECT_EQ(text_of_blob(info.digest), "layer");
}

TEST_F(EngineDestination, WhatIsStoppedPutsNothing) {
  std::stop_source stop;
  stop.request_stop();
  const Context context{.stop = stop.get_token()};
  const auto destination = open("app");
  EXPECT_EQ(failure_of(put(*destination, "layer", {}, {}, context)), Errc::cancelled);
  EXPECT_EQ(failure_of(destination->try_reusing_blob_with_options(info_of("x"), {}, context)),
            Errc::cancelled);
  EXPECT_EQ(
      failure_of(destination->put_manifest(as_bytes("{}"), {.descriptor = {.media_type = "a/b"}}, context)),
      Errc::cancelled);
  EXPECT_THAT(files_of_blobs(path), IsEmpty());
  must(destination->put_manifest(as_bytes(manifest_of("x"))));
  EXPECT_EQ(failure_of(destination->commit(context)), Errc::cancelled);
  EXPECT_THAT(entry_names(*engine), IsEmpty());
}

TEST_F(EngineDestination, AnyNumberOfThreadsMayPutBlobs) {
  const auto destination = open("app");
  ASSERT_TRUE(destination->properties().has_thread_safe_put_blob);
  const auto cache = memory_cache();
  const auto text = [](int number) { return std::string(static_cast<std::size_t>(number) * 5'000, 'x'); };
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 20; ++i) {
        const int number = (i + thread * 5) % 20;  // each blob by every thread
        const BlobInfo info = info_of(text(number));
        EXPECT_TRUE(destination->try_reusing_blob_with_options(info, {.cache = cache.get()}));
        const auto found =
            put(*destination, text(number), i % 2 == 0 ? info : BlobInfo(), {.cache = cache.get()});
        EXPECT_TRUE(found && found->digest == info.digest);
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(files_of_blobs(path), SizeIs(20));
  for (int number = 0; number < 20; ++number)
    EXPECT_EQ(text_of_blob(info_of(text(number)).digest), text(number));
}

// ---- Reuse ----

TEST_F(EngineDestination, ABlobThatIsThereIsReused) {
  const auto destination = open("app");
  const BlobInfo info = info_of("layer");
  EXPECT_EQ(failure_of(destination->try_reusing_blob_with_options({})), Errc::digest_invalid);
  EXPECT_EQ(must(destination->try_reusing_blob_with_options(info)), std::nullopt);
  must(put(*destination, "layer", info));
  const auto reused = must(destination->try_reusing_blob_with_options({.digest = info.digest}));
  ASSERT_TRUE(reused);
  EXPECT_EQ(reused->digest, info.digest);
  EXPECT_EQ(reused->size, 5u);
  // The size is wrong.
  EXPECT_EQ(must(destination->try_reusing_blob_with_options({.digest = info.digest, .size = 6})),
            std::nullopt);
}

TEST_F(EngineDestination, ADamagedBlobOfTheRightSizeIsNotReusedAndReplaced) {
  const auto destination = open("app");
  for (const std::string& text : {std::string("{}"), std::string(3'000'000, 'x')}) {
    const BlobInfo info = info_of(text);
    write_file(path + "/" + info.digest.blob_path(), std::string(text.size(), '\0'));
    EXPECT_EQ(must(destination->try_reusing_blob_with_options(info)), std::nullopt);
    must(put(*destination, text, info));
    EXPECT_EQ(text_of_blob(info.digest), text);
    EXPECT_TRUE(must(destination->try_reusing_blob_with_options(info)));
  }
}

TEST_F(EngineDestination, ALargeLayerIsVerifiedOnRequest) {
  const auto destination = open("app");
  const std::string text(2'000'000, 'x');
  BlobInfo info = info_of(text);
  info.media_type = kGzipType;
  write_file(path + "/" + info.digest.blob_path(), std::string(text.size(), '\0'));
  EXPECT_TRUE(must(destination->try_reusing_blob_with_options(info)));
  EXPECT_EQ(must(destination->try_reusing_blob_with_options(info, {.verifies_all = true})), std::nullopt);
  std::stop_source stopped;
  stopped.request_stop();
  EXPECT_EQ(failure_of(destination->try_reusing_blob_with_options(
                info, {.verifies_all = true}, {.stop = stopped.get_token(), .deadline = {}})),
            Errc::cancelled);
}

TEST_F(EngineDestination, ADamagedManifestIsReplaced) {
  const std::string text = manifest_of("layer");
  write_file(path + "/" + info_of(text).digest.blob_path(), std::string(text.size(), ' '));
  must(put_image("app", text));
  EXPECT_EQ(text_of_blob(info_of(text).digest), text);
}

constexpr std::string_view kPlain = "a layer, not compressed";
constexpr std::string_view kGzip = "\x1f\x8b the same by gzip";
constexpr std::string_view kZstd = "\x28\xb5\x2f\xfd the same by zstd";

TEST_F(EngineDestination, ASubstituteIsReusedWhereItWillDo) {
  const auto destination = open("app");
  const auto cache = memory_cache();
  for (const std::string_view text : {kGzip, kZstd})
    cache->record_digest_uncompressed_pair(info_of(text).digest, info_of(kPlain).digest);
  must(put(*destination, kZstd, {}, {.cache = cache.get()}));
  const auto reuse = [&](std::string_view text, bool can_substitute) {
    return must(destination->try_reusing_blob_with_options(
        info_of(text), {.cache = cache.get(), .can_substitute = can_substitute}));
  };
  EXPECT_EQ(reuse(kGzip, false), std::nullopt);
  auto found = reuse(kGzip, true);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->digest, info_of(kZstd).digest);
  EXPECT_EQ(found->size, kZstd.size());
  EXPECT_EQ(found->compression_operation, LayerCompression::compress);
  EXPECT_EQ(found->compression_algorithm, Compression::zstd);
  // The blob itself takes precedence.
  found = reuse(kZstd, true);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->compression_operation, LayerCompression::preserve_original);
  // A recorded one that is damaged or removed.
  write_file(path + "/" + info_of(kZstd).digest.blob_path(), std::string(kZstd.size(), '\0'));
  EXPECT_EQ(reuse(kGzip, true), std::nullopt);
  EXPECT_TRUE(must(engine->delete_blob(info_of(kZstd).digest)));
  EXPECT_EQ(reuse(kGzip, true), std::nullopt);
  must(put(*destination, kPlain, {}));
  found = reuse(kGzip, true);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->digest, info_of(kPlain).digest);
  EXPECT_EQ(found->compression_operation, LayerCompression::decompress);
  EXPECT_EQ(found->compression_algorithm, Compression::none);
  EXPECT_EQ(must(destination->try_reusing_blob_with_options(info_of(kGzip), {.can_substitute = true})),
            std::nullopt);
}

// ---- Options ----

TEST_F(EngineDestination, OptionsThatContradictEachOtherAreRefusedByName) {
  const auto destination = open("app");
  const auto refusal = [&](const BlobInfo& info, const PutBlobOptions& options) {
    const auto stored = put(*destination, "{}", info, options);
    return stored ? "stored" : stored.error().message();
  };
  EXPECT_THAT(refusal({}, {.is_config = true, .layer_index = 0}), HasSubstr("layer_index"));
  EXPECT_THAT(refusal({}, {.is_config = true, .is_empty_layer = true}), HasSubstr("is_empty_layer"));
  EXPECT_THAT(refusal({.digest = info_of("{}").digest, .size = std::uint64_t{5} << 20}, {.is_config = true}),
              HasSubstr("is_config"));
  EXPECT_THAT(files_of_blobs(path), IsEmpty());
  EXPECT_EQ(refusal({}, {.is_config = true}), "stored");
  EXPECT_EQ(
      failure_of(open_destination(
          engine, "app", {.batch = std::make_shared<ReferenceBatch>(), .replaced = ReplacedEntry::removed})),
      Errc::invalid_argument);
}

TEST_F(EngineDestination, AnEmptyLayerIsVerifiedAndNotStored) {
  const auto destination = open("app");
  const std::string text =
      manifest_text(descriptor_of("{}", kConfigType), {descriptor_of("nothing", kTarType)});
  EXPECT_EQ(failure_of(put(*destination, "other", info_of("nothing"), {.is_empty_layer = true})),
            Errc::digest_invalid);
  EXPECT_EQ(must(put(*destination, "nothing", {}, {.is_empty_layer = true})).digest,
            info_of("nothing").digest);
  EXPECT_TRUE(must(destination->try_reusing_blob_with_options(info_of("none"), {.is_empty_layer = true})));
  EXPECT_FALSE(must(destination->try_reusing_blob_with_options({.digest = info_of("none").digest},
                                                               {.is_empty_layer = true})));
  EXPECT_THAT(files_of_blobs(path), IsEmpty());
  const auto refused = destination->put_manifest(as_bytes(text));
  ASSERT_FALSE(refused);
  EXPECT_EQ(registry_code(refused.error()), RegistryCode::manifest_blob_unknown);
  EXPECT_THAT(refused.error().message(), HasSubstr("is_empty_layer"));
  must(put(*destination, "nothing", {}));
  must(destination->put_manifest(as_bytes(text)));
}

TEST_F(EngineDestination, ErrorsNameTheLayer) {
  const auto destination = open("app");
  const auto failed = put(*destination, "other", info_of("layer"), {.layer_index = 3});
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message(), ::testing::StartsWith("layer 3: "));
  const auto unnamed = destination->try_reusing_blob_with_options({}, {.layer_index = 4});
  ASSERT_FALSE(unnamed);
  EXPECT_THAT(unnamed.error().message(), ::testing::StartsWith("layer 4: "));
}

// ---- Manifests and names ----

TEST_F(EngineDestination, NothingHasANameBeforeCommit) {
  const auto destination = open("app");
  EXPECT_EQ(destination->reference(), "app");
  EXPECT_EQ(failure_of(destination->commit()), Errc::failed_precondition);
  const std::string text = manifest_of("layer");
  must(destination->put_manifest(as_bytes(text), {.is_instance = true}));
  EXPECT_EQ(failure_of(destination->commit()), Errc::failed_precondition);
  must(destination->put_manifest(as_bytes(text)));
  EXPECT_THAT(entry_names(*engine), IsEmpty());
  EXPECT_EQ(text_of_blob(info_of(text).digest), text);
  must(destination->commit());
  EXPECT_THAT(entry_names(*engine), ElementsAre("app"));
  const Descriptor entry = must(engine->get_reference("app"));
  EXPECT_EQ(entry.digest, info_of(text).digest);
  EXPECT_EQ(entry.size, text.size());
  EXPECT_EQ(entry.media_type, kManifestType);
  must(destination->commit());
  EXPECT_THAT(entry_names(*engine), ElementsAre("app"));
}

TEST_F(EngineDestination, TheEntryIsWhatTheManifestIsToBeKnownBy) {
  const std::string text = manifest_of("layer");
  Descriptor wanted = descriptor_of(text, kDockerManifestType);
  wanted.annotations = {{"a", "b"}, {std::string(kRefName), "old"}};
  wanted.platform = Platform{"linux", "arm64"};
  wanted.size = 1;
  const auto destination = open("app");
  must(destination->put_manifest(as_bytes(text), {.descriptor = wanted}));
  must(destination->commit());
  const Descriptor entry = must(engine->get_reference("app"));
  EXPECT_EQ(entry.media_type, kDockerManifestType);
  EXPECT_EQ(entry.platform, wanted.platform);
  EXPECT_EQ(entry.annotations, (Annotations{{"a", "b"}}));
  EXPECT_EQ(entry.size, text.size());
  wanted.digest = Digest::of(as_bytes("other"));
  EXPECT_EQ(failure_of(destination->put_manifest(as_bytes(text), {.descriptor = wanted})),
            Errc::digest_invalid);
  EXPECT_EQ(registry_failure_of(destination->put_manifest(as_bytes("no manifest"))),
            RegistryCode::manifest_invalid);
  wanted.digest = Digest::of(as_bytes(text), Algorithm::sha512);
  must(destination->put_manifest(as_bytes(text), {.descriptor = wanted}));
  must(destination->commit());
  EXPECT_EQ(must(engine->get_reference("app")).digest, wanted.digest);
}

TEST_F(EngineDestination, ASecondNameIsASecondEntry) {
  const std::string text = manifest_of("layer");
  must(put_image("", manifest_of("another")));
  must(put_image("first", text));
  EXPECT_THAT(entry_names(*engine), ElementsAre("-", "first"));
  must(put_image("first", text));
  EXPECT_THAT(entry_names(*engine), ElementsAre("-", "first"));
  must(put_image("imageValue", text));
  EXPECT_THAT(entry_names(*engine), ElementsAre("-", "first", "imageValue"));
  must(put_image("zomg", text));
  EXPECT_THAT(entry_names(*engine), ElementsAre("-", "first", "imageValue", "zomg"));
}

TEST_F(EngineDestination, WhatHadTheNameStaysWithoutOne) {
  const std::string old_text = manifest_of("old"), new_text = manifest_of("new");
  must(put_image("app", old_text));
  must(put_image("app", new_text));
  EXPECT_THAT(entry_names(*engine), ElementsAre("-", "app"));
  EXPECT_EQ(must(engine->get_reference("app")).digest, info_of(new_text).digest);
  EXPECT_EQ(must(engine->references())->entries.front().digest, info_of(old_text).digest);
  // The entry gets the name back.
  must(put_image("app", old_text));
  EXPECT_THAT(entry_names(*engine), ElementsAre("app", "-"));
  EXPECT_EQ(must(engine->get_reference("app")).digest, info_of(old_text).digest);
}

TEST_F(EngineDestination, WhatHadTheNameGoesWhereThatIsWanted) {
  must(put_image("app", manifest_of("old")));
  must(put_image("other", manifest_of("other")));
  const std::string new_text = manifest_of("new");
  must(put_image("app", new_text, {.replaced = ReplacedEntry::removed}));
  EXPECT_THAT(entry_names(*engine), ElementsAre("app", "other"));
  EXPECT_EQ(must(engine->get_reference("app")).digest, info_of(new_text).digest);
}

TEST_F(EngineDestination, NamesAreChecked) {
  for (const std::string_view name : {"../x", "a b", "/", "a//b", "-", "a\n"})
    EXPECT_EQ(failure_of(open_destination(engine, std::string(name))), Errc::invalid_argument) << name;
  EXPECT_TRUE(open_destination(engine, "docker.io/library/app:1.2"));
}

TEST_F(EngineDestination, SignaturesHaveNoPlace) {
  const auto destination = open("app");
  EXPECT_TRUE(destination->put_signatures({}));
  EXPECT_EQ(failure_of(destination->supports_signatures()), Errc::unsupported);
  const std::vector<Signature> one = {Bytes(3)};
  EXPECT_EQ(failure_of(destination->put_signatures(one)), Errc::unsupported);
}

TEST_F(EngineDestination, ReferencesThatAreFilesArePutToo) {
  const auto refs = std::shared_ptr<Engine>(must(
      open_dir(directory / "refs", {.create_if_missing = true, .created_with = ReferenceFormat::refs_dir})));
  const std::string text = manifest_of("layer");
  const auto put_there = [&](std::string name, std::string_view manifest) -> Status {
    const auto destination = must(open_destination(refs, std::move(name)));
    must(destination->put_manifest(as_bytes(manifest)));
    return destination->commit();
  };
  must(put_there("app", text));
  const std::string other = manifest_of("other");
  must(put_there("app", other));
  EXPECT_EQ(must(refs->get_reference("app")).digest, info_of(other).digest);
  EXPECT_EQ(failure_of(put_there("", text)), Errc::unsupported);
}

// ---- Whole images ----

class Copy : public EngineDestination {
 protected:
  LayoutWriter from{directory / "from"};
  Descriptor layer = from.blob(std::string(300'000, 'l'), kTarType);
  Descriptor config = from.config({layer.digest});
  Descriptor manifest = from.manifest(config, {layer});
  Descriptor other = from.manifest(config, {layer, from.blob("top", kGzipType)});
  Descriptor index =
      from.index({for_platform(manifest, {"linux", "amd64"}), for_platform(other, {"linux", "arm64"})});

  std::unique_ptr<ImageSource> source(std::string_view name) const {
    return must(open_source(std::shared_ptr<const LayoutReader>(must(open_dir(from.path()))), name));
  }
};

TEST_F(Copy, AllOfAnImageArrives) {
  from.write_index({named(index, "many"), named(manifest, "one")});
  must(copy_image(*source("many"), *open("copy")));
  EXPECT_THAT(entry_names(*engine), ElementsAre("copy"));
  EXPECT_EQ(must(engine->get_reference("copy")), index);
  EXPECT_EQ(files_of_blobs(path), files_of_blobs(from.path()));
  for (const Descriptor& blob : {layer, config, manifest, other, index})
    EXPECT_EQ(text_of_blob(blob.digest), file_text(from.blob_path(blob.digest)));
}

TEST_F(Copy, ALayerThatIsDamagedAtItsSourceStopsIt) {
  from.write_index({named(manifest, "one")});
  write_file(from.blob_path(layer.digest), std::string(300'000, 'm'));
  EXPECT_EQ(failure_of(copy_image(*source("one"), *open("copy"))), Errc::digest_invalid);
  EXPECT_THAT(entry_names(*engine), IsEmpty());
  EXPECT_FALSE(must(engine->exists(layer.digest)));
}

TEST_F(Copy, ManyImagesAreNamedInOneStep) {
  from.write_index({named(index, "many"), named(manifest, "one")});
  const auto batch = std::make_shared<ReferenceBatch>();
  const auto blobs = std::shared_ptr<BlobBatch>(engine->start_batch());
  must(copy_image(*source("many"), *open("a", {.batch = batch, .blobs = blobs})));
  must(copy_image(*source("one"), *open("b", {.batch = batch, .blobs = blobs})));
  EXPECT_THAT(entry_names(*engine), IsEmpty());
  EXPECT_EQ(batch->size(), 2u);
  // A name without its blob is not written.
  EXPECT_EQ(failure_of(batch->write(*engine)), Errc::not_found);
  EXPECT_EQ(batch->size(), 2u);
  must(blobs->flush());
  must(batch->write(*engine));
  EXPECT_EQ(batch->size(), 0u);
  EXPECT_THAT(entry_names(*engine), ElementsAre("a", "b"));
  EXPECT_EQ(files_of_blobs(path), files_of_blobs(from.path()));
}

TEST_F(Copy, CommitFlushesItsBlobs) {
  from.write_index({named(manifest, "one")});
  const auto blobs = std::shared_ptr<BlobBatch>(engine->start_batch());
  must(copy_image(*source("one"), *open("b", {.blobs = blobs})));
  EXPECT_THAT(entry_names(*engine), ElementsAre("b"));
  EXPECT_TRUE(must(engine->exists(layer.digest)));
}

TEST_F(Copy, ANewArchiveIsADestinationToo) {
  from.write_index({named(index, "many")});
  const std::string archive = directory / "archive.tar";
  const std::shared_ptr<ArchiveWriter> writer = must(create_archive(archive));
  const auto destination = must(open_destination(std::static_pointer_cast<Engine>(writer), "copy"));
  must(copy_image(*source("many"), *destination));
  TextAccessor pieces("none");
  EXPECT_EQ(failure_of(destination->put_blob_partial(pieces, info_of("none"))), Errc::partial_fallback);
  must(writer->finish());
  const auto read = must(open_archive(archive));
  EXPECT_EQ(must(read->get_reference("copy")), index);
  EXPECT_EQ(must(read->list_all_blobs()).size(), files_of_blobs(from.path()).size());
}

}  // namespace
}  // namespace layoutfs::testing
