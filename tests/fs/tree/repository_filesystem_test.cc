// A directory of layouts: its paths, the moment of opening, and files of closed layouts.
#include "fs/tree/repository_filesystem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "core/base/lock_order.h"
#include "core/cas/layout_dir.h"
#include "tests/fs/tree/browse.h"
#include "tests/support/eventually.h"
#include "tests/support/store.h"

namespace layoutfs {
namespace {

using testing::Browser;
using ::testing::Contains;
using ::testing::ElementsAre;
using testing::eventually;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::LayoutWriter;
using testing::manifest_path;
using testing::named;
using ::testing::Not;
using testing::TarWriter;
using testing::test_platform;
using testing::write_file;

std::string tar_with(const std::string& text) { return TarWriter().dir("etc").file("etc/name", text).text(); }

// An image with the file etc/name of content `text`.
Descriptor add_image(LayoutWriter& writer, const std::string& text) {
  const auto layer = writer.blob(tar_with(text), testing::kTarType);
  return writer.manifest(writer.config({layer.digest}), {layer});
}

struct MountedRepositories {
  testing::TempDir temp;
  std::shared_ptr<const LibraryResources> resources;
  std::shared_ptr<Filesystem> filesystem;

  std::string at(const std::string& name) const { return temp / name; }
  // A repository with one image, as LATEST; its digest.
  Digest add(const std::string& name, const std::string& text) const {
    LayoutWriter writer(at(name));
    const auto image = add_image(writer, text);
    writer.write_index({named(image, "latest")});
    return image.digest;
  }
  Browser mount(std::size_t most_open = RepositoryLayouts::kMostOpen) {
    resources = std::make_shared<const LibraryResources>(IndexCache(), LibraryOptions{});
    filesystem =
        make_repository_filesystem(RepositoryTree(temp.path()), resources, {test_platform(), {}}, most_open);
    return Browser(*filesystem);
  }
};

// Prints every path below `path`, with its content or its target.
void describe(const Browser& browser, const std::string& path, const std::string& shown,
              std::map<std::string, std::string>& all) {
  for (const std::string& name : browser.names(path)) {
    const std::string below = path.empty() ? name : path + "/" + name;
    const auto entry = browser.at(below);
    std::string& what = all[shown + "/" + name];
    if (!entry) {
      what = "errno " + std::to_string(entry.error());
    } else if (S_ISDIR(entry->attributes.stat.st_mode)) {
      describe(browser, below, shown + "/" + name, all);
    } else {
      what = S_ISLNK(entry->attributes.stat.st_mode) ? browser.link(below) : browser.content(below);
    }
  }
}
std::map<std::string, std::string> describe(const Browser& browser, const std::string& path) {
  std::map<std::string, std::string> all;
  describe(browser, path, "", all);
  return all;
}

std::size_t open_files() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

TEST(RepositoryFilesystem, ShowsEachRepositoryAsTheMountOfItsLayoutDoes) {
  MountedRepositories mounted;
  LayoutWriter writer(mounted.at("a/b"));
  const auto image = add_image(writer, "sample");
  writer.write_index({named(image, "latest"), named(writer.index({image}), "multi/platform"),
                      named(Descriptor{image.media_type, Digest::of(as_bytes("none")), 4}, "missing")});
  const auto browser = mounted.mount();
  EXPECT_THAT(browser.names(""), ElementsAre("a"));
  EXPECT_THAT(browser.names("a"), ElementsAre("b"));
  const auto alone = make_layout_filesystem(
      std::make_shared<ImageLibrary>(open_dir(writer.path()).value(), IndexCache(), LibraryOptions{}),
      {test_platform(), {}});
  const auto expected = describe(Browser(*alone), "");
  EXPECT_GT(expected.size(), 30u);
  EXPECT_EQ(describe(browser, "a/b"), expected);
}

TEST(RepositoryFilesystem, TagsOfTheRepositoryItselfAreCalledByTheTagAlone) {
  MountedRepositories mounted;
  LayoutWriter writer(mounted.at("a/b"));
  const auto one = add_image(writer, "1"), two = add_image(writer, "2");
  writer.write_index({named(one, "a/b:1"), named(one, "a/b:"), named(one, "a/bb:2"), named(one, "a/b:x/y"),
                      named(one, "b:3"), named(two, "bare"), named(two, "1")});
  const auto browser = mounted.mount();
  EXPECT_EQ(browser.link("a/b/refs/1"), "../" + manifest_path(one.digest));
  EXPECT_EQ(browser.link("a/b/refs/1@" + std::string(two.digest.short_hex())),
            "../" + manifest_path(two.digest));
  EXPECT_THAT(browser.names("a/b/refs"), Contains("bare"));
  EXPECT_THAT(browser.names("a/b/refs"), Contains("b:3"));
  EXPECT_THAT(browser.names("a/b/refs/a"), ElementsAre("b:", "b:x", "bb:2"));
}

TEST(RepositoryFilesystem, RepositoriesNestBesideWhatALayoutShows) {
  MountedRepositories mounted;
  for (const char* name :
       {"a", "a/b", "a/refs", "a/manifests", "a/error", "a/refs/refs", "refs", "a/blobs/c"})
    mounted.add(name, name);
  const auto browser = mounted.mount();
  EXPECT_THAT(browser.names(""), ElementsAre("a", "refs"));
  EXPECT_THAT(browser.names("a"), ElementsAre("%65rror", "%6Danifests", "%72efs", "b", "blobs", "index.json",
                                              "manifests", "oci-layout", "refs"));
  for (const auto& [path, name] : std::map<std::string, std::string>{{"a", "a"},
                                                                     {"a/b", "a/b"},
                                                                     {"a/%72efs", "a/refs"},
                                                                     {"a/%6Danifests", "a/manifests"},
                                                                     {"a/%65rror", "a/error"},
                                                                     {"a/%72efs/%72efs", "a/refs/refs"},
                                                                     {"refs", "refs"}}) {
    EXPECT_THAT(browser.names(path + "/refs"), ElementsAre("latest")) << path;
    EXPECT_EQ(browser.content(path + "/index.json"), testing::file_text(mounted.at(name) + "/index.json"));
  }
  EXPECT_FALSE(browser.exists("a/%62lobs"));
  EXPECT_FALSE(browser.exists("a/%72efs/b"));
  EXPECT_FALSE(browser.exists("a/error"));
  EXPECT_FALSE(browser.exists("a/blobs/c"));
}

TEST(RepositoryFilesystem, DirectoriesWithoutALayoutHoldOnlyWhatIsBelow) {
  MountedRepositories mounted;
  mounted.add("team/app", "x");
  std::filesystem::create_directories(mounted.at("team/empty"));
  std::filesystem::create_directories(mounted.at("lost+found"));
  std::filesystem::create_directory_symlink(mounted.at("team"), mounted.at("link"));
  write_file(mounted.at("file"), "x");
  const auto browser = mounted.mount();
  EXPECT_THAT(browser.names(""), ElementsAre("team"));
  EXPECT_THAT(browser.names("team"), ElementsAre("app", "empty"));
  EXPECT_THAT(browser.names("team/empty"), IsEmpty());
  for (const char* path : {"team/refs", "team/error", "team/index.json", "team/blobs", "link", "link/app",
                           "file", "..", "lost+found", "nothing", "team/nothing", "Team"})
    EXPECT_FALSE(browser.exists(path)) << path;
}

TEST(RepositoryFilesystem, ABrokenLayoutSaysSoAndLeavesTheOthersAlone) {
  MountedRepositories mounted;
  mounted.add("good", "x");
  mounted.add("broken", "x");
  mounted.add("broken/below", "x");
  const std::string index = mounted.at("broken/index.json");
  std::filesystem::rename(index, index + ".away");
  const auto browser = mounted.mount();
  EXPECT_THAT(browser.names(""), ElementsAre("broken", "good"));
  EXPECT_THAT(browser.names("broken"), ElementsAre("below", "error"));
  EXPECT_EQ(browser.content("broken/error"), "broken: index.json is missing\n");
  EXPECT_FALSE(browser.exists("broken/refs"));
  EXPECT_THAT(browser.names("broken/below/refs"), ElementsAre("latest"));
  EXPECT_THAT(browser.names("good/refs"), ElementsAre("latest"));
  // It is looked at again.
  std::filesystem::rename(index + ".away", index);
  EXPECT_THAT(browser.names("broken"), Contains("refs"));
  EXPECT_THAT(browser.names("broken"), Not(Contains("error")));
  EXPECT_FALSE(browser.exists("broken/error"));
  EXPECT_TRUE(browser.exists("broken/refs/latest"));
  // While it is open.
  write_file(index, "{");
  EXPECT_THAT(browser.content("broken/error"), HasSubstr("index.json"));
}

TEST(RepositoryFilesystem, RepositoriesThatAreAddedChangedAndRemovedAreSeen) {
  MountedRepositories mounted;
  const auto first = mounted.add("a", "one");
  const auto browser = mounted.mount();
  EXPECT_EQ(browser.link("a/refs/latest"), "../" + manifest_path(first));
  EXPECT_LE(browser.at("a")->valid, std::chrono::seconds(1));
  EXPECT_LE(browser.at("a")->attributes.valid, std::chrono::seconds(1));
  mounted.add("b/c", "two");
  EXPECT_THAT(browser.names(""), ElementsAre("a", "b"));
  EXPECT_EQ(browser.content("b/c/" + manifest_path(mounted.add("b/c", "two")) + "/rootfs/etc/name"), "two");
  const auto second = mounted.add("a", "three");
  EXPECT_EQ(browser.link("a/refs/latest"), "../" + manifest_path(second));
  std::filesystem::remove_all(mounted.at("b"));
  EXPECT_THAT(browser.names(""), ElementsAre("a"));
  EXPECT_FALSE(browser.exists("b"));
}

TEST(RepositoryFilesystem, ARepositoryThatIsMadeAgainIsTheNewOne) {
  MountedRepositories mounted;
  mounted.add("a", "one");
  const auto browser = mounted.mount();
  const InodeNumber refs = browser.node("a/refs");
  EXPECT_THAT(browser.names(refs), ElementsAre("latest"));
  // Another directory, with another layout, in one step.
  LayoutWriter writer(mounted.at("b"));
  writer.write_index({named(add_image(writer, "two"), "other")});
  std::filesystem::rename(mounted.at("a"), mounted.at("c"));
  std::filesystem::rename(mounted.at("b"), mounted.at("a"));
  EXPECT_TRUE(browser.exists("a"));
  EXPECT_THAT(browser.names(refs), ElementsAre("other"));
  EXPECT_THAT(browser.names("a/refs"), ElementsAre("other"));
  EXPECT_THAT(browser.names("c/refs"), ElementsAre("latest"));
}

TEST(RepositoryFilesystem, TimesOfDirectoriesChangeWithWhatTheyList) {
  MountedRepositories mounted;
  mounted.add("a", "one");
  const auto browser = mounted.mount();
  const auto time = [&](const std::string& path) {
    const auto entry = browser.at(path);
    return entry ? to_ns(entry->attributes.stat.st_mtim) : -1;
  };
  ::usleep(60'000);  // until no change can be hidden in the tick of the clock
  const auto before = time("a");
  EXPECT_EQ(time("a"), before);
  mounted.add("a/b", "two");
  EXPECT_NE(time("a"), before);
  ::usleep(60'000);
  const auto quiet = time("a");
  write_file(mounted.at("a/index.json"), "{");  // in place
  EXPECT_NE(time("a"), quiet);
  ::usleep(60'000);
  const auto broken = time("a");
  EXPECT_NE(broken, quiet);
  EXPECT_THAT(browser.names("a"), Contains("error"));
  EXPECT_NE(time("a"), broken);
}

TEST(RepositoryFilesystem, InodesAreTheSameInTheNextMountAndOfOneRepositoryOnly) {
  MountedRepositories mounted;
  const auto digest = mounted.add("a", "same");
  mounted.add("a/refs", "same");
  mounted.add("b", "same");
  const std::string directory = "/" + manifest_path(digest);
  const auto numbers = [&](const Browser& browser, const std::vector<std::string>& repositories) {
    std::map<std::string, InodeNumber> found;
    for (const std::string& repository : repositories)
      for (const std::string& path :
           {std::string(), std::string("/refs"), std::string("/index.json"), std::string("/blobs"), directory,
            directory + "/manifest.json", directory + "/rootfs", directory + "/layers/00/tree",
            directory + "/rootfs/etc/name"})
        found[repository + path] = browser.node(repository + path);
    return found;
  };
  const auto first = numbers(mounted.mount(), {"a", "a/%72efs", "b"});
  std::set<InodeNumber> distinct;
  for (const auto& [path, number] : first) distinct.insert(number);
  EXPECT_EQ(distinct.size(), 27u);
  EXPECT_FALSE(distinct.contains(0));
  // Independent of the order of requests.
  EXPECT_EQ(numbers(mounted.mount(), {"b", "a/%72efs", "a"}), first);
}

TEST(RepositoryFilesystem, NothingIsOpenedUntilSomebodyEnters) {
  MountedRepositories mounted;
  for (int i = 0; i < 20; ++i) mounted.add("r" + std::to_string(i), "x");
  const auto browser = mounted.mount();
  const std::size_t before = open_files();
  EXPECT_EQ(browser.names("").size(), 20u);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(browser.exists("r" + std::to_string(i)));
  EXPECT_EQ(open_files(), before);
  EXPECT_TRUE(browser.exists("r7/refs/latest"));
  EXPECT_EQ(open_files(), before + 1);
  EXPECT_EQ(mounted.resources->stats().indexes_built, 0u);
}

TEST(RepositoryFilesystem, InodesOutliveTheClosingOfTheirRepository) {
  MountedRepositories mounted;
  const auto one = mounted.add("one", "first");
  mounted.add("two", "second");
  const auto browser = mounted.mount(1);
  const std::string directory = "one/" + manifest_path(one);
  const InodeNumber refs = browser.node("one/refs"), blobs = browser.node("one/blobs/sha256"),
                    manifest = browser.node(directory), index = browser.node("one/index.json"),
                    tar = browser.node(directory + "/layers/00/layer.tar"),
                    file = browser.node(directory + "/rootfs/etc/name"),
                    blob = browser.node("one/" + Digest::of(as_bytes(tar_with("first"))).blob_path());
  const std::string text = browser.content(index);
  EXPECT_EQ(browser.content(file), "first");
  const std::size_t open = open_files();
  const auto built = mounted.resources->stats().trees_built;
  // The first repository is released by another thread, once the second one is open.
  const auto is_released = [&] { return eventually([&] { return open_files() <= open; }); };
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(browser.names("two/refs"), ElementsAre("latest"));
    EXPECT_TRUE(is_released());
    EXPECT_THAT(browser.names(refs), ElementsAre("latest"));
    EXPECT_EQ(browser.names(blobs).size(), 3u);
    EXPECT_THAT(browser.names(manifest), Contains("rootfs"));
    EXPECT_EQ(browser.content(index), text);
    EXPECT_TRUE(browser.exists("two/refs/latest"));
    EXPECT_TRUE(is_released());
    EXPECT_EQ(browser.content(tar), tar_with("first"));
    EXPECT_TRUE(browser.exists("two/refs/latest"));
    EXPECT_TRUE(is_released());
    EXPECT_EQ(browser.content(blob), tar_with("first"));
    EXPECT_TRUE(browser.exists("two/refs/latest"));
    EXPECT_TRUE(is_released());
    EXPECT_EQ(browser.content(file), "first");
  }
  // If the image has to be opened again, it was released; the other thread may need time for that.
  EXPECT_TRUE(eventually([&] {
    EXPECT_TRUE(browser.exists("two/refs/latest"));
    EXPECT_EQ(browser.content(file), "first");
    return mounted.resources->stats().trees_built >= built + 2;
  }));
}

TEST(RepositoryFilesystem, AThousandRepositoriesTakeFewFiles) {
  constexpr int kCount = 1000;
  MountedRepositories mounted;
  const auto digest = mounted.add("r0", "same");
  for (int i = 1; i < kCount; ++i)
    std::filesystem::copy(
        mounted.at("r0"), mounted.at("r" + std::to_string(i)),
        std::filesystem::copy_options::recursive | std::filesystem::copy_options::create_hard_links);
  const auto browser = mounted.mount();
  const std::size_t before = open_files();
  std::size_t most = 0;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < kCount; ++i) {
      const std::string directory = "r" + std::to_string(i) + "/" + manifest_path(digest);
      ASSERT_EQ(Digest::of(as_bytes(browser.content(directory + "/manifest.json"))), digest) << directory;
      if (i % 10 == 0) {
        ASSERT_EQ(browser.content(directory + "/rootfs/etc/name"), "same") << directory;
      }
      most = std::max(most, open_files() - before);
    }
  }
  // Layouts with their folder of blobs, blobs, and decoders that wait.
  EXPECT_LE(most, 2 * RepositoryLayouts::kMostOpen + 32 + 16 + 4);
}

TEST(RepositoryLayouts, WhatNobodyKnowsIsForgotten) {
  MountedRepositories mounted;
  MountContext mount(test_platform(), {});
  const auto layouts = std::make_shared<RepositoryLayouts>(
      mount, RepositoryTree(mounted.temp.path()),
      std::make_shared<const LibraryResources>(IndexCache(), LibraryOptions{}), 2);
  std::vector<std::weak_ptr<LayoutPtr::element_type>> all;
  for (std::size_t i = 0; i < 100; ++i) {
    const std::string name = "r" + std::to_string(i);
    mounted.add(name, "x");
    const auto layout = layouts->layout(name);
    EXPECT_EQ(layouts->layout(name), layout);
    EXPECT_TRUE(layout->on_demand->get());
    EXPECT_LE(layouts->counts().open, 2u);
    all.push_back(layout);
    // The other thread releases the one that left, which may be late.
    EXPECT_TRUE(i < 2 || eventually([&] { return all[i - 2].expired(); }));
  }
  EXPECT_LE(layouts->counts().remembered, 4u);
}

TEST(RepositoryLayouts, ImagesHaveTheirNumbersAgainWhenTheirLayoutWasForgotten) {
  MountedRepositories mounted;
  const Descriptor image{std::string(testing::kManifestType), mounted.add("a", "x"), 1};
  MountContext mount(test_platform(), {});
  const auto layouts = std::make_shared<RepositoryLayouts>(
      mount, RepositoryTree(mounted.temp.path()),
      std::make_shared<const LibraryResources>(IndexCache(), LibraryOptions{}));
  const auto slot = [&] {
    return mount.slots.slot_of(layouts->layout("a"), ImageSlots::Kind::image, image).slot;
  };
  const auto first = slot();
  EXPECT_EQ(mount.slots.layout_of(first), nullptr);  // forgotten
  EXPECT_EQ(slot(), first);
  const auto held = layouts->layout("a");
  EXPECT_EQ(slot(), first);
  EXPECT_EQ(mount.slots.layout_of(first), held);
}

TEST(RepositoryLayouts, TheOneThatWasUsedTheLongestTimeAgoIsClosed) {
  MountedRepositories mounted;
  for (const char* name : {"a", "b", "c"}) mounted.add(name, "x");
  MountContext mount(test_platform(), {});
  const auto layouts = std::make_shared<RepositoryLayouts>(
      mount, RepositoryTree(mounted.temp.path()),
      std::make_shared<const LibraryResources>(IndexCache(), LibraryOptions{}), 2);
  const auto a = layouts->layout("a"), b = layouts->layout("b"), c = layouts->layout("c");
  const auto engine_of_a = a->on_demand->get().value();
  EXPECT_TRUE(b->on_demand->get());
  a->use();
  const auto held = b->on_demand->get().value();
  a->use();
  EXPECT_TRUE(c->on_demand->get());
  EXPECT_EQ(a->on_demand->get().value(), engine_of_a);
  EXPECT_NE(b->on_demand->get().value(), held);
}

// The thread that opens a layout may decode for others, also ahead of a reader of the layout that leaves.
TEST(RepositoryLayouts, ALayoutThatLeavesIsReleasedByAnotherThread) {
  MountedRepositories mounted;
  mounted.add("a", "x");
  mounted.add("b", "x");
  MountContext mount(test_platform(), {});
  const auto layouts = std::make_shared<RepositoryLayouts>(
      mount, RepositoryTree(mounted.temp.path()),
      std::make_shared<const LibraryResources>(IndexCache(), LibraryOptions{}), 1);
  std::weak_ptr<LayoutContext> left;
  {
    const auto a = layouts->layout("a");
    const auto image = a->library->image(a->reader().get_reference("latest").value());
    EXPECT_TRUE(image) << image.error().message();
    left = a;
  }
  EXPECT_FALSE(left.expired()) << "it is open";
  const auto b = layouts->layout("b");
  {
    // As a thread does that decodes ahead and opens its blob: here, ~LayerStream would end the program.
    const HoldingLevel task(LockLevel::background), decoding(LockLevel::decode);
    EXPECT_TRUE(b->on_demand->get());
  }
  EXPECT_EQ(layouts->counts().open, 1u);
  EXPECT_TRUE(eventually([&] { return left.expired(); }));
}

}  // namespace
}  // namespace layoutfs
