// The public interface of images, as another program uses it. Includes headers of core/ only to create
// layouts.
#include "layoutfs/images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "layoutfs/documents.h"
#include "layoutfs/open.h"
#include "layoutfs/reference.h"
#include "tests/support/layout_writer.h"
#include "tests/support/results.h"
#include "tests/support/tar_writer.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::must;
using testing::TarWriter;

class PublicImages : public ::testing::Test {
 protected:
  Descriptor layer(const TarWriter& tar) { return layout_.blob(tar.bytes(), testing::kTarType); }
  void name_image(const std::string& name, const std::vector<Descriptor>& layers) {
    std::vector<Digest> diff_ids;
    for (const Descriptor& each : layers) diff_ids.push_back(each.digest);  // they are not compressed
    Descriptor manifest = layout_.manifest(layout_.config(diff_ids, host_platform()), layers);
    manifest.annotations = {{std::string(kRefName), name}};
    entries_.push_back(manifest);
    layout_.write_index(entries_);
  }
  std::shared_ptr<const LayoutReader> open() { return must(open_reader(layout_.path())); }
  ImagesOptions options() const { return {.cache_directory = cache_, .progress = {}}; }
  static std::string text(const RootFilesystem& root, const std::string& path) {
    const Inode file = must(root.find(path));
    Bytes out(100);
    out.resize(must(root.read(file, out, 0)));
    return std::string(as_text(out));
  }

  testing::TempDir dir_;
  testing::LayoutWriter layout_{dir_ / "layout"};
  std::string cache_ = dir_ / "cache";
  std::vector<Descriptor> entries_;
};

TEST_F(PublicImages, AreFoundByNameAndReadThroughAllLayers) {
  name_image(
      "app:1.0",
      {layer(
           TarWriter().dir("etc").file("etc/host", "below", {.mode = 0640, .uid = 7, .gid = 8}).file("gone")),
       layer(TarWriter().whiteout("gone").file("etc/new", "above").symlink("link", "etc/new"))});
  const auto layout = open();
  const Descriptor manifest = must(find_image(*layout, "app:1.0"));
  Images images(layout, options());
  const auto root = must(images.open(manifest));

  EXPECT_EQ(text(*root, "/etc/host"), "below");
  EXPECT_EQ(text(*root, "link"), "above");
  EXPECT_EQ(root->find("gone").error().code(), Errc::not_found);
  std::vector<std::string> names;
  for (const FileEntry& entry : root->list(kRootInode)) names.emplace_back(entry.name);
  EXPECT_THAT(names, ElementsAre("etc", "link"));
  EXPECT_EQ(root->file_count(), 5u);
  EXPECT_THAT(root->problems(), IsEmpty());

  const FileStatus host = root->status(must(root->find("etc/host")));
  EXPECT_EQ(host.type, FileType::regular);
  EXPECT_EQ(host.mode, 0640u);
  EXPECT_EQ(host.uid, 7u);
  EXPECT_EQ(host.gid, 8u);
  EXPECT_EQ(host.links, 1u);
  EXPECT_EQ(host.size, 5u);
  EXPECT_EQ(host.mtime_s, 1'600'000'000);
  const Inode link = must(root->find("link", false));
  EXPECT_EQ(root->status(link).type, FileType::symlink);
  EXPECT_EQ(root->target(link), "etc/new");
  EXPECT_EQ(root->layer_of(must(root->find("etc/host"))),
            must(read_manifest(*layout, manifest)).layers[0].digest);
}

TEST_F(PublicImages, HaveEveryKindOfFileAndItsAttributes) {
  name_image("all", {layer(TarWriter()
                               .device("block", '4', 8, 1)
                               .device("char", '3', 5, 2)
                               .fifo("fifo")
                               .file("file", "", {.xattrs = {{"user.b", "2"}, {"user.a", "1"}}}))});
  Images images(open(), options());
  const auto root = must(images.open(must(find_image(*open(), "all"))));
  EXPECT_EQ(root->status(must(root->find("block"))).type, FileType::block_device);
  const FileStatus terminal = root->status(must(root->find("char")));
  EXPECT_EQ(terminal.type, FileType::character_device);
  EXPECT_EQ(terminal.device_major, 5u);
  EXPECT_EQ(terminal.device_minor, 2u);
  EXPECT_EQ(root->status(must(root->find("fifo"))).type, FileType::fifo);
  EXPECT_EQ(root->status(kRootInode).type, FileType::directory);
  const auto attributes = root->attributes(must(root->find("file")));
  ASSERT_EQ(attributes.size(), 2u);
  EXPECT_EQ(attributes[0].name, "user.a");
  EXPECT_EQ(attributes[1].value, "2");
  EXPECT_THAT(root->attributes(must(root->find("fifo"))), IsEmpty());
}

TEST_F(PublicImages, OneLayerAloneShowsItsWhiteouts) {
  const Descriptor upper = layer(TarWriter().whiteout("gone"));
  name_image("app", {upper});
  Images images(open(), options());
  const auto root = must(images.open_layer(upper));
  EXPECT_TRUE(root->find(".wh.gone"));
}

TEST_F(PublicImages, AreCachedInTheDirectoryThatIsGiven) {
  name_image("app", {layer(TarWriter().file("a", "content"))});
  const auto layout = open();
  must(Images(layout, options()).open(must(find_image(*layout, "app"))));
  EXPECT_TRUE(std::filesystem::exists(cache_));
  std::size_t built = 0;
  ImagesOptions again = options();
  again.progress = [&built](const Descriptor&, std::uint64_t) { ++built; };
  must(Images(layout, again).open(must(find_image(*layout, "app"))));
  EXPECT_EQ(built, 0u);
}

TEST_F(PublicImages, WithoutACacheDirectoryAreReadAllTheSame) {
  name_image("app", {layer(TarWriter().file("a", "content"))});
  const auto layout = open();
  Images images(layout, {.cache_directory = "", .progress = {}});
  EXPECT_EQ(text(*must(images.open(must(find_image(*layout, "app")))), "a"), "content");
}

TEST_F(PublicImages, AreListedWithTheDocumentsThatCannotBeRead) {
  name_image("one", {layer(TarWriter().file("a"))});
  name_image("two", {layer(TarWriter().file("b"))});
  Descriptor broken = layout_.blob("{", testing::kManifestType);
  entries_.push_back(broken);
  layout_.write_index(entries_);
  const ImageList all = must(list_all_images(*open()));
  EXPECT_EQ(all.manifests.size(), 2u);
  EXPECT_EQ(all.problems.size(), 1u);
}

TEST_F(PublicImages, ThatAreDamagedOrStoppedAreErrors) {
  const Descriptor lower = layer(TarWriter().file("a", "content"));
  name_image("app", {lower});
  const auto layout = open();
  const Descriptor manifest = must(find_image(*layout, "app"));
  std::stop_source stop;
  stop.request_stop();
  Images images(layout, options());
  EXPECT_EQ(images.open(manifest, {.stop = stop.get_token(), .deadline = {}}).error().code(),
            Errc::cancelled);
  std::filesystem::remove(layout_.blob_path(lower.digest));
  EXPECT_EQ(images.open(manifest).error().code(), Errc::not_found);
}

}  // namespace
}  // namespace layoutfs
