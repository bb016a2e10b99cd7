// Readers in the middle of large directories that change.
#include "fs/tree/directory_listings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "fs/tree/repository_filesystem.h"
#include "tests/fs/tree/browse.h"

namespace layoutfs {
namespace {

using testing::Browser;
using testing::manifest_path;
using testing::MountedLayout;
using testing::named;
using testing::TarWriter;

// An open directory. It stores only the position, as the kernel does for an open file.
class Reader {
 public:
  Reader(Filesystem& filesystem, InodeNumber directory, std::set<std::string> untouched)
      : filesystem_(&filesystem), directory_(directory), untouched_(std::move(untouched)) {}

  // Reads at most `count` entries; returns whether there may be more.
  bool read(std::size_t count) {
    bool is_more = false;
    const auto listed = filesystem_->readdir(directory_, cookie_, [&](const Filesystem::Listed& entry) {
      if (count == 0) return !(is_more = true);
      --count;
      cookie_ = entry.cookie;
      if (entry.name != "." && entry.name != "..") ++seen_[std::string(entry.name)];
      return true;
    });
    EXPECT_TRUE(listed) << "errno " << listed.error();
    return is_more;
  }
  void touch(const std::string& name) { untouched_.erase(name); }
  // Returns "" if every entry that was always present was seen once, and no other entry more than once.
  std::string problem() const {
    for (const auto& [name, count] : seen_)
      if (count > 1) return name + " was seen " + std::to_string(count) + " times";
    for (const std::string& name : untouched_)
      if (!seen_.contains(name)) return name + " was there all the time, and not seen";
    return untouched_.empty() ? "the test leaves nothing untouched" : "";
  }

 private:
  Filesystem* filesystem_;
  InodeNumber directory_;
  std::uint64_t cookie_ = 0;
  std::map<std::string, int> seen_;
  std::set<std::string> untouched_;
};

// A directory of a mount, and a way to change it. `names` is its content.
struct Changing {
  Filesystem& filesystem;
  InodeNumber directory;
  std::set<std::string> names;
  std::function<void(const std::set<std::string>& added, const std::set<std::string>& removed)> change;
  // Anything that other processes do at the same time.
  std::function<void()> disturb = [] {};
};

std::string random_name(std::mt19937& random, const std::string& prefix) {
  return prefix + Digest::of(as_bytes(std::to_string(random()))).hex();
}

// Many readers at different positions, while entries are added and removed.
void read_while_changing(Changing& changing, std::size_t changes, const std::string& prefix) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::vector<Reader> readers;
  const auto start = [&] { return Reader(changing.filesystem, changing.directory, changing.names); };
  for (int i = 0; i < 16; ++i) readers.push_back(start());
  for (Reader& reader : readers) reader.read(random() % changing.names.size());
  for (std::size_t i = 0; i < changes; ++i) {
    std::set<std::string> added, removed;
    for (int k = 0; k < 20; ++k) {
      added.insert(random_name(random, prefix));
      removed.insert(*std::next(changing.names.begin(), static_cast<long>(random() % changing.names.size())));
    }
    changing.change(added, removed);
    for (const std::string& name : removed) changing.names.erase(name);
    changing.names.insert(added.begin(), added.end());
    for (Reader& reader : readers)
      for (const std::string& name : removed) reader.touch(name);
    changing.disturb();
    for (Reader& reader : readers) {
      if (random() % 3 == 0) continue;
      if (reader.read(random() % 400)) continue;
      EXPECT_EQ(reader.problem(), "");
      reader = start();
    }
  }
  for (Reader& reader : readers) {
    while (reader.read(1000)) {
    }
    EXPECT_EQ(reader.problem(), "");
  }
}

constexpr int kEntries = 10'000;

TEST(DirectoryListings, ReadersOfBlobsSeeWhatStaysExactlyOnce) {
  MountedLayout layout;
  std::set<std::string> names;
  const auto path = [&](const std::string& name) { return layout.writer.path() + "/blobs/sha256/" + name; };
  for (int i = 0; i < kEntries; ++i) names.insert(Digest::of(as_bytes(std::to_string(i))).hex());
  for (const std::string& name : names) testing::write_file(path(name), "");
  const auto browser = layout.mount();
  Changing changing{.filesystem = *layout.filesystem,
                    .directory = browser.node("blobs/sha256"),
                    .names = names,
                    .change = [&](const auto& added, const auto& removed) {
                      for (const std::string& name : added) testing::write_file(path(name), "");
                      for (const std::string& name : removed) std::filesystem::remove(path(name));
                    }};
  read_while_changing(changing, 100, "");
}

TEST(DirectoryListings, ReadersOfRefsSeeWhatStaysExactlyOnceThoughOthersListOtherDirectories) {
  MountedLayout layout;
  const auto image = layout.image(TarWriter().file("f").text());
  std::set<std::string> names;
  for (int i = 0; i < kEntries; ++i) names.insert("tag-" + std::to_string(i));
  std::vector<std::string> others;
  for (int i = 0; i < 12; ++i)
    for (int k = 0; k < 20; ++k) others.push_back("other" + std::to_string(i) + "/" + std::to_string(k));
  const auto write = [&] {
    std::vector<Descriptor> entries;
    for (const std::string& name : names) entries.push_back(named(image, name));
    for (const std::string& name : others) entries.push_back(named(image, name));
    layout.writer.write_index(entries);
  };
  write();
  const auto browser = layout.mount();
  Changing changing{.filesystem = *layout.filesystem,
                    .directory = browser.node("refs"),
                    .names = names,
                    .change =
                        [&](const auto& added, const auto& removed) {
                          for (const std::string& name : removed) names.erase(name);
                          names.insert(added.begin(), added.end());
                          write();
                        },
                    .disturb =
                        [&] {
                          for (int i = 0; i < 12; ++i)
                            EXPECT_EQ(browser.names("refs/other" + std::to_string(i)).size(), 20u);
                        }};
  read_while_changing(changing, 12, "tag-");
}

TEST(DirectoryListings, ReadersOfRepositoriesSeeWhatStaysExactlyOnce) {
  testing::TempDir temp;
  std::set<std::string> names;
  const auto path = [&](const std::string& name) { return (temp / "repositories") + "/" + name; };
  for (int i = 0; i < 1000; ++i) names.insert("r" + std::to_string(i));
  for (const std::string& name : names) std::filesystem::create_directories(path(name));
  const auto filesystem = make_repository_filesystem(
      RepositoryTree(temp / "repositories"),
      std::make_shared<LibraryResources>(IndexCache(), LibraryOptions{}), {testing::test_platform(), {}});
  Changing changing{.filesystem = *filesystem,
                    .directory = kRootNumber,
                    .names = names,
                    .change = [&](const auto& added, const auto& removed) {
                      for (const std::string& name : added) std::filesystem::create_directories(path(name));
                      for (const std::string& name : removed) std::filesystem::remove(path(name));
                    }};
  read_while_changing(changing, 30, "r");
}

TEST(DirectoryListings, ReadersOfAnImageGoOnWhereTheyWereWhileTheLayoutChanges) {
  MountedLayout layout;
  TarWriter tar;
  for (int i = 0; i < 2000; ++i) tar.file("f" + std::to_string(i));
  const auto image = layout.image(tar.text());
  layout.writer.write_index({named(image, "a")});
  const auto browser = layout.mount();
  std::set<std::string> names;
  for (int i = 0; i < 2000; ++i) names.insert("f" + std::to_string(i));
  Reader reader(*layout.filesystem, browser.node(manifest_path(image.digest) + "/rootfs"), names);
  for (int i = 0; reader.read(100); ++i) layout.writer.write_index({named(image, std::to_string(i))});
  EXPECT_EQ(reader.problem(), "");
}

// telldir(3), seekdir(3) and rewinddir(3); and a server of files that knows the position only.
TEST(DirectoryListings, AnyPositionCanBeReturnedToAlsoInAnotherMount) {
  MountedLayout layout;
  const auto image = layout.image(TarWriter().file("f").text());
  std::vector<Descriptor> entries;
  for (int i = 0; i < 300; ++i) entries.push_back(named(image, "tag-" + std::to_string(i)));
  layout.writer.write_index(entries);
  layout.mount();
  const auto listing = [&] {
    std::vector<std::pair<std::string, std::uint64_t>> listed;
    EXPECT_TRUE(layout.filesystem->readdir(Browser(*layout.filesystem).node("refs"), 0,
                                           [&](const Filesystem::Listed& entry) {
                                             listed.emplace_back(entry.name, entry.cookie);
                                             return true;
                                           }));
    return listed;
  };
  const auto all = listing();
  ASSERT_EQ(all.size(), 302u);
  layout.mount();
  EXPECT_EQ(listing(), all);
  for (const std::size_t i :
       {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{150}, all.size() - 2}) {
    std::string next;
    EXPECT_TRUE(layout.filesystem->readdir(Browser(*layout.filesystem).node("refs"), all[i].second,
                                           [&](const Filesystem::Listed& entry) {
                                             next = entry.name;
                                             return false;
                                           }));
    EXPECT_EQ(next, all[i + 1].first) << "after position " << i;
  }
}

TEST(DirectoryListings, PositionsAreBetweenThoseOfDotsAndTheSignBit) {
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t position = position_of(std::to_string(i));
    EXPECT_GT(position, 2u);
    EXPECT_LT(position, std::uint64_t{1} << 62);
  }
}

TEST(DirectoryListings, NamesHaveThePositionThatTheyHaveAlone) {
  std::vector<VirtualNode::Name> names;
  for (int i = 0; i < 1000; ++i) names.push_back({std::to_string(i), S_IFREG});
  const auto listing = in_order(names);
  ASSERT_EQ(listing.size(), names.size());
  for (const ListedName& listed : listing) EXPECT_EQ(listed.position, position_of(listed.name.name));
  EXPECT_TRUE(std::ranges::is_sorted(listing, {}, &ListedName::position));
}

// Simulated, because no two names with the same position are known.
TEST(DirectoryListings, EqualNamesHavePositionsOfTheirOwn) {
  const auto listing = in_order({{"a", S_IFREG}, {"a", S_IFREG}, {"a", S_IFREG}});
  ASSERT_EQ(listing.size(), 3u);
  EXPECT_LT(listing[0].position, listing[1].position);
  EXPECT_LT(listing[1].position, listing[2].position);
}

}  // namespace
}  // namespace layoutfs
