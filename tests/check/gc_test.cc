// The blobs that garbage collection removes, and those that it must keep.
#include "layoutfs/gc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <set>

#include "core/oci/graph.h"
#include "layoutfs/open.h"
#include "layoutfs/upload.h"
#include "tests/support/documents.h"
#include "tests/support/referrer_layouts.h"
#include "tests/support/store.h"

namespace layoutfs {
namespace {

using namespace std::chrono_literals;
using testing::artifact_text;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::index_document;
using ::testing::IsEmpty;
using testing::LayoutWriter;
using testing::manifest_text;
using testing::named;
using testing::TempDir;
using ::testing::UnorderedElementsAre;
using ::testing::UnorderedElementsAreArray;

// Forwards to `inner`, except for the functions that a test replaces.
class ChangedEngine final : public Engine {
 public:
  explicit ChangedEngine(Engine& inner) : inner_(inner) {}

  std::function<void(const Digest&)> before_get;
  std::function<Status(const Digest&)> before_sweep;
  Status cleaned;

  Result<BlobPtr> get_blob(const Digest& digest, const Context& context) const override {
    if (before_get) before_get(digest);
    return inner_.get_blob(digest, context);
  }
  Result<std::optional<BlobStatus>> blob_status(const Digest& digest, const Context& context) const override {
    return inner_.blob_status(digest, context);
  }
  Result<std::string> blob_path(const Digest& digest, const Context& context) const override {
    return inner_.blob_path(digest, context);
  }
  Result<std::vector<Digest>> list_blobs(Algorithm algorithm, const Context& context) const override {
    return inner_.list_blobs(algorithm, context);
  }
  std::int64_t listing_ns(Algorithm algorithm, const Context& context) const override {
    return inner_.listing_ns(algorithm, context);
  }
  Result<PutResult> put_blob(ByteSource& content, const PutOptions& options) override {
    return inner_.put_blob(content, options);
  }
  Result<std::unique_ptr<Upload>> start_upload(std::string_view id) override {
    return inner_.start_upload(id);
  }
  Result<std::unique_ptr<Upload>> resume_upload(std::string_view id) override {
    return inner_.resume_upload(id);
  }
  Result<bool> delete_blob(const Digest& digest) override { return inner_.delete_blob(digest); }
  Result<SweepResult> sweep_blob(const Digest& digest, const References& seen, std::int64_t limit_ns,
                                 const Context& context) override {
    const auto status = before_sweep ? before_sweep(digest) : Status();
    if (!status) return fail(Error(status.error()));
    return inner_.sweep_blob(digest, seen, limit_ns, context);
  }
  Result<std::shared_ptr<const References>> references(const Context& context) const override {
    return inner_.references(context);
  }
  Result<Descriptor> get_reference(std::string_view name, const Context& context) const override {
    return inner_.get_reference(name, context);
  }
  Result<std::vector<std::string>> list_references(const Context& context) const override {
    return inner_.list_references(context);
  }
  Status put_reference(std::string_view name, const Descriptor& descriptor, PutMode mode,
                       const Context& context) override {
    return inner_.put_reference(name, descriptor, mode, context);
  }
  Result<bool> delete_reference(std::string_view name, const Context& context) override {
    return inner_.delete_reference(name, context);
  }
  Status update_references(const ReferenceUpdate& update, const Context& context) override {
    return inner_.update_references(update, context);
  }
  Status clean(const Context& context) override { return cleaned ? inner_.clean(context) : cleaned; }
  Status close() override { return inner_.close(); }
  Result<Bytes> marker(const Context& context) const override { return inner_.marker(context); }

 private:
  Engine& inner_;
};

class GarbageCollection : public ::testing::Test {
 protected:
  // Adds an image with one layer of this content: three blobs.
  Descriptor image(const std::string& content) {
    const auto layer = layout.blob(content, testing::kTarType);
    return layout.manifest(layout.config({layer.digest}), {layer});
  }
  std::set<Digest> blobs() const {
    const auto listed = engine->list_all_blobs().value();
    return {listed.begin(), listed.end()};
  }
  // Returns `descriptor` and all its descendants.
  std::set<Digest> all_of(const Descriptor& descriptor) const {
    std::set<Digest> all;
    const Handler note = [&](const Descriptor& found, const Context&) -> Result<Visit> {
      all.insert(found.digest);
      return Visit::to(children_and_subject_of(*engine, found).value());
    };
    const auto walked = walk(std::vector{descriptor}, handlers({first_visits(), note}));
    EXPECT_TRUE(walked) << walked.error().message();
    return all;
  }
  static std::vector<Digest> removed_in(const GcResult& result) {
    std::vector<Digest> digests;
    for (const auto& removed : result.removed) digests.push_back(removed.digest);
    return digests;
  }
  GcResult collect(const GcOptions& options = {.grace = 0ns}) {
    auto result = collect_garbage(*engine, options);
    EXPECT_FALSE(result.ended_by) << result.ended_by->error.message();
    return result;
  }
  // Returns the error of a garbage collection that must fail without removing anything.
  Error error_of(const GcOptions& options = {.grace = 0ns}) {
    const auto before = blobs();
    const auto result = collect_garbage(*engine, options);
    EXPECT_EQ(blobs(), before);
    EXPECT_THAT(result.removed, IsEmpty());
    if (!result.ended_by) {
      ADD_FAILURE() << "no error";
      return Error(Errc::io, "no error");
    }
    EXPECT_FALSE(result.ended_by->is_of_writing);
    return result.ended_by->error;
  }

  TempDir directory;
  LayoutWriter layout{directory / "layout"};
  std::unique_ptr<Engine> engine = open_dir(layout.path(), {.is_durable = false}).value();
};

TEST_F(GarbageCollection, RemovesWhatNoReferenceLeadsToAndNothingElse) {
  const auto kept = image("kept"), orphan = image("orphan");
  const auto index = layout.index({kept});
  layout.write_index({named(index, "app")});
  const auto expected = all_of(index), garbage = all_of(orphan);
  const auto result = collect();
  EXPECT_EQ(blobs(), expected);
  EXPECT_THAT(removed_in(result), UnorderedElementsAreArray(garbage));
  EXPECT_TRUE(std::ranges::is_sorted(removed_in(result)));
  EXPECT_EQ(result.reachable, expected.size());
  EXPECT_THAT(result.problems, IsEmpty());
}

TEST_F(GarbageCollection, TellsTheSizesOfWhatItRemoves) {
  const auto orphan = layout.blob("seven b", testing::kTarType);
  const auto result = collect();
  ASSERT_EQ(result.removed.size(), 1u);
  EXPECT_EQ(result.removed[0].digest, orphan.digest);
  EXPECT_EQ(result.removed[0].size, 7u);
}

TEST_F(GarbageCollection, TheSecondTimeThereIsNothingToDo) {
  layout.write_index({named(image("kept"), "app")});
  image("orphan");
  EXPECT_EQ(collect().removed.size(), 3u);
  const auto before = blobs();
  EXPECT_THAT(collect().removed, IsEmpty());
  EXPECT_EQ(blobs(), before);
}

TEST_F(GarbageCollection, AfterATagIsDeletedWhatTheOthersShareStays) {
  const auto shared = layout.blob("shared", testing::kTarType), own = layout.blob("own", testing::kTarType);
  const auto first = layout.manifest(layout.config({shared.digest, own.digest}), {shared, own});
  const auto second = layout.manifest(layout.config({shared.digest}), {shared});
  layout.write_index({named(first, "first")});
  ASSERT_TRUE(engine->put_reference("second", second));
  EXPECT_THAT(collect().removed, IsEmpty());
  ASSERT_TRUE(engine->delete_reference("first").value());
  const auto expected = all_of(second);
  EXPECT_EQ(collect().removed.size(), 3u);  // a manifest, a config and a layer
  EXPECT_EQ(blobs(), expected);
  EXPECT_EQ(all_of(second), expected);
}

TEST_F(GarbageCollection, WithoutReferencesNothingIsLeft) {
  layout.write_index({named(image("a"), "a"), named(image("b"), "b")});
  ASSERT_TRUE(engine->delete_reference("a").value());
  ASSERT_TRUE(engine->delete_reference("b").value());
  EXPECT_EQ(collect().removed.size(), 6u);
  EXPECT_THAT(blobs(), IsEmpty());
}

TEST_F(GarbageCollection, OfAnEmptyLayoutRemovesNothing) {
  EXPECT_THAT(collect().removed, IsEmpty());
  EXPECT_EQ(collect().reachable, 0u);
}

TEST_F(GarbageCollection, KeepsAManifestAndABlobThatReferencesName) {
  const auto config = layout.blob("{}", "application/vnd.oci.empty.v1+json");
  const auto manifest = layout.manifest(config, {});
  for (int i = 0; i < 10; ++i) image("orphan " + std::to_string(i));
  layout.write_index({manifest, config});
  collect();
  EXPECT_THAT(blobs(), UnorderedElementsAre(manifest.digest, config.digest));
}

TEST_F(GarbageCollection, KeepsAnImageForWhateverRefersToIt) {
  for (const auto& each : testing::referrer_layouts()) {
    SCOPED_TRACE(each.name);
    const Descriptor subject = image(std::string(each.name));
    layout.write_index(each.write(layout, subject).entries);
    const GcResult result = collect();
    EXPECT_FALSE(result.ended_by);
    for (const auto& removed : result.removed) EXPECT_NE(removed.digest, subject.digest);
    EXPECT_TRUE(std::filesystem::exists(layout.blob_path(subject.digest)));
    layout.write_index({subject});
    EXPECT_FALSE(collect().removed.empty()) << "which its referrers do not do for it";
  }
}

TEST_F(GarbageCollection, FollowsSubjectsAndDockersTypes) {
  const auto subject = image("subject");
  const auto layer = layout.blob("signature", "application/octet-stream");
  const auto config = layout.blob("{}", "application/vnd.oci.empty.v1+json");
  const auto referrer = layout.blob(manifest_text(config, {layer}, &subject), testing::kDockerManifestType);
  const auto list = layout.blob(index_document({referrer}), testing::kDockerListType);
  layout.write_index({list});
  EXPECT_THAT(collect().removed, IsEmpty());
  EXPECT_EQ(blobs().size(), 7u);
}

TEST_F(GarbageCollection, KeepsWhatADocumentWithoutAMediaTypeLeadsTo) {
  auto untyped = image("kept");
  untyped.media_type.clear();
  layout.write_index_text(index_document({untyped}));
  EXPECT_THAT(collect().removed, IsEmpty());
  EXPECT_EQ(blobs().size(), 3u);
}

TEST_F(GarbageCollection, KeepsWhatAnArtifactManifestLeadsTo) {
  const auto subject = image("subject");
  const auto blob = layout.blob("signature", "application/octet-stream");
  layout.write_index({layout.blob(artifact_text({blob}, &subject), testing::kArtifactType)});
  EXPECT_THAT(collect().removed, IsEmpty());
  EXPECT_EQ(blobs().size(), 5u);
}

TEST_F(GarbageCollection, KeepsWhatADocumentOfAnUnknownKindMentionsAndSaysSo) {
  const auto mentioned = image("mentioned"), orphan = image("orphan");
  const auto document =
      layout.blob(R"({"built from":[")" + mentioned.digest.str() + R"("]})", "application/vnd.new+json");
  const auto plain = layout.blob("not a document: " + orphan.digest.str(), "text/plain");
  layout.write_index({named(document, "new"), plain});
  auto expected = all_of(mentioned);
  expected.insert({document.digest, plain.digest});
  const auto result = collect();
  EXPECT_EQ(blobs(), expected);
  ASSERT_EQ(result.notes.size(), 1u);
  EXPECT_THAT(result.notes[0],
              HasSubstr(document.digest.str() + ": a document of the unknown media type "
                                                "'application/vnd.new+json'; it mentions 1"));
}

TEST_F(GarbageCollection, KeepsEveryBlobWhoseDigestOccursInADocumentThatStays) {
  const auto base = image("base"), sibling = image("sibling"), entry = image("entry"),
             orphan = image("orphan");
  const auto plain = layout.blob("uncompressed", testing::kTarType);
  const auto index = layout.blob(
      R"({"schemaVersion":2,"manifests":[],"annotations":{"of":")" + sibling.digest.str() + "\"}}",
      testing::kIndexType);
  const auto manifest =
      layout.blob(R"({"schemaVersion":2,"config":)" + testing::text_of(layout.config({plain.digest})) +
                      R"(,"layers":[],"annotations":{"org.opencontainers.image.base.digest":")" +
                      base.digest.str() + "\"}}",
                  testing::kManifestType);
  auto annotated = named(manifest, "app");
  annotated.annotations.emplace("vnd.docker.reference.digest", entry.digest.str());
  layout.write_index({annotated, index});
  const auto garbage = all_of(orphan);
  EXPECT_THAT(removed_in(collect()), UnorderedElementsAreArray(garbage));
}

TEST_F(GarbageCollection, AnAbsentChildOfAnIndexIsNoProblem) {
  const auto kept = image("kept");
  const auto absent = testing::descriptor_of("another platform", testing::kManifestType);
  layout.write_index({named(layout.index({absent, kept}), "app")});
  image("orphan");
  const auto result = collect();
  EXPECT_THAT(result.problems, IsEmpty());
  EXPECT_EQ(result.removed.size(), 3u);
}

TEST_F(GarbageCollection, ADamagedBlobThatMayBeADocumentEndsItBeforeAnythingIsGone) {
  const auto document = layout.blob("{}", "application/vnd.new+json");
  layout.write_index({named(document, "new")});
  image("orphan");
  testing::write_file(layout.blob_path(document.digest), "[]");
  EXPECT_EQ(error_of().code(), Errc::corrupt);
}

TEST_F(GarbageCollection, KnowsBlobsOfEveryAlgorithm) {
  const auto kept = layout.blob(as_bytes("kept"), testing::kTarType, Algorithm::sha512);
  const auto orphan = layout.blob(as_bytes("orphan"), testing::kTarType, Algorithm::sha512);
  layout.write_index({kept});
  EXPECT_THAT(removed_in(collect()), ElementsAre(orphan.digest));
  EXPECT_THAT(blobs(), ElementsAre(kept.digest));
}

TEST_F(GarbageCollection, AsksEveryPolicy) {
  const auto spared = layout.blob("spared", testing::kTarType),
             orphan = layout.blob("orphan", testing::kTarType);
  const auto kept = layout.blob("kept", testing::kTarType);
  layout.write_index({kept});
  std::set<Digest> asked;
  const auto ask = [&](const Digest& digest) -> Result<bool> { return asked.insert(digest).second; };
  const auto spare = [&](const Digest& digest) -> Result<bool> { return digest != spared.digest; };
  const auto result = collect({.grace = 0ns, .policies = {ask, spare}});
  EXPECT_THAT(removed_in(result), ElementsAre(orphan.digest));
  EXPECT_EQ(result.spared, 1u);
  EXPECT_THAT(asked, UnorderedElementsAre(spared.digest, orphan.digest));
  EXPECT_THAT(blobs(), UnorderedElementsAre(spared.digest, kept.digest));
}

TEST_F(GarbageCollection, AnErrorOfAPolicyEndsIt) {
  image("orphan");
  const auto refuse = [](const Digest&) -> Result<bool> { return fail(Errc::io, "nobody answers"); };
  const auto error = error_of({.grace = 0ns, .policies = {refuse}});
  EXPECT_EQ(error.code(), Errc::io);
  EXPECT_THAT(error.message(), HasSubstr("nobody answers"));
}

TEST_F(GarbageCollection, KeepsWhatOtherRootsLeadTo) {
  const auto referenced = image("referenced"), other = image("other"), orphan = image("orphan");
  layout.write_index({referenced});
  auto expected = all_of(referenced);
  expected.merge(all_of(other));
  const auto roots = [&] -> Result<std::vector<Descriptor>> { return std::vector{other}; };
  const auto result = collect({.grace = 0ns, .policies = {}, .roots = roots});
  EXPECT_THAT(removed_in(result), ::testing::SizeIs(3));
  EXPECT_EQ(blobs(), expected);
}

TEST_F(GarbageCollection, AnErrorOfTheOtherRootsEndsItBeforeAnythingIsGone) {
  image("orphan");
  layout.write_index({});
  const auto refuse = [] -> Result<std::vector<Descriptor>> { return fail(Errc::io, "nobody answers"); };
  EXPECT_THAT(error_of({.grace = 0ns, .policies = {}, .roots = refuse}).message(),
              HasSubstr("nobody answers"));
  const auto missing = image("missing");
  std::filesystem::remove(layout.blob_path(missing.digest));
  const auto name = [&] -> Result<std::vector<Descriptor>> { return std::vector{missing}; };
  EXPECT_EQ(error_of({.grace = 0ns, .policies = {}, .roots = name}).code(), Errc::not_found);
}

TEST_F(GarbageCollection, GoesByTheOtherRootsOfTheMoment) {
  const auto late = image("late"), gone = image("gone");
  layout.write_index({});
  std::vector<Descriptor> roots{gone};
  const auto expected = all_of(late);
  // The first blob of all that is judged changes them.
  const auto change = [&](const Digest&) -> Result<bool> {
    roots = {late};
    return true;
  };
  const auto name = [&] -> Result<std::vector<Descriptor>> { return roots; };
  collect({.grace = 0ns, .policies = {change}, .roots = name});
  for (const Digest& digest : expected) EXPECT_TRUE(blobs().contains(digest)) << digest.str();
}

TEST_F(GarbageCollection, KeepsYoungBlobs) {
  image("young");
  const auto result = collect({.grace = 1h});
  EXPECT_THAT(result.removed, IsEmpty());
  EXPECT_EQ(result.young, 3u);
  EXPECT_GT(result.young_bytes, 0u);
  EXPECT_EQ(blobs().size(), 3u);
  EXPECT_EQ(collect({.grace = 1ns}).removed.size(), 3u);
}

TEST_F(GarbageCollection, ADryRunSaysTheSameAndChangesNothing) {
  layout.write_index({named(image("kept"), "app")});
  const auto spared = image("orphan");
  const auto litter = layout.path() + "/blobs/sha256/not-a-digest";
  testing::write_file(litter, "litter");
  const GcPolicy spare = [&](const Digest& digest) -> Result<bool> { return digest != spared.digest; };
  const auto before = blobs();

  const auto young = find_garbage(*engine, {.grace = 1h, .policies = {spare}});
  EXPECT_EQ(young.young, 2u);
  EXPECT_GT(young.young_bytes, 0u);
  EXPECT_EQ(young.spared, 1u);
  const auto dry = find_garbage(*engine, {.grace = 0ns, .policies = {spare}});
  EXPECT_EQ(blobs(), before);
  EXPECT_TRUE(std::filesystem::exists(litter));

  const auto wet = collect({.grace = 0ns, .policies = {spare}});
  EXPECT_EQ(removed_in(dry), removed_in(wet));
  EXPECT_EQ(dry.removed.size(), 2u);
  EXPECT_EQ(dry.removed[0].size, wet.removed[0].size);
  EXPECT_EQ(dry.reachable, wet.reachable);
  EXPECT_EQ(dry.spared, 1u);
}

TEST_F(GarbageCollection, ABrokenDocumentEndsItBeforeAnythingIsGone) {
  image("orphan");
  layout.write_index({layout.blob("{", testing::kManifestType)});
  EXPECT_EQ(error_of().code(), Errc::invalid_image);
  layout.write_index({layout.blob(R"({"manifests":[7]})", testing::kIndexType)});
  EXPECT_EQ(error_of().code(), Errc::invalid_image);

  const auto damaged = image("damaged");
  testing::write_file(layout.blob_path(damaged.digest), std::string(damaged.size, ' '));
  layout.write_index({layout.index({damaged})});
  EXPECT_EQ(error_of().code(), Errc::corrupt);
}

TEST_F(GarbageCollection, ADocumentThatReadersUnderstandDifferentlyEndsItBeforeAnythingIsGone) {
  const auto kept = image("kept");
  const std::string entry = testing::text_of(kept);
  for (const std::string& text :
       std::initializer_list<std::string>{R"({"manifests":[],"manifests":[)" + entry + "]}",
                                          R"({"manifests":[],"Manifests":[)" + entry + "]}"}) {
    layout.write_index_text(text);
    EXPECT_EQ(error_of().code(), Errc::invalid_image) << text;
    for (const std::string_view type : {testing::kIndexType, std::string_view()}) {
      layout.write_index_text(index_document({layout.blob(text, type)}));
      EXPECT_EQ(error_of().code(), Errc::invalid_image) << type << text;
    }
  }
  layout.write_index_text(R"({"manifests":[{"Digest":"x",)" + entry.substr(1) + "]}");
  EXPECT_EQ(error_of().code(), Errc::invalid_image);
}

TEST_F(GarbageCollection, ADocumentWithoutAMediaTypeThatIsNotUnderstoodEndsItBeforeAnythingIsGone) {
  const auto layer = layout.blob("layer", testing::kTarType);
  const auto config = layout.config({layer.digest});
  const auto manifest = layout.blob(R"({"schemaVersion":2,"config":)" + testing::text_of(config) +
                                        R"(,"layers":[)" + testing::text_of(layer) +
                                        R"(,{"size":1,"digest":"blake3:)" + layer.digest.hex() + "\"}]}",
                                    "");
  layout.write_index_text(index_document({manifest}));
  EXPECT_EQ(error_of().code(), Errc::unsupported);
}

TEST_F(GarbageCollection, ABrokenReferenceEndsItBeforeAnythingIsGone) {
  image("orphan");
  layout.write_index_text(R"({"manifests":[{"digest":"sha256:short","size":1}]})");
  const auto error = error_of();
  EXPECT_EQ(error.code(), Errc::invalid_image);
  EXPECT_THAT(error.message(), HasSubstr("entry 0"));
}

TEST_F(GarbageCollection, AMissingDocumentOfAReferenceEndsItBeforeAnythingIsGone) {
  const auto missing = image("missing"), kept = image("kept");
  std::filesystem::remove(layout.blob_path(missing.digest));
  auto untyped = missing;
  untyped.media_type.clear();
  for (const auto& entries : {std::vector{missing, kept}, {kept, missing}, {untyped, kept}}) {
    layout.write_index_text(index_document(entries));
    const auto error = error_of();
    EXPECT_EQ(error.code(), Errc::not_found);
    EXPECT_THAT(error.message(), HasSubstr(missing.digest.str()));
  }
}

TEST_F(GarbageCollection, AMissingBlobOfAReferenceThatIsNoDocumentIsNoProblem) {
  const auto missing = layout.blob("missing", testing::kTarType);
  std::filesystem::remove(layout.blob_path(missing.digest));
  layout.write_index({missing});
  EXPECT_THAT(collect().problems, IsEmpty());
}

TEST_F(GarbageCollection, AReferenceThatGoesWithItsDocumentMeanwhileIsNoError) {
  const auto gone = image("gone"), kept = image("kept");
  const auto expected = all_of(kept);
  layout.write_index({named(gone, "gone"), named(kept, "kept")});
  ChangedEngine changed(*engine);
  changed.before_get = [&](const Digest&) {
    std::filesystem::remove(layout.blob_path(gone.digest));
    EXPECT_TRUE(engine->delete_reference("gone"));
  };
  const auto result = collect_garbage(changed, {.grace = 0ns});
  EXPECT_FALSE(result.ended_by) << result.ended_by->error.message();
  EXPECT_EQ(blobs(), expected);
}

TEST_F(GarbageCollection, ARootThatGoesWithItsDocumentMeanwhileIsNoError) {
  const auto gone = image("gone"), kept = image("kept");
  const auto expected = all_of(kept);
  layout.write_index({named(kept, "kept")});
  std::vector<Descriptor> roots{gone};
  ChangedEngine changed(*engine);
  changed.before_get = [&](const Digest&) {
    std::filesystem::remove(layout.blob_path(gone.digest));
    roots.clear();
  };
  const auto name = [&] -> Result<std::vector<Descriptor>> { return roots; };
  const auto result = collect_garbage(changed, {.grace = 0ns, .policies = {}, .roots = name});
  EXPECT_FALSE(result.ended_by) << result.ended_by->error.message();
  EXPECT_EQ(blobs(), expected);
}

TEST_F(GarbageCollection, RemovesTheLitterOfWritersButNotInADryRun) {
  layout.write_index({});
  const std::string litter = layout.path() + "/.oci-0123456789abcdef/b-0";
  testing::write_file(litter, "half a blob");
  EXPECT_FALSE(find_garbage(*engine, {.grace = 0ns}).ended_by);
  EXPECT_TRUE(std::filesystem::exists(litter));
  collect();
  EXPECT_FALSE(std::filesystem::exists(litter));
}

TEST_F(GarbageCollection, AMissingDocumentFurtherBelowIsAProblemAndLeadsNowhere) {
  const auto missing = image("missing"), kept = image("kept");
  const auto artifact = layout.blob(artifact_text({missing, kept}), testing::kArtifactType);
  std::filesystem::remove(layout.blob_path(missing.digest));
  auto expected = all_of(kept);
  expected.insert(artifact.digest);
  layout.write_index({artifact});
  const auto result = collect();
  EXPECT_THAT(result.problems, ElementsAre(HasSubstr(missing.digest.str())));
  EXPECT_EQ(result.removed.size(), 2u);
  EXPECT_EQ(blobs(), expected);
}

TEST_F(GarbageCollection, AMissingSubjectIsNoProblem) {
  const auto missing = image("missing");
  std::filesystem::remove(layout.blob_path(missing.digest));
  const auto config = layout.blob("{}", "application/vnd.oci.empty.v1+json");
  const auto referrer = layout.blob(manifest_text(config, {}, &missing), testing::kManifestType);
  layout.write_index({referrer, layout.blob(index_document({}, &missing), testing::kIndexType)});
  const auto result = collect();
  EXPECT_THAT(result.problems, IsEmpty());
  EXPECT_EQ(result.removed.size(), 2u);
  // If another document also refers to it, it should exist.
  layout.write_index({referrer, layout.blob(artifact_text({missing}), testing::kArtifactType)});
  EXPECT_THAT(collect().problems, ElementsAre(HasSubstr(missing.digest.str())));
}

TEST_F(GarbageCollection, ADamagedSubjectEndsItBeforeAnythingIsGone) {
  const auto damaged = image("damaged");
  testing::write_file(layout.blob_path(damaged.digest), std::string(damaged.size, ' '));
  const auto config = layout.blob("{}", "application/vnd.oci.empty.v1+json");
  layout.write_index({layout.blob(manifest_text(config, {}, &damaged), testing::kManifestType)});
  EXPECT_EQ(error_of().code(), Errc::corrupt);
}

TEST_F(GarbageCollection, AMissingLayerIsNoProblem) {
  const auto kept = image("kept");
  const auto layer = Digest::of(as_bytes("kept"));
  std::filesystem::remove(layout.blob_path(layer));
  layout.write_index({kept});
  const auto result = collect();
  EXPECT_THAT(result.problems, IsEmpty());
  EXPECT_EQ(result.reachable, 2u);
}

TEST_F(GarbageCollection, KeepsWhatIsReferencedWhileItRuns) {
  // Blobs are judged in the order of their digests.
  std::vector<Descriptor> orphans;
  for (int i = 0; i < 6; ++i) orphans.push_back(layout.blob(std::to_string(i), testing::kTarType));
  std::ranges::sort(orphans, {}, &Descriptor::digest);
  const auto refer = [&](const Digest& digest) -> Result<bool> {
    if (digest == orphans[1].digest)
      if (auto put = engine->put_reference("late", orphans[2]); !put) return fail(std::move(put).error());
    // Including the blob that is being judged.
    if (digest == orphans[4].digest)
      if (auto put = engine->put_reference("later", orphans[4]); !put) return fail(std::move(put).error());
    return true;
  };
  const auto result = collect({.grace = 0ns, .policies = {refer}});
  EXPECT_THAT(removed_in(result),
              ElementsAre(orphans[0].digest, orphans[1].digest, orphans[3].digest, orphans[5].digest));
  EXPECT_THAT(blobs(), ElementsAre(orphans[2].digest, orphans[4].digest));
  EXPECT_EQ(result.reachable, 2u);
}

TEST_F(GarbageCollection, GoesByTheReferencesOfTheMoment) {
  std::vector<Descriptor> all{layout.blob("a", testing::kTarType), layout.blob("b", testing::kTarType)};
  std::ranges::sort(all, {}, &Descriptor::digest);
  layout.write_index({named(all[1], "app")});
  const auto drop = [&](const Digest&) -> Result<bool> {
    auto deleted = engine->delete_reference("app");
    if (!deleted) return fail(std::move(deleted).error());
    return true;
  };
  EXPECT_THAT(removed_in(collect({.grace = 0ns, .policies = {drop}})),
              ElementsAre(all[0].digest, all[1].digest));
}

TEST_F(GarbageCollection, ARequestToStopEndsIt) {
  image("orphan");
  std::stop_source source;
  source.request_stop();
  EXPECT_EQ(error_of({.grace = 0ns, .context = {source.get_token(), {}}}).code(), Errc::cancelled);
}

TEST_F(GarbageCollection, WhatEndsItLaterLeavesTheReportOfWhatIsGone) {
  layout.write_index({named(image("kept"), "app")});
  std::vector<Digest> orphans;
  for (int i = 0; i < 4; ++i) orphans.push_back(layout.blob(std::to_string(i), testing::kTarType).digest);
  std::ranges::sort(orphans);

  const GcPolicy refuse = [&](const Digest& digest) -> Result<bool> {
    if (digest == orphans[1]) return fail(Errc::io, "nobody answers");
    return true;
  };
  auto result = collect_garbage(*engine, {.grace = 0ns, .policies = {refuse}});
  EXPECT_THAT(removed_in(result), ElementsAre(orphans[0]));
  EXPECT_EQ(result.reachable, 3u);
  ASSERT_TRUE(result.ended_by);
  EXPECT_THAT(result.ended_by->error.message(), HasSubstr("nobody answers"));
  EXPECT_FALSE(result.ended_by->is_of_writing);

  ChangedEngine changed(*engine);
  changed.before_sweep = [&](const Digest& digest) {
    return digest == orphans[2] ? Status(fail(Errc::io, "no sweep")) : Status();
  };
  result = collect_garbage(changed, {.grace = 0ns});
  EXPECT_THAT(removed_in(result), ElementsAre(orphans[1]));
  ASSERT_TRUE(result.ended_by);
  EXPECT_EQ(result.ended_by->error.message(), "no sweep");
  EXPECT_TRUE(result.ended_by->is_of_writing);

  changed.before_sweep = nullptr;
  changed.cleaned = fail(Errc::io, "no clean");
  result = collect_garbage(changed, {.grace = 0ns});
  EXPECT_THAT(removed_in(result), ElementsAre(orphans[2], orphans[3]));
  ASSERT_TRUE(result.ended_by);
  EXPECT_EQ(result.ended_by->error.message(), "no clean");
  EXPECT_TRUE(result.ended_by->is_of_writing);
  EXPECT_EQ(blobs().size(), 3u);
}

TEST_F(GarbageCollection, DocumentsThatBreakMeanwhileLeaveTheReportOfWhatIsGone) {
  layout.write_index({named(image("kept"), "app")});
  std::vector<Descriptor> orphans{layout.blob("a", testing::kTarType), layout.blob("b", testing::kTarType)};
  std::ranges::sort(orphans, {}, &Descriptor::digest);
  const GcPolicy break_second = [&](const Digest& digest) -> Result<bool> {
    if (digest == orphans[1].digest) layout.write_index({layout.blob("{", testing::kManifestType)});
    return true;
  };
  const auto result = collect_garbage(*engine, {.grace = 0ns, .policies = {break_second}});
  EXPECT_THAT(removed_in(result), ElementsAre(orphans[0].digest));
  EXPECT_EQ(result.reachable, 3u);
  ASSERT_TRUE(result.ended_by);
  EXPECT_EQ(result.ended_by->error.code(), Errc::invalid_image);
}

TEST_F(GarbageCollection, IndexesThatNameEachOtherOverAndOverEnd) {
  // Every level names the next one twice: 2^40 paths.
  auto index = layout.index({image("kept")});
  for (int i = 0; i < 40; ++i)
    index = layout.blob(index_document({index, index}, &index), testing::kIndexType);
  layout.write_index({index});
  const auto result = collect();
  EXPECT_THAT(result.removed, IsEmpty());
  EXPECT_EQ(result.reachable, 44u);
}

}  // namespace
}  // namespace layoutfs
