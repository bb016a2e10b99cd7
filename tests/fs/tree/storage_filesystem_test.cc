// A layout as an additional image store: its files, updates after changes, and operations without cost.
#include "fs/tree/storage_filesystem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "core/codec/gzip_writer.h"
#include "core/engines/storage_names.h"
#include "tests/fs/tree/browse.h"
#include "tests/support/eventually.h"
#include "tests/support/store.h"
#include "tests/support/tar_split_reader.h"

namespace layoutfs {
namespace {

using testing::Browser;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::LayoutWriter;
using testing::named;
using ::testing::Not;
using testing::TarWriter;
using testing::TempDir;
using ::testing::UnorderedElementsAre;

struct Layer {
  TarWriter tar;
  Descriptor blob;
};

class StorageFilesystem : public ::testing::Test {
 protected:
  Layer layer(TarWriter tar, LayoutWriter* writer = nullptr) {
    const Descriptor blob = (writer == nullptr ? writer_ : *writer).blob(tar.bytes(), testing::kTarType);
    return {std::move(tar), blob};
  }
  Descriptor image(const std::vector<Layer>& layers, LayoutWriter* writer = nullptr) {
    LayoutWriter& to = writer == nullptr ? writer_ : *writer;
    std::vector<Descriptor> blobs;
    std::vector<Digest> diff_ids;
    for (const Layer& each : layers) {
      blobs.push_back(each.blob);
      diff_ids.push_back(each.blob.digest);  // they are not compressed
    }
    return to.manifest(to.config(diff_ids), blobs);
  }
  static std::vector<std::string> ids_of(const std::vector<Layer>& layers) {
    std::vector<Digest> diff_ids;
    for (const Layer& each : layers) diff_ids.push_back(each.blob.digest);
    return storage_layer_ids(diff_ids);
  }
  Browser mount(std::string repository = "localhost/img") {
    library_ = std::make_shared<ImageLibrary>(open_dir(writer_.path()).value(), IndexCache(dir_ / "cache"),
                                              LibraryOptions{.failures_remembered = std::chrono::seconds(0)});
    filesystem_ =
        make_storage_filesystem(view_, library_, {testing::test_platform(), {}}, std::move(repository));
    return Browser(*filesystem_);
  }
  // The names of all images, each in brackets.
  static std::string names_in(const Browser& browser) {
    const std::string text = browser.content("overlay-images/images.json");
    const auto document = JsonDocument::parse(as_bytes(text)).value();
    std::string names;
    for (std::size_t i = 0; i < document.root().size(); ++i)
      names += document.root().at(i).find("names").value().dump();
    return names;
  }

  // The layouts of a tree are not looked for at each request.
  static void becomes(const Browser& browser, const std::string& names) {
    testing::eventually([&] { return names_in(browser) == names; });
    EXPECT_EQ(names_in(browser), names);
  }

  EngineView view_ = EngineView::containers_storage;
  TempDir dir_;
  LayoutWriter writer_{dir_ / "layout"};
  std::shared_ptr<ImageLibrary> library_;
  std::shared_ptr<Filesystem> filesystem_;
};

TEST_F(StorageFilesystem, HasTheFilesOfTheOverlayDriver) {
  const std::vector<Layer> layers{layer(TarWriter().file("a", "one").file("b", "two")),
                                  layer(TarWriter().whiteout("a").file("c", "three"))};
  const Descriptor manifest = image(layers);
  writer_.write_index({named(manifest, "1.0")});
  const auto browser = mount();
  const auto ids = ids_of(layers);
  EXPECT_THAT(browser.names(""), ElementsAre("overlay", "overlay-images", "overlay-layers"));
  EXPECT_THAT(browser.names("overlay"), UnorderedElementsAre("l", ids[0], ids[1]));
  EXPECT_THAT(browser.names("overlay/l"), UnorderedElementsAre(storage_link(ids[0]), storage_link(ids[1])));
  for (const std::string& id : ids) {
    const std::string directory = "overlay/" + id;
    EXPECT_THAT(browser.names(directory), ElementsAre("diff", "empty", "link", "merged", "work"));
    EXPECT_EQ(browser.content(directory + "/link"), storage_link(id));
    EXPECT_EQ(browser.link("overlay/l/" + storage_link(id)), "../" + id + "/diff");
    EXPECT_THAT(browser.names(directory + "/merged"), IsEmpty());
  }
  EXPECT_THAT(browser.names("overlay/" + ids[0] + "/diff"), ElementsAre("a", "b"));
  EXPECT_THAT(browser.names("overlay/" + ids[1] + "/diff"), ElementsAre("b", "c"))
      << "merged, without whiteouts";
  EXPECT_EQ(browser.content("overlay/" + ids[1] + "/diff/b"), "two");
  const auto config = library_->graph().manifest(manifest).value()->config;
  EXPECT_THAT(browser.names("overlay-images"),
              ElementsAre(config.digest.hex(), "images.json", "images.lock"));
  const std::string items = "overlay-images/" + config.digest.hex();
  EXPECT_EQ(Digest::of(as_bytes(browser.content(items + "/manifest"))), manifest.digest);
  EXPECT_EQ(Digest::of(as_bytes(browser.content(items + "/" + *storage_item_file(config.digest.str())))),
            config.digest);
  EXPECT_EQ(browser.content("overlay-images/images.lock").size(), 64u);
  EXPECT_EQ(browser.content("overlay-layers/layers.lock").size(), 64u);
}

TEST_F(StorageFilesystem, ImagesShareTheirLowestLayers) {
  const Layer base = layer(TarWriter().file("base")), a = layer(TarWriter().file("a")),
              b = layer(TarWriter().file("b"));
  writer_.write_index(
      {named(image({base, a}), "a"), named(image({base, b}), "b"), named(image({base, a}), "again")});
  const auto browser = mount();
  EXPECT_EQ(browser.names("overlay").size(), 4u) << "three layers and l";
  EXPECT_EQ(names_in(browser), R"(["localhost/img:a","localhost/img:again"]["localhost/img:b"])");
}

TEST_F(StorageFilesystem, ListingDecodesNothing) {
  const std::vector<Layer> layers{layer(TarWriter().file("a", "one"))};
  writer_.write_index({named(image(layers), "1.0")});
  const auto browser = mount();
  const std::string id = ids_of(layers)[0];
  for (const std::string& path : {std::string(), std::string("overlay"), "overlay/" + id,
                                  std::string("overlay-images"), std::string("overlay-layers")})
    EXPECT_THAT(browser.names(path), Not(IsEmpty())) << path;
  EXPECT_THAT(browser.content("overlay-layers/layers.json"), HasSubstr(id));
  EXPECT_TRUE(browser.exists("overlay-layers/" + id + ".tar-split.gz"));
  EXPECT_TRUE(browser.exists("overlay/" + id + "/diff"));
  EXPECT_EQ(library_->stats().indexes_built, 0u);
  EXPECT_THAT(browser.names("overlay/" + id + "/diff"), ElementsAre("a"));
  EXPECT_EQ(library_->stats().indexes_built, 1u);
}

TEST_F(StorageFilesystem, TheTarOfEachLayerCanBeRebuilt) {
  const std::vector<Layer> layers{
      layer(TarWriter().dir("usr/lib").symlink("lib", "usr/lib").file("usr/lib/a", "one").file("b", "two")),
      layer(TarWriter().file("lib/a", "new").file("b", "three").file("b", "four").file("c", "five"))};
  writer_.write_index({named(image(layers), "1.0")});
  const auto browser = mount();
  const auto ids = ids_of(layers);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::string path = "overlay-layers/" + ids[i] + ".tar-split.gz";
    const auto looked_up = browser.at(path);
    ASSERT_TRUE(looked_up);
    EXPECT_EQ(looked_up->attributes.valid.count(), 0.0) << "its size is not known yet";
    const std::string record = browser.content(path);
    const auto attributes = filesystem_->attributes(browser.node(path));
    EXPECT_EQ(attributes->stat.st_size, static_cast<off_t>(record.size()));
    EXPECT_GT(attributes->valid.count(), 1.0);
    const auto rebuilt = testing::rebuilt(testing::gunzipped(record), [&](const std::string& name) {
      return browser.content("overlay/" + ids[i] + "/diff/" + name);
    });
    EXPECT_EQ(rebuilt.tar, layers[i].tar.text());
  }
}

TEST_F(StorageFilesystem, ATagAppearsAndNothingElseChanges) {
  const Layer a = layer(TarWriter().file("a")), b = layer(TarWriter().file("b"));
  const Descriptor first = image({a}), second = image({b});
  writer_.write_index({named(first, "1")});
  const auto browser = mount();
  const std::string lock = browser.content("overlay-images/images.lock");
  const std::string link = browser.content("overlay/" + ids_of({a})[0] + "/link");
  const InodeNumber diff = browser.node("overlay/" + ids_of({a})[0] + "/diff");
  const auto time = [&] { return filesystem_->attributes(browser.node("overlay"))->stat.st_mtim; };
  const auto before = time();
  EXPECT_EQ(browser.content("overlay-images/images.lock"), lock);
  writer_.write_index({named(first, "1"), named(second, "2")});
  EXPECT_EQ(names_in(browser), R"(["localhost/img:1"]["localhost/img:2"])");
  EXPECT_NE(browser.content("overlay-images/images.lock"), lock);
  EXPECT_EQ(browser.at("overlay-images/images.lock")->valid.count(), 0.0) << "the next command sees a change";
  const auto after = time();
  EXPECT_TRUE(after.tv_sec != before.tv_sec || after.tv_nsec != before.tv_nsec) << "the listing is cached";
  EXPECT_EQ(browser.content("overlay/" + ids_of({a})[0] + "/link"), link);
  EXPECT_EQ(browser.node("overlay/" + ids_of({a})[0] + "/diff"), diff);
  writer_.write_index({named(second, "2")});
  EXPECT_EQ(names_in(browser), R"(["localhost/img:2"])");
  EXPECT_THAT(browser.names("overlay"), Not(Contains(ids_of({a})[0])));
}

TEST_F(StorageFilesystem, ABrokenImageIsLeftOutWithTheReason) {
  const Layer gone = layer(TarWriter().file("gone")), a = layer(TarWriter().file("a"));
  writer_.write_index({named(image({gone}), "team/broken"), named(image({a}), "good")});
  std::filesystem::remove(writer_.blob_path(gone.blob.digest));
  const auto browser = mount();
  EXPECT_EQ(names_in(browser), R"(["localhost/img:good"])");
  EXPECT_THAT(browser.names(""), Contains("errors"));
  EXPECT_THAT(browser.names("errors"), ElementsAre("team%2Fbroken"));
  EXPECT_EQ(browser.content("errors/team%2Fbroken"),
            "layer 0: blob " + gone.blob.digest.str() + " is missing\n");
  EXPECT_THAT(browser.names("overlay"), Not(Contains(ids_of({gone})[0])));
}

TEST_F(StorageFilesystem, AnImageThatTurnsOutToBeBrokenIsLeftOutThen) {
  Layer damaged = layer(TarWriter().file("a")), good = layer(TarWriter().file("b"));
  const std::string id = ids_of({damaged})[0];
  writer_.write_index({named(image({damaged}), "damaged"), named(image({good}), "good")});
  const std::string path = writer_.blob_path(damaged.blob.digest);
  testing::write_file(path, std::string(damaged.blob.size, 'x'));
  const auto browser = mount();
  EXPECT_EQ(names_in(browser), R"(["localhost/img:damaged"]["localhost/img:good"])");
  EXPECT_THAT(browser.names("overlay/" + id + "/diff"), ElementsAre("errno 5"));
  EXPECT_EQ(names_in(browser), R"(["localhost/img:good"])");
  EXPECT_THAT(browser.content("errors/damaged"), HasSubstr(damaged.blob.digest.str()));
  // Put again.
  std::filesystem::remove(path);
  testing::write_file(path, damaged.tar.bytes());
  while (browser.exists("errors")) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(names_in(browser), R"(["localhost/img:damaged"]["localhost/img:good"])");
  EXPECT_THAT(browser.names("overlay/" + id + "/diff"), ElementsAre("a"));
}

TEST_F(StorageFilesystem, ALayerThatIsNotThatOfTheConfigIsNotShown) {
  const Layer a = layer(TarWriter().file("a")), b = layer(TarWriter().file("b"));
  // The config says `a`.
  const Descriptor wrong = writer_.manifest(writer_.config({a.blob.digest}), {b.blob});
  writer_.write_index({named(wrong, "wrong")});
  const std::string id = ids_of({a})[0];
  {
    const auto browser = mount();
    EXPECT_THAT(browser.names("overlay/" + id + "/diff"), ElementsAre("errno 5"));
    EXPECT_EQ(names_in(browser), "");
    EXPECT_THAT(browser.content("errors/wrong"), HasSubstr("the config says " + a.blob.digest.str()));
  }
  // The index knows it now.
  EXPECT_EQ(names_in(mount()), "");
  // An image with the right layer is not affected.
  writer_.write_index(
      {named(wrong, "wrong"),
       named(writer_.manifest(writer_.config({a.blob.digest}, {"linux", "arm64", ""}), {a.blob}), "right")});
  const auto browser = mount();
  EXPECT_EQ(names_in(browser), R"(["localhost/img:right"])");
  EXPECT_THAT(browser.names("overlay/" + id + "/diff"), ElementsAre("a"));
}

TEST_F(StorageFilesystem, SizesOfIndexedLayersAreExact) {
  const Layer a = layer(TarWriter().file("a"));
  const Bytes packed = gzip_of(a.tar.bytes());
  Bytes two = packed;
  const Bytes empty = gzip_of({});  // a second member, as eStargz has it
  two.insert(two.end(), empty.begin(), empty.end());
  const Descriptor blob = writer_.blob(two, testing::kGzipType);
  writer_.write_index({named(writer_.manifest(writer_.config({a.blob.digest}), {blob}), "1")});
  const auto browser = mount();
  const std::string lock = browser.content("overlay-layers/layers.lock");
  const std::string exact = "\"diff-size\":" + std::to_string(a.tar.bytes().size()) + ",\"compression\":2";
  EXPECT_THAT(browser.content("overlay-layers/layers.json"), Not(HasSubstr(exact))) << "a guess";
  EXPECT_THAT(browser.names("overlay/" + ids_of({a})[0] + "/diff"), ElementsAre("a"));
  EXPECT_THAT(browser.content("overlay-layers/layers.json"), HasSubstr(exact));
  EXPECT_NE(browser.content("overlay-layers/layers.lock"), lock);
}

TEST_F(StorageFilesystem, OfALayoutThatCannotBeReadTheReasonIsShown) {
  const auto browser = mount();
  EXPECT_EQ(browser.content("overlay-images/images.json"), "[]");
  EXPECT_FALSE(browser.exists("errors"));
  writer_.write_index_text("{");
  EXPECT_EQ(browser.content("overlay-images/images.json"), "[]");
  EXPECT_THAT(browser.names("errors"), ElementsAre("index.json"));
}

std::string containerd_path(const Digest& diff_id) {
  return "sha256/" + diff_id.hex().substr(0, 2) + "/" + diff_id.hex() + ".erofs";
}

TEST_F(StorageFilesystem, ForContainerdHasAFileForEachLayerByItsDiffId) {
  view_ = EngineView::containerd;
  const Layer a = layer(TarWriter().file("a", "one"));
  const Bytes packed = gzip_of(layer(TarWriter().whiteout("a").file("b", "two")).tar.bytes());
  const Digest diff_id = Digest::of(TarWriter().whiteout("a").file("b", "two").bytes());
  const Descriptor b = writer_.blob(packed, testing::kGzipType);
  const Descriptor config = writer_.config({a.blob.digest, diff_id});
  writer_.write_index({named(writer_.manifest(config, {a.blob, b}), "1"), named(image({a}), "base")});
  const auto browser = mount();
  EXPECT_THAT(browser.names(""), ElementsAre("sha256", "sha512"));
  for (const Digest& each : {a.blob.digest, diff_id}) {
    const std::string directory = "sha256/" + each.hex().substr(0, 2);
    EXPECT_THAT(browser.names("sha256"), Contains(each.hex().substr(0, 2)));
    EXPECT_THAT(browser.names(directory), Contains(each.hex() + ".erofs"));
    const std::string file = browser.content(containerd_path(each));
    // EROFS_SUPER_MAGIC_V1 at byte 1024 (Documentation/filesystems/erofs.rst).
    ASSERT_GT(file.size(), 1028U);
    EXPECT_EQ(file.substr(1024, 4), "\xe2\xe1\xf5\xe0");
  }
  EXPECT_EQ(browser.names("sha256/" + diff_id.hex().substr(0, 2)).size(),
            diff_id.hex().substr(0, 2) == a.blob.digest.hex().substr(0, 2) ? 2U : 1U);
  EXPECT_FALSE(browser.exists(containerd_path(Digest::of(packed)))) << "the digest of the blob";
  EXPECT_FALSE(browser.exists("sha256/zz"));
  EXPECT_FALSE(browser.exists("sha256/" + diff_id.hex().substr(0, 2) + "/x.erofs"));
  // A new image appears.
  const Layer c = layer(TarWriter().file("c"));
  writer_.write_index({named(image({c}), "2")});
  EXPECT_TRUE(browser.exists(containerd_path(c.blob.digest)));
  EXPECT_FALSE(browser.exists(containerd_path(diff_id)));
}

// containerd trusts the names.
TEST_F(StorageFilesystem, ForContainerdALayerWithOtherContentCannotBeOpened) {
  view_ = EngineView::containerd;
  const Layer a = layer(TarWriter().file("a")), b = layer(TarWriter().file("b"));
  const Descriptor wrong = writer_.manifest(writer_.config({a.blob.digest}), {b.blob});
  writer_.write_index({named(wrong, "wrong")});
  const auto browser = mount();
  EXPECT_EQ(browser.at(containerd_path(a.blob.digest)).error(), EIO);
  EXPECT_THAT(browser.content("errors/wrong"), HasSubstr("the config says " + a.blob.digest.str()));
  // The same digest in another image, with the right blob.
  const Descriptor other_config = writer_.config({a.blob.digest}, {"linux", "arm64", ""});
  writer_.write_index({named(wrong, "wrong"), named(writer_.manifest(other_config, {a.blob}), "right")});
  EXPECT_TRUE(browser.exists(containerd_path(a.blob.digest)));
}

TEST_F(StorageFilesystem, ShowsTheImagesOfAllRepositories) {
  LayoutWriter app(dir_ / "tree/team/app"), lib(dir_ / "tree/quay.io/lib");
  const std::vector<Layer> shared_by_both{layer(TarWriter().file("a"), &app)};
  layer(TarWriter().file("a"), &lib);
  app.write_index({named(image(shared_by_both, &app), "1")});
  lib.write_index({named(lib.manifest(lib.config({shared_by_both[0].blob.digest}, {"linux", "arm64", ""}),
                                      {shared_by_both[0].blob}),
                         "lib:2")});
  auto resources = std::make_shared<const LibraryResources>(IndexCache(), LibraryOptions{});
  filesystem_ = make_storage_filesystem(view_, RepositoryTree(dir_ / "tree"), std::move(resources),
                                        {testing::test_platform(), {}});
  const Browser browser(*filesystem_);
  EXPECT_EQ(names_in(browser), R"(["localhost/lib:2"]["localhost/team/app:1"])");
  const std::string id = ids_of(shared_by_both)[0];
  EXPECT_EQ(browser.names("overlay").size(), 2u);
  EXPECT_THAT(browser.names("overlay/" + id + "/diff"), ElementsAre("a"));
  // A new repository, and another one is removed.
  LayoutWriter more(dir_ / "tree/more");
  more.write_index({named(image({layer(TarWriter().file("b"), &more)}, &more), "3")});
  std::filesystem::remove_all(dir_ / "tree/quay.io");
  becomes(browser, R"(["localhost/more:3"]["localhost/team/app:1"])");
  EXPECT_THAT(browser.names("overlay/" + id + "/diff"), ElementsAre("a")) << "of the other repository";
  more.write_index_text("{");
  becomes(browser, R"(["localhost/team/app:1"])");
  EXPECT_THAT(browser.names("errors"), ElementsAre("more:index.json"));
}

}  // namespace
}  // namespace layoutfs
