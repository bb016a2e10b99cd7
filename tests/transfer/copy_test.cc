// Images that go from one layout to another.
#include "core/transfer/copy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <random>

#include "layoutfs/gc.h"
#include "tests/support/documents.h"
#include "tests/support/referrer_layouts.h"
#include "tests/transfer/images.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using testing::entry_names;
using testing::failure_of;
using ::testing::IsEmpty;
using testing::must;
using testing::new_layout;
using testing::TempDir;

class Copying : public ::testing::Test {
 protected:
  static std::string noise(std::size_t size) {
    std::mt19937_64 random(7);
    std::string text(size, '\0');
    for (char& c : text) c = static_cast<char>(random());
    return text;
  }
  Descriptor image_of(const std::vector<Descriptor>& layers) {
    return writer.manifest(writer.config({}), layers);
  }
  Result<CopyCounts> copy(const std::vector<NamedDescriptor>& images, const ImageCopyOptions& options) const {
    return copy_images(must(open_dir(writer.path())), target, images, options);
  }
  // The function of the public interface.
  Result<CopyCounts> copy(const std::vector<NamedDescriptor>& images, const CopyOptions& options = {}) const {
    return copy_images(must(open_dir(writer.path())), target, images, options);
  }
  std::size_t blobs() const { return must(target->list_all_blobs()).size(); }

  TempDir directory;
  testing::LayoutWriter writer{directory / "source"};
  bool has_index = (writer.write_index({}), true);
  std::shared_ptr<Engine> target = new_layout(directory / "target");
  Descriptor lower = writer.blob("lower", testing::kTarType), upper = writer.blob("upper", testing::kTarType);
};

TEST_F(Copying, BringsAllThatAnImageLeadsToAndItsName) {
  const auto image = image_of({lower, upper});
  const auto counts = must(copy({{"app", image}}));
  EXPECT_EQ(counts.copied_blobs, 4u);
  EXPECT_EQ(counts.reused_blobs, 0u);
  EXPECT_EQ(blobs(), 4u);
  EXPECT_EQ(must(target->get_reference("app")).digest, image.digest);
  EXPECT_EQ(testing::read_text(*must(target->get_blob(upper.digest))), "upper");
}

TEST_F(Copying, TakesWhatSeveralImagesShareOnce) {
  const auto one = image_of({lower}), two = image_of({lower, upper});
  const auto index = writer.index({one, two});
  const auto counts = must(copy({{"index", index}, {"one", one}, {"", two}}));
  EXPECT_EQ(counts.copied_blobs, 6u);
  EXPECT_THAT(entry_names(*target), ElementsAre("index", "one", "-"));
}

TEST_F(Copying, BringsWhatDocumentsOfOldAndUnknownKindsLeadTo) {
  const auto mentioned = image_of({lower});
  const auto unknown =
      writer.blob(R"({"uses":")" + mentioned.digest.str() + "\"}", "application/vnd.new+json");
  const auto schema1 =
      writer.blob(R"({"schemaVersion":1,"fsLayers":[{"blobSum":")" + upper.digest.str() + "\"}]}",
                  "application/vnd.docker.distribution.manifest.v1+json");
  std::atomic<int> told = 0;
  ImageCopyOptions options;
  options.on_unknown = [&](const Descriptor&, const UnknownDocument&) { ++told; };
  const auto counts = must(copy({{"new", unknown}, {"old", schema1}}, options));
  EXPECT_EQ(counts.copied_blobs, 6u);
  EXPECT_EQ(told, 1);
}

TEST_F(Copying, ASparseIndexIsCopiedOnlyIfAskedFor) {
  const auto present = image_of({lower}), absent = image_of({upper});
  auto for_arm = absent;
  for_arm.platform = Platform{.os = "linux", .architecture = "arm64"};
  const auto index = writer.index({present, for_arm});
  std::filesystem::remove(writer.blob_path(absent.digest));
  const auto refused = copy({{"app", index}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::not_found);
  EXPECT_NE(refused.error().message().find("missing: linux/arm64; present: " + present.digest.str()),
            std::string::npos)
      << refused.error().message();
  EXPECT_THAT(entry_names(*target), IsEmpty());
  const auto counts = must(copy({{"app", index}}, {.skips_absent_children = true}));
  EXPECT_EQ(counts.copied_blobs + counts.reused_blobs, 4u);
  EXPECT_EQ(counts.absent_children, 1u);
  EXPECT_THAT(entry_names(*target), ElementsAre("app"));
}

TEST_F(Copying, AnIndexMayReferToItsOwnManifest) {
  const auto image = image_of({lower});
  const auto referrer = writer.blob(testing::index_document({image}, &image), testing::kIndexType);
  writer.write_index({image, referrer});
  const auto source = must(open_dir(writer.path()));
  const auto referrers = must(referrers_of(LayoutGraph(*source), std::vector{image}));
  ASSERT_EQ(referrers.size(), 1u);
  EXPECT_EQ(referrers[0].digest, referrer.digest);
}

TEST_F(Copying, ReadsNothingThatIsThere) {
  const auto image = image_of({lower, upper});
  must(copy({{"app", image}}));
  // Unnoticed, because it is not read.
  testing::write_file(writer.blob_path(lower.digest), "LOWER");
  const auto counts = must(copy({{"again", image}}));
  EXPECT_EQ(counts, (CopyCounts{.reused_blobs = 4, .reused_bytes = counts.reused_bytes}));
  EXPECT_THAT(entry_names(*target), ElementsAre("app", "again"));
}

TEST_F(Copying, RecordsTheLocationsOfLayersOnly) {
  const auto config = writer.config({});
  const auto image = writer.manifest(config, {lower});
  const auto cache = memory_cache();
  ImageCopyOptions options;
  options.cache = cache.get();
  options.scope = "target";
  const auto has_location = [&](const Descriptor& blob) {
    return !cache->candidate_locations(kLayoutTransport, "target", blob.digest, false).empty();
  };
  for (const std::string name : {"app", "reused"}) {
    must(copy({{name, image}}, options));
    EXPECT_TRUE(has_location(lower)) << name;
    EXPECT_FALSE(has_location(config)) << name;
    EXPECT_FALSE(has_location(image)) << name;
  }
}

TEST_F(Copying, ReplacesWhatIsDamagedAtItsDestination) {
  const auto config = writer.config({});
  const auto unknown = writer.blob(R"({"of":"an unknown kind"})", "application/vnd.example+json");
  const auto image = writer.manifest(config, {lower, unknown});
  const auto index = writer.index({image});
  must(copy({{"app", index}}));
  for (const auto& damaged : {index, image, config, unknown, lower}) {
    const std::string file = directory / "target/" + damaged.digest.blob_path();
    const std::string content = testing::file_text(file);
    for (const std::string& bad : {std::string(content.size(), '\0'), content.substr(0, content.size() / 2),
                                   std::string(), content + "\n"}) {
      testing::write_file(file, bad);
      EXPECT_EQ(must(copy({{"app", index}})).copied_blobs, 1u);
      EXPECT_EQ(testing::file_text(file), content);
    }
  }
}

TEST_F(Copying, ReplacesLargeDamagedBlobsIfTheyAreVerified) {
  const auto large = writer.blob(noise(3'000'000), testing::kTarType);
  const auto image = image_of({large});
  must(copy({{"app", image}}));
  const std::string file = directory / "target/" + large.digest.blob_path();
  testing::write_file(file, std::string(3'000'000, '\0'));
  EXPECT_EQ(must(copy({{"app", image}})).copied_blobs, 0u);
  const auto counts = must(copy({{"app", image}}, {.verifies_existing = true}));
  EXPECT_EQ(counts.copied_blobs, 1u);
  EXPECT_EQ(counts.copied_bytes, 3'000'000u);
  EXPECT_EQ(testing::file_text(file), noise(3'000'000));
  EXPECT_EQ(must(copy({{"app", image}}, {.verifies_existing = true})).copied_blobs, 0u);
}

TEST_F(Copying, NamesNothingWhereABlobIsNotWhatItIsSaidToBe) {
  const auto image = image_of({lower, upper});
  for (const char* content : {"LOWER", "low", "lower and more"}) {
    testing::write_file(writer.blob_path(lower.digest), content);
    const auto copied = copy({{"app", image}});
    ASSERT_FALSE(copied) << content;
    EXPECT_NE(copied.error().message().find(lower.digest.str()), std::string::npos)
        << copied.error().message();
    EXPECT_FALSE(must(target->exists(lower.digest))) << content;
    EXPECT_THAT(entry_names(*target), IsEmpty());
  }
  std::filesystem::remove(writer.blob_path(lower.digest));
  EXPECT_EQ(failure_of(copy({{"app", image}})), Errc::not_found);
  writer.blob("lower", testing::kTarType);
  EXPECT_TRUE(copy({{"app", image}}));
}

TEST_F(Copying, ALargeBlobThatHasMoreThanItShouldIsNotTaken) {
  const std::string content = noise(3'000'000);
  const auto large = writer.blob(content, testing::kTarType);
  testing::write_file(writer.blob_path(large.digest), content + "more");
  EXPECT_EQ(failure_of(copy({{"app", image_of({large})}})), Errc::size_invalid);
  EXPECT_FALSE(must(target->exists(large.digest)));
}

TEST_F(Copying, LargeBlobsAreGoneOnWith) {
  const std::string content = noise(5'000'000);
  const auto large = writer.blob(content, testing::kTarType);
  auto upload = must(target->start_upload(large.digest.hex().substr(0, 32)));
  must(upload->append(as_bytes(content).first(3'000'000)));
  must(upload->close());
  const auto counts = must(copy({{"app", image_of({large})}}));
  EXPECT_EQ(counts.reused_bytes, 3'000'000u);
  EXPECT_EQ(testing::read_text(*must(target->get_blob(large.digest))), content);
}

TEST_F(Copying, WhatAnEarlierAttemptHasLeftMayBeWrong) {
  const std::string content = noise(5'000'000);
  const auto large = writer.blob(content, testing::kTarType);
  auto upload = must(target->start_upload(large.digest.hex().substr(0, 32)));
  must(upload->append(as_bytes("somebody else's")));
  must(upload->close());
  EXPECT_TRUE(copy({{"app", image_of({large})}}));
  EXPECT_EQ(testing::read_text(*must(target->get_blob(large.digest))), content);
}

TEST_F(Copying, LargeBlobsAreFetchedWithoutWhatTheyShare) {
  const std::string content = noise(6'000'000), beginning = content.substr(0, 4'000'000);
  const auto large = writer.blob(content, testing::kTarType);
  const auto known = must(testing::put_text(*target, beginning)).digest;
  ImageCopyOptions options;
  options.find_spans = [&](const BlobInfo& info) {
    return info.digest == large.digest ? std::vector<SharedSpan>{{0, beginning.size(), known, 0}}
                                       : std::vector<SharedSpan>();
  };
  const auto counts = must(copy({{"app", image_of({large})}}, options));
  EXPECT_EQ(counts.reused_bytes, beginning.size());
  EXPECT_LT(counts.copied_bytes, content.size() - beginning.size() + 10'000);
  EXPECT_EQ(testing::read_text(*must(target->get_blob(large.digest))), content);
}

TEST_F(Copying, LeavesForeignLayersWhereTheyAre) {
  auto foreign = testing::descriptor_of("foreign", "application/vnd.docker.image.rootfs.foreign.diff.tar");
  foreign.urls = {"https://example.org/layer"};
  const auto image =
      writer.blob(testing::manifest_text(writer.config({}), {foreign, lower}), testing::kManifestType);
  EXPECT_EQ(must(copy({{"app", image}})).absent_layers, 1u);
  EXPECT_FALSE(must(target->exists(foreign.digest)));
  ImageCopyOptions options;
  options.open_url = [](const std::string& url, const Context&) -> Result<SourceBlob> {
    EXPECT_EQ(url, "https://example.org/layer");
    return SourceBlob{std::make_unique<MemorySource>(as_bytes("foreign")), 7, nullptr};
  };
  EXPECT_EQ(must(copy({{"app", image}}, options)).absent_layers, 0u);
  EXPECT_EQ(testing::read_text(*must(target->get_blob(foreign.digest))), "foreign");
}

TEST_F(Copying, CopiesAgainWhatGarbageCollectionHasTaken) {
  const auto image = image_of({lower, upper});
  must(testing::put_text(*target, "lower"));
  std::atomic<int> collected = 0;
  ImageCopyOptions options;
  options.on_progress = [&](const CopyProgress& now) {
    if (now.counts.reused_blobs == 1 && collected++ == 0) must(target->delete_blob(lower.digest));
  };
  must(copy({{"app", image}}, options));
  EXPECT_GT(collected, 0);
  EXPECT_EQ(testing::read_text(*must(target->get_blob(lower.digest))), "lower");
}

TEST_F(Copying, StopsOnRequestAndGoesOn) {
  std::vector<Descriptor> layers;
  for (int i = 0; i < 50; ++i) layers.push_back(writer.blob("layer " + std::to_string(i), testing::kTarType));
  const auto image = image_of(layers);
  std::stop_source stop;
  ImageCopyOptions options;
  options.context.stop = stop.get_token();
  options.on_progress = [&](const CopyProgress& now) {
    if (now.counts.copied_blobs >= 10) stop.request_stop();
  };
  EXPECT_EQ(failure_of(copy({{"app", image}}, options)), Errc::cancelled);
  EXPECT_GE(blobs(), 10u);
  EXPECT_THAT(entry_names(*target), IsEmpty());
  EXPECT_GE(must(copy({{"app", image}})).reused_blobs, 10u);
}

TEST_F(Copying, BringsWhatIsNoImageToo) {
  const auto greeting = writer.blob("hello", "text/plain");
  EXPECT_EQ(must(copy({{"greeting", greeting}})).copied_blobs, 1u);
  EXPECT_EQ(must(target->get_reference("greeting")).media_type, "text/plain");
}

TEST_F(Copying, OfNothingIsDone) { EXPECT_EQ(must(copy({})), CopyCounts()); }

class Referrers : public Copying {
 protected:
  Descriptor referrer_of(const Descriptor& subject, const Descriptor& layer) {
    return writer.blob(testing::manifest_text(writer.config({}), {layer}, &subject), testing::kManifestType);
  }
  std::vector<Digest> found(const std::vector<Descriptor>& images) const {
    std::vector<Digest> digests;
    const auto source = must(open_dir(writer.path()));
    for (const auto& referrer : must(referrers_of(LayoutGraph(*source), images)))
      digests.push_back(referrer.digest);
    return digests;
  }
};

TEST_F(Referrers, AreFoundWhereverTheyAre) {
  const auto image = image_of({lower}), other = image_of({upper});
  const auto signature = referrer_of(image, upper);
  const auto nested = referrer_of(image, lower);
  const auto countersignature = referrer_of(signature, lower);
  const auto of_other = referrer_of(other, lower);
  writer.write_index(
      {testing::named(image, "app"), signature, writer.index({nested}), countersignature, of_other});
  std::vector<Digest> expected{signature.digest, nested.digest, countersignature.digest};
  std::ranges::sort(expected);
  EXPECT_EQ(found({image}), expected);
  // The children of an index are found too.
  EXPECT_EQ(found({writer.index({image})}), expected);
  EXPECT_THAT(found({countersignature}), IsEmpty());
  EXPECT_THAT(found({other, of_other}), IsEmpty());
}

TEST_F(Referrers, AreFoundInWhicheverWayALayoutHoldsThem) {
  for (const auto& each : testing::referrer_layouts()) {
    SCOPED_TRACE(each.name);
    const auto image = image_of({lower});
    const auto written = each.write(writer, image);
    std::vector<Descriptor> entries = written.entries;
    entries.push_back(testing::named(image, "app"));
    writer.write_index(entries);
    EXPECT_EQ(found({image}), written.digests());
  }
}

// A document that is gone was not read again for the copy.
TEST_F(Referrers, AreReadOnceForSearchAndCopy) {
  const auto image = image_of({lower});
  const auto signature = referrer_of(image, upper);
  writer.write_index({testing::named(image, "app"), signature});
  const auto source = must(open_dir(writer.path()));
  const LayoutGraph graph(*source, kCopyGraph);
  EXPECT_EQ(must(referrers_of(graph, std::vector{image})).size(), 1u);
  for (const Descriptor& document : {image, signature})
    std::filesystem::remove(writer.blob_path(document.digest));
  ImageCopyOptions options;
  options.graph = &graph;
  const auto counts = must(copy({{"app", image}, {"", signature}}, options));
  EXPECT_EQ(counts.copied_blobs, 5u) << "two manifests, their config and two layers";
}

TEST_F(Referrers, AreNotWhatCannotBeRead) {
  const auto image = image_of({lower});
  const auto signature = referrer_of(image, upper);
  writer.write_index(
      {image, writer.blob("{", testing::kManifestType), writer.blob("[]", testing::kIndexType), signature});
  EXPECT_THAT(found({image}), ElementsAre(signature.digest));
}

}  // namespace
}  // namespace layoutfs
