// Lost blobs of a layout are restored from layouts with an intact copy; nothing else changes.
#include "layoutfs/fsck.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "core/transfer/copy.h"
#include "layoutfs/fsck.h"
#include "layoutfs/open.h"
#include "tests/support/documents.h"
#include "tests/support/results.h"
#include "tests/support/store.h"
#include "tests/support/tar_writer.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using testing::file_text;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::must;
using testing::TempDir;
using Kind = FsckProblem::Kind;

class Repair : public ::testing::Test {
 protected:
  Repair() {
    const Bytes tar = testing::TarWriter().file("f", std::string(700'000, 'f')).bytes();
    layer = layout.blob(tar, testing::kTarType);
    config = layout.config({Digest::of(tar)});
    manifest = layout.manifest(config, {layer});
    index = layout.index({manifest});
    orphan = layout.blob("orphan", "");
    layout.write_index({testing::named(index, "app")});
    std::filesystem::copy(layout.path(), directory / "good", std::filesystem::copy_options::recursive);
    whole = testing::state_of_tree(directory / "good");
  }
  FsckReport repair(std::vector<std::string> from) {
    std::vector<RepairSource> sources;
    for (auto& path : from) sources.push_back({std::filesystem::path(path).filename(), must(open_dir(path))});
    repairs.emplace(*engine, std::move(sources));
    return must(check_layout(*engine, {.repair = &*repairs}));
  }
  std::string path_of(const Descriptor& blob) const { return layout.blob_path(blob.digest); }
  void damage(const Descriptor& blob) const {
    std::string text = file_text(path_of(blob));
    text[text.size() / 2] ^= 1;
    testing::write_file(path_of(blob), text);
  }
  // The content of every file, as it was in the beginning.
  void expect_whole() {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory / "good")) {
      if (!entry.is_regular_file()) continue;
      const auto name = entry.path().lexically_relative(directory / "good").string();
      EXPECT_EQ(file_text(layout.path() + "/" + name), file_text(entry.path())) << name;
    }
    must(engine->close());  // and its folder of temporary files goes
    EXPECT_EQ(testing::state_of_tree(layout.path()).size(), whole.size());
    engine = must(open_dir(layout.path()));
  }

  TempDir directory;
  testing::LayoutWriter layout{directory / "layout"};
  Descriptor layer, config, manifest, index, orphan;
  std::map<std::string, std::string> whole;
  std::unique_ptr<Engine> engine = must(open_dir(layout.path()));
  std::optional<BlobRepair> repairs;
};

TEST_F(Repair, BringsBackEveryKindOfBlobThatIsDamagedOrMissing) {
  for (const auto& blob : {layer, config, manifest, index, orphan}) {
    damage(blob);
    EXPECT_THAT(repair({directory / "good"}).problems, IsEmpty());
    EXPECT_THAT(repairs->repaired(), ElementsAre(RepairedBlob{blob.digest, "good"}));
    expect_whole();
    testing::write_file(path_of(blob), file_text(path_of(blob)).substr(0, 3));
    EXPECT_THAT(repair({directory / "good"}).problems, IsEmpty());
    expect_whole();
    if (blob == orphan) continue;
    std::filesystem::remove(path_of(blob));
    EXPECT_THAT(repair({directory / "good"}).problems, IsEmpty());
    EXPECT_THAT(repairs->repaired(), ElementsAre(RepairedBlob{blob.digest, "good"}));
    expect_whole();
  }
}

TEST_F(Repair, FindsWhatARepairedDocumentLeadsTo) {
  for (const auto& blob : {layer, config, manifest, index}) std::filesystem::remove(path_of(blob));
  const auto report = repair({directory / "good"});
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_EQ(repairs->repaired().size(), 4u);
  EXPECT_EQ(report.blobs, 5u);
  EXPECT_EQ(report.documents, 2u);
  EXPECT_EQ(report.diff_ids, 1u);
  expect_whole();
}

TEST_F(Repair, BringsNoManifestThatAnIndexNamesAndTheLayoutLacksOnPurpose) {
  // The layout lacks the second image, and the manifest of the first; it has the third.
  const auto other_config = layout.config({}, {"linux", "arm64", ""});
  const auto other = layout.manifest(other_config, {});
  const auto third = layout.manifest(layout.config({}, {"linux", "s390x", ""}), {});
  layout.write_index({testing::named(layout.index({manifest, other, third}), "app")});
  std::filesystem::copy(layout.path(), directory / "full", std::filesystem::copy_options::recursive);
  for (const auto& blob : {manifest, other, other_config}) std::filesystem::remove(path_of(blob));
  const auto report = repair({directory / "full"});
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_THAT(repairs->repaired(), ElementsAre(RepairedBlob{manifest.digest, "full"}));
  EXPECT_THAT(report.absent, ::testing::SizeIs(1));
}

TEST_F(Repair, BringsEveryManifestOfAnIndexThatHasNoneLeft) {
  const auto other_config = layout.config({}, {"linux", "arm64", ""});
  const auto other = layout.manifest(other_config, {});
  layout.write_index({testing::named(layout.index({manifest, other}), "app")});
  std::filesystem::copy(layout.path(), directory / "full", std::filesystem::copy_options::recursive);
  for (const auto& blob : {manifest, config, other, other_config}) std::filesystem::remove(path_of(blob));
  const auto report = repair({directory / "full"});
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_THAT(report.absent, IsEmpty());
  EXPECT_EQ(repairs->repaired().size(), 4u);
}

TEST_F(Repair, ChangesNothingInALayoutThatIsWhole) {
  const auto before = testing::state_of_tree(layout.path());
  EXPECT_THAT(repair({directory / "good"}).problems, IsEmpty());
  EXPECT_THAT(repairs->repaired(), IsEmpty());
  EXPECT_EQ(testing::state_of_tree(layout.path()), before);
}

TEST_F(Repair, TrustsNoSource) {
  std::filesystem::copy(directory / "good", directory / "bad", std::filesystem::copy_options::recursive);
  testing::write_file(directory / "bad/" + layer.digest.blob_path(), "not that layer");
  damage(layer);
  std::filesystem::remove(path_of(config));
  auto report = repair({directory / "bad"});
  ASSERT_EQ(report.problems.size(), 1u);
  EXPECT_EQ(report.problems[0].kind, Kind::wrong_digest);
  EXPECT_THAT(report.problems[0].message, HasSubstr("; not repaired: bad: its copy is damaged, too"));
  EXPECT_THAT(repairs->repaired(), ElementsAre(RepairedBlob{config.digest, "bad"}));
  std::filesystem::remove(directory / "bad/" + layer.digest.blob_path());
  report = repair({directory / "bad"});
  ASSERT_EQ(report.problems.size(), 1u);
  EXPECT_THAT(report.problems[0].message, HasSubstr("bad: has no such blob"));
  // The second source has it.
  EXPECT_THAT(repair({directory / "bad", directory / "good"}).problems, IsEmpty());
  EXPECT_THAT(repairs->repaired(), ElementsAre(RepairedBlob{layer.digest, "good"}));
  expect_whole();
}

TEST_F(Repair, TakesBlobsOutOfAnArchive) {
  const std::shared_ptr<ArchiveWriter> archive = must(create_archive(directory / "good.tar"));
  must(
      copy_images(must(open_dir(directory / "good")), archive, std::vector<NamedDescriptor>{{"app", index}}));
  must(archive->finish());
  damage(layer);
  damage(manifest);
  BlobRepair taking(*engine, {{"tar", must(open_archive(directory / "good.tar"))}});
  EXPECT_THAT(must(check_layout(*engine, {.repair = &taking})).problems, IsEmpty());
  EXPECT_EQ(taking.repaired().size(), 2u);
  expect_whole();
}

TEST_F(Repair, LeavesWhatIsNoDamage) {
  // A descriptor that is wrong about a blob, and a directory in the place of one.
  Descriptor wrong = index;
  wrong.size += 1;
  layout.write_index({testing::named(wrong, "app")});
  std::filesystem::remove(path_of(orphan));
  std::filesystem::remove(path_of(config));
  std::filesystem::create_directory(path_of(config));
  const auto report = repair({directory / "good"});
  ASSERT_EQ(report.problems.size(), 2u);
  EXPECT_THAT(repairs->repaired(), IsEmpty());
  EXPECT_TRUE(std::filesystem::is_directory(path_of(config)));
}

TEST_F(Repair, StopsOnRequest) {
  damage(layer);
  std::stop_source stopped;
  stopped.request_stop();
  BlobRepair none(*engine, {{"good", must(open_dir(directory / "good"))}});
  EXPECT_EQ(none.repair(layer.digest, {.stop = stopped.get_token(), .deadline = {}}).error().code(),
            Errc::cancelled);
  EXPECT_TRUE(must(none.repair(layer.digest, {})));
  expect_whole();
}

}  // namespace
}  // namespace layoutfs
