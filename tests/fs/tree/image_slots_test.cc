// Images of a layout are opened when they are entered, and closed when they were not used recently.
#include "fs/tree/image_slots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "tests/fs/tree/browse.h"

namespace layoutfs {
namespace {

using testing::Browser;
using testing::LayoutWriter;
using testing::manifest_path;
using testing::named;
using testing::TarWriter;

constexpr std::size_t kMaxFiles = 20;
constexpr int kImages = 100;

// The index files of a cache directory that this process has mapped.
std::ptrdiff_t mapped_files(const std::string& cache) {
  std::ifstream maps("/proc/self/maps");
  std::ptrdiff_t count = 0;
  for (std::string line; std::getline(maps, line);) count += line.find(cache) != std::string::npos ? 1 : 0;
  return count;
}

struct MountOfMany {
  testing::TempDir temp;
  LayoutWriter writer{temp / "layout"};
  std::vector<Digest> images;
  std::shared_ptr<ImageLibrary> library;
  std::shared_ptr<Filesystem> filesystem;

  // An image with a layer for each of `texts`, which hold one file each: f0, f1, ...
  Digest add(const std::vector<std::string>& texts) {
    std::vector<Descriptor> layers;
    std::vector<Digest> diff_ids;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      layers.push_back(
          writer.blob(TarWriter().file("f" + std::to_string(i), texts[i]).text(), testing::kTarType));
      diff_ids.push_back(layers.back().digest);
    }
    return writer.manifest(writer.config(diff_ids), layers).digest;
  }
  Browser mount() {
    auto engine = open_dir(writer.path());
    EXPECT_TRUE(engine) << engine.error().message();
    library = std::make_shared<ImageLibrary>(std::move(*engine), IndexCache(temp / "cache"),
                                             LibraryOptions{.max_mapped_files = kMaxFiles});
    filesystem = make_layout_filesystem(library, {testing::test_platform(), {}});
    return Browser(*filesystem);
  }
  std::ptrdiff_t mapped() const { return mapped_files(temp / "cache"); }
  // Those that the library and the mount keep, and one that is being opened.
  static constexpr std::ptrdiff_t kBound = 2 * kMaxFiles + 2;
};

TEST(ImageSlots, ImagesThatWereNotUsedLatelyAreClosed) {
  MountOfMany many;
  for (int i = 0; i < kImages; ++i) many.images.push_back(many.add({std::to_string(i)}));
  const auto browser = many.mount();
  std::vector<InodeNumber> files;
  std::ptrdiff_t most = 0;
  for (int i = 0; i < kImages; ++i) {
    const std::string path = manifest_path(many.images[static_cast<std::size_t>(i)]) + "/rootfs/f0";
    files.push_back(browser.node(path));
    EXPECT_EQ(browser.content(files.back()), std::to_string(i));
    most = std::max(most, many.mapped());
  }
  EXPECT_GE(most, 2);
  EXPECT_LE(most, MountOfMany::kBound);
  // The kernel knows all of them, and all its requests are answered.
  for (int i = 0; i < kImages; ++i) {
    const InodeNumber file = files[static_cast<std::size_t>(i)];
    EXPECT_EQ(browser.content(file), std::to_string(i));
    const auto attributes = many.filesystem->attributes(file);
    ASSERT_TRUE(attributes);
    EXPECT_EQ(attributes->stat.st_ino, file);
    EXPECT_LE(many.mapped(), MountOfMany::kBound);
  }
  EXPECT_EQ(many.library->stats().indexes_built, static_cast<std::uint64_t>(kImages));
}

TEST(ImageSlots, AnImageThatIsUsedStaysOpen) {
  MountOfMany many;
  for (int i = 0; i < kImages; ++i) many.images.push_back(many.add({std::to_string(i)}));
  const auto browser = many.mount();
  const InodeNumber used = browser.node(manifest_path(many.images.front()) + "/rootfs/f0");
  const auto loaded = [&] { return many.library->stats().trees_loaded + many.library->stats().trees_built; };
  for (int i = 1; i < kImages; ++i) {
    const auto before = loaded();
    EXPECT_EQ(browser.content(used), "0");
    EXPECT_EQ(loaded(), before) << "opened again after " << i << " images";
    EXPECT_TRUE(browser.exists(manifest_path(many.images[static_cast<std::size_t>(i)]) + "/rootfs/f0"));
  }
}

TEST(ImageSlots, LayersAreClosedThoughTheirStreamsAreKnown) {
  MountOfMany many;
  for (int i = 0; i < kImages; ++i) many.images.push_back(many.add({std::to_string(i)}));
  const auto browser = many.mount();
  std::vector<InodeNumber> streams;
  for (const Digest& image : many.images) {
    streams.push_back(browser.node(manifest_path(image) + "/layers/00/layer.tar"));
    EXPECT_TRUE(browser.exists(manifest_path(image) + "/layers/00/tree/f0"));
    EXPECT_LE(many.mapped(), MountOfMany::kBound);
  }
  for (int i = 0; i < kImages; ++i)
    EXPECT_EQ(browser.content(streams[static_cast<std::size_t>(i)]),
              TarWriter().file("f0", std::to_string(i)).text());
}

TEST(ImageSlots, AnImageWithMoreLayersThanStayOpenCanBeReadAlone) {
  MountOfMany many;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 3 * kMaxFiles; ++i) texts.push_back("text " + std::to_string(i));
  const auto large = many.add(texts), other = many.add({"other"});
  const auto browser = many.mount();
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < texts.size(); ++i)
      EXPECT_EQ(browser.content(manifest_path(large) + "/rootfs/f" + std::to_string(i)), texts[i]);
    EXPECT_EQ(browser.content(manifest_path(other) + "/rootfs/f0"), "other");
    EXPECT_LE(many.mapped(), MountOfMany::kBound);
  }
}

}  // namespace
}  // namespace layoutfs
