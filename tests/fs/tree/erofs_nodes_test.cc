// Images and layers as files of a mount. The kernel reads them in tests/e2e/erofs_files.sh and
// layer_erofs.sh.
#include "fs/tree/erofs_nodes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <stop_token>

#include "core/erofs/erofs_reader.h"
#include "fs/tree/open_erofs.h"
#include "tests/fs/tree/browse.h"
#include "tests/image/merged.h"

namespace layoutfs {
namespace {

using testing::manifest_path;
using testing::MountedLayout;
using testing::named;
using testing::TarWriter;

std::string sample_tar() {
  return TarWriter().dir("d").file("d/a", std::string(9000, 'a')).whiteout("d/b").text();
}

std::string expected(const ImagePtr& image, const Digest& digest, ErofsContent content) {
  const ErofsReader reader(image,
                           make_erofs(image->tree(), digest, {ErofsPlacement::appended, content}).value());
  IoBuffers pieces;
  EXPECT_TRUE(reader.read(pieces, reader.size(), 0));
  Bytes bytes(pieces.size());
  pieces.copy_to(bytes);
  return std::string(as_text(bytes));
}

TEST(ErofsNodes, TheFilesAreImagesOfTheRootAndOfEachLayer) {
  MountedLayout layout;
  const auto image = layout.image(sample_tar());
  layout.writer.write_index({named(image, "a")});
  const auto browser = layout.mount();
  const std::string directory = manifest_path(image.digest);
  const std::string root = browser.content(directory + "/rootfs.erofs"),
                    layer = browser.content(directory + "/layers/00/layer.erofs");
  EXPECT_EQ(root, expected(layout.library->image(image).value(), image.digest, ErofsContent::image));
  const Descriptor blob = layout.library->graph().manifest(image).value()->layers[0];
  EXPECT_EQ(layer, expected(layout.library->layer_tree(blob).value(), blob.digest, ErofsContent::layer));
  for (const std::string name : {"/rootfs.erofs", "/layers/00/layer.erofs"}) {
    const auto found = browser.at(directory + name);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->attributes.stat.st_mode, S_IFREG | 0444U);
    EXPECT_EQ(static_cast<std::size_t>(found->attributes.stat.st_size),
              name.starts_with("/rootfs") ? root.size() : layer.size());
  }
}

TEST(ErofsNodes, ListingReadsNoLayer) {
  MountedLayout layout;
  const auto image = layout.image(sample_tar());
  layout.writer.write_index({named(image, "a")});
  const auto browser = layout.mount();
  EXPECT_THAT(browser.names(manifest_path(image.digest)), ::testing::Contains("rootfs.erofs"));
  EXPECT_THAT(browser.names(manifest_path(image.digest) + "/layers/00"), ::testing::Contains("layer.erofs"));
  EXPECT_EQ(layout.library->stats().indexes_built, 0U);
  EXPECT_TRUE(browser.exists(manifest_path(image.digest) + "/rootfs.erofs"));
  EXPECT_EQ(layout.library->stats().indexes_built, 1U);
}

TEST(ErofsNodes, AnImageThatErofsCannotStoreHasNoFile) {
  MountedLayout layout;
  const auto image = layout.image(TarWriter().device("c", '3', 4096, 0).text());
  layout.writer.write_index({named(image, "a")});
  const auto browser = layout.mount();
  const std::string directory = manifest_path(image.digest);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(browser.at(directory + "/rootfs.erofs").error(), ENOENT);
    EXPECT_EQ(browser.at(directory + "/layers/00/layer.erofs").error(), ENOENT);
  }
  EXPECT_TRUE(browser.exists(directory + "/rootfs/c"));
  EXPECT_FALSE(browser.exists(directory + "/error"));
}

TEST(ErofsNodes, ABrokenLayerIsAnError) {
  MountedLayout layout;
  const auto image = layout.image(sample_tar());
  layout.writer.write_index({named(image, "a")});
  const auto browser = layout.mount();
  const std::string blob = layout.writer.blob_path(Digest::of(as_bytes(sample_tar())));
  testing::write_file(blob, std::string(std::filesystem::file_size(blob), 'x'));
  const std::string directory = manifest_path(image.digest);
  EXPECT_EQ(browser.at(directory + "/rootfs.erofs").error(), EIO);
  EXPECT_EQ(browser.at(directory + "/layers/00/layer.erofs").error(), EIO);
  EXPECT_TRUE(browser.exists(directory + "/error"));
}

TEST(ErofsNodes, AStoppedRequestEndsWithEintrAndTheNextOneSucceeds) {
  MountedLayout layout;
  const auto image = layout.image(sample_tar());
  layout.writer.write_index({named(image, "a")});
  const auto browser = layout.mount();
  std::stop_source source;
  source.request_stop();
  const Context stopped{.stop = source.get_token(), .deadline = {}};
  const InodeNumber directory = browser.node(manifest_path(image.digest));
  EXPECT_EQ(layout.filesystem->lookup(directory, "rootfs.erofs", stopped).error(), EINTR);
  EXPECT_FALSE(browser.exists(manifest_path(image.digest) + "/error"));
  const InodeNumber file = browser.node(manifest_path(image.digest) + "/rootfs.erofs");
  IoBuffers pieces;
  EXPECT_EQ(layout.filesystem->read(file, pieces, 100, 0, stopped).error(), EINTR);
  EXPECT_GT(browser.content(file).size(), 9000U);
}

TEST(OpenErofs, RecentMetadataIsSharedAndOlderIsClosed) {
  OpenErofs open;
  const auto tree = testing::merged({TarWriter().file("a", "x")});
  const auto digest_of = [](int number) { return Digest::of(as_bytes(std::to_string(number))); };
  const auto opened = [&](int number) {
    return open.open(IndexCache(), *tree, digest_of(number), ErofsContent::image, {}).value();
  };
  const std::weak_ptr<const ErofsImage> first = opened(0);
  EXPECT_EQ(opened(0), first.lock());
  EXPECT_NE(open.open(IndexCache(), *tree, digest_of(0), ErofsContent::layer, {}).value(), first.lock());
  for (int number = 1; number < 12; ++number) opened(number);
  EXPECT_FALSE(first.expired());
  for (int number = 12; number < 40; ++number) opened(number);
  EXPECT_TRUE(first.expired());
}

}  // namespace
}  // namespace layoutfs
