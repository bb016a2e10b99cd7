// Layouts with problems: the valid parts are shown, and `error` describes the rest.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/fs/tree/browse.h"

namespace layoutfs {
namespace {

using testing::Browser;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::manifest_path;
using testing::MountedLayout;
using testing::named;
using ::testing::Not;
using testing::TarWriter;

std::string one_file_tar() { return TarWriter().file("name", "sample").text(); }
const std::string kIoError = "errno " + std::to_string(EIO);

std::int64_t mtime_ns(const Browser& browser, const std::string& path) {
  const auto time = browser.at(path)->attributes.stat.st_mtim;
  return time.tv_sec * std::int64_t{1'000'000'000} + time.tv_nsec;
}

TEST(LayoutProblems, AMissingLayerIsNamedAndOtherImagesAreFine) {
  MountedLayout layout;
  const auto good = layout.image(one_file_tar(), "good");
  const auto bad = layout.image(one_file_tar(), "bad");
  layout.writer.write_index({named(good, "good"), named(bad, "bad")});
  const auto browser = layout.mount();
  const std::string directory = manifest_path(bad.digest);
  EXPECT_FALSE(browser.exists(directory + "/error"));
  const auto before = mtime_ns(browser, directory);
  const auto layer = Digest::of(as_bytes(one_file_tar() + "bad"));
  std::filesystem::remove(layout.writer.blob_path(layer));
  EXPECT_EQ(browser.content(directory + "/error"), "layer 0: blob " + layer.str() + " is missing\n");
  EXPECT_THAT(browser.names(directory), Contains("error"));
  EXPECT_NE(mtime_ns(browser, directory), before);  // so that the kernel lists it again
  EXPECT_EQ(browser.content(directory + "/rootfs/name"), kIoError);
  EXPECT_EQ(browser.content(directory + "/layers/00/layer.tar"), kIoError);
  EXPECT_EQ(browser.content(manifest_path(good.digest) + "/rootfs/name"), "sample");
  EXPECT_FALSE(browser.exists(manifest_path(good.digest) + "/error"));
  EXPECT_EQ(layout.library->stats().indexes_built, 1u);
}

TEST(LayoutProblems, ALayerOfAnotherSizeIsNamed) {
  MountedLayout layout;
  const auto image = layout.image(one_file_tar());
  layout.writer.write_index({image});
  testing::write_file(layout.writer.blob_path(Digest::of(as_bytes(one_file_tar()))), "short");
  const auto browser = layout.mount();
  EXPECT_THAT(browser.content(manifest_path(image.digest) + "/error"), HasSubstr("has 5 bytes"));
}

TEST(LayoutProblems, AManifestThatIsBrokenKeepsItsDirectoryAndItsBytes) {
  MountedLayout layout;
  const auto broken = layout.writer.blob("{\"schemaVersion\": 2, ", testing::kManifestType);
  auto changed = layout.image(one_file_tar());
  testing::write_file(layout.writer.blob_path(changed.digest), std::string(changed.size, ' '));
  const Descriptor missing{
      .media_type = std::string(testing::kManifestType), .digest = Digest::of(as_bytes("none")), .size = 4};
  const auto odd = layout.writer.blob("{}", "application/x-odd");
  layout.writer.write_index({broken, changed, missing, odd});
  const auto browser = layout.mount();
  for (const auto& descriptor : {broken, changed, odd}) {
    const std::string directory = manifest_path(descriptor.digest);
    EXPECT_THAT(browser.names(directory),
                ElementsAre("descriptor.json", "error", "manifest.json", "referrers"));
    EXPECT_THAT(browser.content(directory + "/error"), EndsWith("\n"));
    EXPECT_FALSE(browser.exists(directory + "/rootfs"));
  }
  EXPECT_EQ(browser.content(manifest_path(broken.digest) + "/manifest.json"), "{\"schemaVersion\": 2, ");
  EXPECT_THAT(browser.names(manifest_path(missing.digest)),
              ElementsAre("descriptor.json", "error", "referrers"));
}

TEST(LayoutProblems, AFailureThatOnlyDecodingShowsIsInErrorAfterwards) {
  MountedLayout layout;
  const auto layer = layout.writer.blob("no gzip at all", testing::kGzipType);
  const auto image = layout.writer.manifest(layout.writer.config({layer.digest}), {layer});
  layout.writer.write_index({image});
  const auto browser = layout.mount();
  const std::string directory = manifest_path(image.digest);
  EXPECT_FALSE(browser.exists(directory + "/error"));
  EXPECT_THAT(browser.names(directory + "/rootfs"), ElementsAre(kIoError));
  EXPECT_THAT(browser.content(directory + "/error"), HasSubstr(layer.digest.str()));
  EXPECT_EQ(browser.at(directory + "/rootfs")->attributes.stat.st_mode, mode_t{S_IFDIR | 0755});
}

TEST(LayoutProblems, WhatIsWrongWithIndexJsonStandsAtTheRoot) {
  MountedLayout layout;
  const auto image = layout.image(one_file_tar());
  layout.writer.write_index({named(image, "a")});
  const auto browser = layout.mount();
  EXPECT_FALSE(browser.exists("error"));
  layout.writer.write_index_text(R"({"schemaVersion":2,"manifests":[{"digest":"sha256:zz"}]})");
  EXPECT_THAT(browser.content("error"), EndsWith("\n"));
  EXPECT_THAT(browser.names(""), Contains("error"));
  layout.writer.write_index_text("{");
  EXPECT_THAT(browser.content("error"), HasSubstr("index.json"));
  EXPECT_THAT(browser.names(""), Not(Contains("index.json")));
  layout.writer.write_index({named(image, "a")});
  EXPECT_FALSE(browser.exists("error"));
  EXPECT_EQ(browser.link("refs/a"), "../" + manifest_path(image.digest));
}

TEST(LayoutProblems, IndexesThatRepeatAndNestDeeplyAreEachShownOnce) {
  MountedLayout layout;
  const auto inner = layout.writer.index({});
  const auto outer = layout.writer.index({inner, inner});
  layout.writer.write_index({outer, outer, inner});
  const auto browser = layout.mount();
  EXPECT_EQ(browser.names("manifests/sha256").size(), 2u);
  std::vector<Descriptor> nested{layout.image(one_file_tar())};
  for (int depth = 0; depth < 300; ++depth) nested = {layout.writer.index(nested)};
  layout.writer.write_index(nested);
  EXPECT_EQ(browser.names("manifests/sha256").size(), 301u);
  EXPECT_THAT(browser.names(manifest_path(nested.front().digest)), Contains("platforms"));
}

}  // namespace
}  // namespace layoutfs
