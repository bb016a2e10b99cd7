// A whole layout: its paths, updates after changes, and operations without cost.
#include "fs/tree/layout_filesystem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <set>
#include <stop_token>

#include "tests/fs/tree/browse.h"
#include "tests/support/referrer_layouts.h"
#include "tests/support/store.h"

namespace layoutfs {
namespace {

using testing::Browser;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::manifest_path;
using testing::MountedLayout;
using testing::named;
using ::testing::Not;
using testing::TarWriter;
using ::testing::UnorderedElementsAre;

std::string small_tar() { return TarWriter().dir("etc").file("etc/name", "sample").text(); }

TEST(LayoutFilesystem, ShowsTheTreeOfAnImage) {
  MountedLayout layout;
  const auto image = layout.image(small_tar());
  layout.writer.write_index({named(image, "app:1"), named(image, "a/b")});
  const auto browser = layout.mount();
  EXPECT_THAT(browser.names(""), ElementsAre("blobs", "index.json", "manifests", "oci-layout", "refs"));
  EXPECT_THAT(browser.names("refs"), ElementsAre("a", "app:1"));
  EXPECT_EQ(browser.link("refs/app:1"), "../" + manifest_path(image.digest));
  EXPECT_EQ(browser.link("refs/a/b"), "../../" + manifest_path(image.digest));
  const std::string directory = manifest_path(image.digest);
  EXPECT_THAT(browser.names(directory), ElementsAre("config.json", "descriptor.json", "layers",
                                                    "manifest.json", "referrers", "rootfs", "rootfs.erofs"));
  EXPECT_EQ(Digest::of(as_bytes(browser.content(directory + "/manifest.json"))), image.digest);
  EXPECT_THAT(browser.names(directory + "/layers"), ElementsAre("00"));
  EXPECT_THAT(browser.names(directory + "/layers/00"),
              ElementsAre("blob", "descriptor.json", "layer.erofs", "layer.tar", "tree"));
  EXPECT_EQ(browser.content(directory + "/layers/00/layer.tar"), small_tar());
  EXPECT_EQ(browser.content(directory + "/layers/00/tree/etc/name"), "sample");
  EXPECT_EQ(browser.content(directory + "/rootfs/etc/name"), "sample");
  const auto layer = Digest::of(as_bytes(small_tar()));
  EXPECT_EQ(browser.link(directory + "/layers/00/blob"), "../../../../../" + layer.blob_path());
  EXPECT_EQ(browser.content(layer.blob_path()), small_tar());
  EXPECT_THAT(browser.names("blobs/sha256"), Contains(layer.hex()));
  EXPECT_THAT(browser.names(directory + "/referrers"), IsEmpty());
}

TEST(LayoutFilesystem, ShowsReferrersInWhicheverWayALayoutHoldsThem) {
  for (const auto& each : testing::referrer_layouts()) {
    SCOPED_TRACE(each.name);
    MountedLayout layout;
    const auto image = layout.image(small_tar());
    const auto written = each.write(layout.writer, image);
    std::vector<Descriptor> entries = written.entries;
    entries.push_back(named(image, "app"));
    layout.writer.write_index(entries);
    const auto browser = layout.mount();
    std::vector<Digest> found;
    std::vector<Digest> next{image.digest};
    while (!next.empty()) {
      const std::string directory = manifest_path(next.back());
      next.pop_back();
      for (const std::string& name : browser.names(directory + "/referrers")) {
        found.push_back(Digest::parse("sha256:" + name).value());
        next.push_back(found.back());
        EXPECT_EQ(browser.link(directory + "/referrers/" + name), "../../" + name);
        EXPECT_THAT(browser.names(manifest_path(found.back())), Contains("manifest.json"))
            << "the link leads there";
      }
    }
    std::ranges::sort(found);
    EXPECT_EQ(found, written.digests());
  }
}

// A blob that is gone can be read by none.
TEST(LayoutFilesystem, ReadsEachDocumentOnce) {
  MountedLayout layout;
  const auto image = layout.image(small_tar());
  const auto index = layout.writer.index({testing::for_platform(image, testing::test_platform())});
  layout.writer.write_index({named(index, "app")});
  const auto browser = layout.mount();
  for (const Descriptor& each : {index, image}) {
    const std::string directory = manifest_path(each.digest);
    const auto before = browser.names(directory);
    EXPECT_THAT(before, Contains("rootfs"));
    EXPECT_TRUE(layout.library->graph().was_read(each.digest));
    const std::string blob = layout.writer.blob_path(each.digest), text = testing::file_text(blob);
    // Another content of the same size would be refused.
    testing::write_file(blob, std::string(text.size(), 'x'));
    EXPECT_EQ(browser.names(directory), before);
    EXPECT_FALSE(browser.exists(directory + "/error"));
    testing::write_file(blob, text);
  }
}

TEST(LayoutFilesystem, ADocumentWhoseBlobIsGoneIsAProblem) {
  MountedLayout layout;
  const auto image = layout.image(small_tar());
  layout.writer.write_index({named(image, "app")});
  const auto browser = layout.mount();
  const std::string directory = manifest_path(image.digest);
  EXPECT_THAT(browser.names(directory), Contains("rootfs"));
  std::filesystem::remove(layout.writer.blob_path(image.digest));
  EXPECT_THAT(browser.names(directory), ElementsAre("descriptor.json", "error", "referrers"));
}

TEST(LayoutFilesystem, ListingTheManifestsReadsNone) {
  MountedLayout layout;
  const auto image = layout.image(small_tar());
  layout.writer.write_index({named(image, "app")});
  const auto browser = layout.mount();
  EXPECT_THAT(browser.names("manifests/sha256"), ElementsAre(image.digest.hex()));
  EXPECT_TRUE(browser.exists(manifest_path(image.digest)));
  EXPECT_FALSE(layout.library->graph().was_read(image.digest));
}

TEST(LayoutFilesystem, BrowsingDecodesNothing) {
  MountedLayout layout;
  const auto image = layout.image(small_tar());
  layout.writer.write_index({named(image, "app")});
  const auto browser = layout.mount();
  const std::string directory = manifest_path(image.digest);
  for (const std::string& path : {std::string(), std::string("refs"), std::string("manifests/sha256"),
                                  std::string("blobs/sha256"), directory, directory + "/layers/00"})
    EXPECT_THAT(browser.names(path), Not(IsEmpty())) << path;
  const auto rootfs = browser.at(directory + "/rootfs");
  ASSERT_TRUE(rootfs);
  EXPECT_EQ(rootfs->attributes.stat.st_mode, mode_t{S_IFDIR | 0755});
  EXPECT_EQ(rootfs->attributes.valid.count(), 0);
  EXPECT_TRUE(browser.exists(directory + "/layers/00/tree"));
  EXPECT_EQ(layout.library->stats().indexes_built, 0u);
  EXPECT_TRUE(browser.exists(directory + "/rootfs/etc"));
  EXPECT_EQ(layout.library->stats().indexes_built, 1u);
}

TEST(LayoutFilesystem, AnOpenImageHasItsTrueAttributes) {
  MountedLayout layout;
  const auto image = layout.image(TarWriter().dir("./", {.mode = 0700, .uid = 7}).file("f").text());
  layout.writer.write_index({image});
  const auto browser = layout.mount();
  const std::string rootfs = manifest_path(image.digest) + "/rootfs";
  ASSERT_TRUE(browser.exists(rootfs + "/f"));
  EXPECT_EQ(browser.at(rootfs)->attributes.stat.st_mode, mode_t{S_IFDIR | 0700});
  EXPECT_EQ(browser.at(rootfs)->attributes.stat.st_uid, 7u);
  EXPECT_EQ(browser.at(rootfs)->attributes.valid, kForever);
}

TEST(LayoutFilesystem, FollowsReferencesThatAreAddedMovedAndRemoved) {
  MountedLayout layout;
  const auto one = layout.image(small_tar(), "1");
  const auto two = layout.image(small_tar(), "2");
  layout.writer.write_index({named(one, "a")});
  const auto browser = layout.mount();
  EXPECT_FALSE(browser.exists("refs/b"));
  const InodeNumber before = browser.node("refs/a");
  layout.writer.write_index({named(two, "a"), named(one, "b")});
  EXPECT_THAT(browser.names("refs"), ElementsAre("a", "b"));
  EXPECT_EQ(browser.link("refs/a"), "../" + manifest_path(two.digest));
  EXPECT_NE(browser.node("refs/a"), before);
  layout.writer.write_index({named(one, "b")});
  EXPECT_THAT(browser.names("refs"), ElementsAre("b"));
  EXPECT_FALSE(browser.exists("refs/a"));
  EXPECT_LE(browser.at("refs/b")->valid, std::chrono::seconds(1));
}

TEST(LayoutFilesystem, AnOpenIndexKeepsItsContent) {
  MountedLayout layout;
  const auto image = layout.image(small_tar());
  layout.writer.write_index({named(image, "a")});
  const auto browser = layout.mount();
  const InodeNumber before = browser.node("index.json");
  const std::string text = browser.content(before);
  layout.writer.write_index({named(image, "other")});
  const InodeNumber after = browser.node("index.json");
  EXPECT_NE(after, before);
  EXPECT_EQ(browser.content(before), text);
  EXPECT_NE(browser.content(after), text);
  layout.filesystem->forget(before, 1);
  EXPECT_EQ(browser.content(before), "errno " + std::to_string(ENOENT));
}

TEST(LayoutFilesystem, TheDescriptorIsThatOfNowInADirectoryThatWasKnownBefore) {
  MountedLayout layout;
  const auto image = layout.image(small_tar());
  layout.writer.write_index({named(image, "a")});
  const auto browser = layout.mount();
  const std::string path = manifest_path(image.digest) + "/descriptor.json";
  EXPECT_THAT(browser.content(path), ::testing::HasSubstr("\"a\""));
  layout.writer.write_index({named(image, "renamed")});
  EXPECT_THAT(browser.content(path), ::testing::HasSubstr("\"renamed\""));
}

// As when its process is killed.
TEST(LayoutFilesystem, AStoppedRequestEndsWithEintrAndTheNextOneSucceeds) {
  MountedLayout layout;
  const auto image = layout.image(small_tar());
  layout.writer.write_index({named(image, "a")});
  const auto browser = layout.mount();
  const std::string directory = manifest_path(image.digest);
  const InodeNumber rootfs = browser.node(directory + "/rootfs"),
                    layer = browser.node(directory + "/layers/00");
  std::stop_source source;
  source.request_stop();
  const Context stopped{.stop = source.get_token(), .deadline = {}};
  Filesystem& filesystem = *layout.filesystem;
  const auto listed = [](const Filesystem::Listed&) { return true; };
  EXPECT_EQ(filesystem.lookup(rootfs, "etc", stopped).error(), EINTR);
  EXPECT_EQ(filesystem.attributes(rootfs, stopped).error(), EINTR);
  EXPECT_EQ(filesystem.readdir(rootfs, 0, listed, stopped).error(), EINTR);
  EXPECT_EQ(filesystem.lookup(layer, "layer.tar", stopped).error(), EINTR);
  EXPECT_FALSE(browser.exists(directory + "/error"));
  const InodeNumber file = browser.node(directory + "/rootfs/etc/name");
  const InodeNumber stream = browser.node(directory + "/layers/00/layer.tar");
  for (const InodeNumber read : {file, stream}) {
    IoBuffers pieces;
    EXPECT_EQ(filesystem.read(read, pieces, 100, 0, stopped).error(), EINTR);
  }
  EXPECT_EQ(browser.content(file), "sample");
  EXPECT_EQ(browser.content(stream), small_tar());
}

TEST(LayoutFilesystem, IndexesLeadToTheirPlatforms) {
  MountedLayout layout;
  const auto amd = layout.image(small_tar(), "amd");
  const auto arm = layout.image(small_tar(), "arm");
  const auto other = layout.image(small_tar(), "other");
  const auto attestation = layout.image(small_tar(), "attestation");
  const auto index = layout.writer.index({testing::for_platform(amd, {"linux", "amd64", ""}),
                                          testing::for_platform(arm, {"linux", "arm64", "v8"}),
                                          testing::for_platform(other, {"linux", "amd64", ""}),
                                          testing::for_platform(attestation, {"unknown", "unknown", ""})});
  layout.writer.write_index({named(index, "multi")});
  const auto browser = layout.mount();
  const std::string directory = manifest_path(index.digest);
  EXPECT_THAT(browser.names(directory), ElementsAre("descriptor.json", "manifest.json", "platforms",
                                                    "referrers", "rootfs", "rootfs.erofs"));
  EXPECT_THAT(
      browser.names(directory + "/platforms"),
      ElementsAre("linux-amd64", "linux-amd64-" + std::string(other.digest.short_hex()), "linux-arm64-v8"));
  EXPECT_EQ(browser.link(directory + "/platforms/linux-arm64-v8"), "../../" + arm.digest.hex());
  EXPECT_EQ(browser.link(directory + "/rootfs"), "../../sha256/" + amd.digest.hex() + "/rootfs");
  EXPECT_EQ(browser.names("manifests/sha256").size(), 5u);
}

TEST(LayoutFilesystem, AnUnlistedManifestIsFoundByItsDigest) {
  MountedLayout layout;
  const auto image = layout.image(small_tar());
  const auto browser = layout.mount();
  EXPECT_THAT(browser.names("manifests/sha256"), IsEmpty());
  EXPECT_EQ(browser.content(manifest_path(image.digest) + "/rootfs/etc/name"), "sample");
  const auto layer = Digest::of(as_bytes(small_tar()));
  EXPECT_FALSE(browser.exists(manifest_path(layer)));
  EXPECT_FALSE(browser.exists("manifests/sha256/..") ||
               browser.exists("manifests/sha256/" + layer.hex() + "0"));
}

void walk(Filesystem& filesystem, InodeNumber directory, const std::string& path,
          std::map<InodeNumber, std::string>& seen) {
  for (const auto& name : Browser(filesystem).names(directory)) {
    const auto entry = filesystem.lookup(directory, name);
    ASSERT_TRUE(entry) << path << "/" << name;
    const auto attributes = filesystem.attributes(entry->inode);
    ASSERT_TRUE(attributes) << path << "/" << name;
    EXPECT_EQ(attributes->stat.st_ino, entry->inode);
    const auto [other, is_new] = seen.emplace(entry->inode, path + "/" + name);
    EXPECT_TRUE(is_new) << path << "/" << name << " has the number of " << other->second;
    if (S_ISDIR(attributes->stat.st_mode)) walk(filesystem, entry->inode, path + "/" + name, seen);
  }
}

TEST(LayoutFilesystem, InodeNumbersAreUniqueAndTheSameInTheNextMount) {
  MountedLayout layout;
  layout.writer.write_index({named(layout.image(small_tar(), "1"), "a"),
                             named(layout.image(small_tar(), "2"), "b/c"), layout.image(small_tar(), "3")});
  std::map<InodeNumber, std::string> first, second;
  layout.mount();
  walk(*layout.filesystem, kRootNumber, "", first);
  layout.mount();
  walk(*layout.filesystem, kRootNumber, "", second);
  EXPECT_GT(first.size(), 50u);
  EXPECT_EQ(first, second);
}

TEST(LayoutFilesystem, StatisticsAreAnsweredByTheRootAlone) {
  MountedLayout layout;
  const auto browser = layout.mount();
  const auto text = layout.filesystem->getxattr(kRootNumber, "user.layoutfs.stats");
  ASSERT_TRUE(text);
  const auto json = JsonDocument::parse(as_bytes(*text));
  ASSERT_TRUE(json);
  for (const auto* name : {"indexesBuilt", "indexesLoaded", "cacheBytes", "cacheHits", "cacheMisses",
                           "decodedBytes", "decodedAheadBytes", "verifyFailures", "copiesMade",
                           "copiesDropped", "copySpansRead", "pid", "pidNamespace"})
    EXPECT_TRUE(json->root().find(name)) << name;
  EXPECT_THAT(layout.filesystem->listxattr(kRootNumber).value(), IsEmpty());
  EXPECT_EQ(layout.filesystem->getxattr(browser.node("refs"), "user.layoutfs.stats").error(), ENODATA);
}

// For each access check, the kernel may request an ACL.
TEST(LayoutFilesystem, RequestsForAclsThatNobodyEnforcesOpenNoImage) {
  MountedLayout layout;
  const auto manifest = layout.image(small_tar());
  layout.writer.write_index({manifest});
  const auto browser = layout.mount();
  const InodeNumber root = browser.node(manifest_path(manifest.digest) + "/rootfs");
  EXPECT_EQ(layout.filesystem->getxattr(root, "system.posix_acl_access").error(), ENODATA);
  EXPECT_EQ(layout.library->stats().indexes_built, 0u);
}

// Records the invalidations in the kernel.
class Forgotten final : public AnswerCache {
 public:
  void invalidate_name(InodeNumber directory, std::string_view name) override {
    names.emplace(directory, name);
  }
  void invalidate_attributes(InodeNumber node) override { attributes.insert(node); }

  std::multiset<std::pair<InodeNumber, std::string>> names;
  std::set<InodeNumber> attributes;
};

TEST(LayoutFilesystem, TheKernelForgetsWhatHasChanged) {
  MountedLayout layout;
  const auto first = layout.image(small_tar());
  const auto second = layout.image(small_tar(), "salt");
  layout.writer.write_index({named(first, "stays"), named(first, "moves"), named(first, "goes")});
  const auto browser = layout.mount();
  ASSERT_GE(layout.filesystem->changes_fd(), 0);
  const InodeNumber refs = browser.node("refs");
  for (const std::string name : {"stays", "moves", "goes"}) EXPECT_TRUE(browser.exists("refs/" + name));
  const std::string directory = manifest_path(first.digest);
  for (const std::string& path : {directory + "/rootfs/etc/name", directory + "/layers/00/tree/etc/name",
                                  directory + "/layers/00/blob", first.digest.blob_path()})
    EXPECT_TRUE(browser.exists(path)) << path;

  layout.writer.write_index({named(first, "stays"), named(second, "moves"), named(second, "comes")});
  EXPECT_TRUE(layout.filesystem->has_changed());
  Forgotten forgotten;
  layout.filesystem->invalidate_changed(forgotten);
  // Unchanged names are not invalidated: that would unmount a mount below them.
  EXPECT_THAT(forgotten.names, ElementsAre(std::pair(refs, "goes"), std::pair(refs, "moves")));
  EXPECT_THAT(forgotten.attributes, Contains(kRootNumber));
  EXPECT_THAT(forgotten.attributes, Contains(refs));
  EXPECT_FALSE(layout.filesystem->has_changed());
}

TEST(LayoutFilesystem, TheKernelForgetsADeletedBlob) {
  MountedLayout layout;
  const auto image = layout.image(small_tar());
  layout.writer.write_index({named(image, "app")});
  const auto browser = layout.mount();
  const std::string directory = manifest_path(image.digest);
  const InodeNumber blobs = browser.node("blobs/sha256");
  EXPECT_TRUE(browser.exists(image.digest.blob_path()));
  EXPECT_TRUE(browser.exists(directory + "/manifest.json"));
  std::filesystem::remove(layout.writer.blob_path(image.digest));
  EXPECT_TRUE(layout.filesystem->has_changed());
  Forgotten forgotten;
  layout.filesystem->invalidate_changed(forgotten);
  EXPECT_THAT(forgotten.names, UnorderedElementsAre(std::pair(blobs, image.digest.hex()),
                                                    std::pair(browser.node(directory), "manifest.json")));
}

TEST(LayoutFilesystem, AnotherStateOfTheLayoutIsAnotherTimeOfItsDirectories) {
  MountedLayout layout;
  const auto image = layout.image(small_tar());
  const auto index = layout.writer.path() + "/index.json";
  layout.writer.write_index({named(image, "a")});
  const auto time = std::filesystem::last_write_time(index);
  const auto browser = layout.mount();
  const auto mtime = [&] { return browser.at("refs")->attributes.stat.st_mtim.tv_nsec; };
  std::set<long> seen{mtime()};
  for (const std::string name : {"b", "c", "d"}) {
    layout.writer.write_index({named(image, name)});
    std::filesystem::last_write_time(index, time);
    EXPECT_TRUE(seen.insert(mtime()).second) << name;
  }
}

}  // namespace
}  // namespace layoutfs
