// The entries of a layout after images get names, or after entries of another layout are added.
#include "core/transfer/entry_naming.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "tests/transfer/images.h"

namespace layoutfs::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Descriptor image_entry(std::string_view content) { return descriptor_of(content, kManifestType); }

// "a=x" for an entry of the name a and the content x; "-=x" for one without a name.
Descriptor entry_of(std::string_view text) {
  Descriptor entry = image_entry(text.substr(2));
  if (text.front() != '-') entry.annotations.emplace(kRefName, text.substr(0, 1));
  return entry;
}
References references_of(const std::vector<std::string>& texts) {
  References references{};
  for (const std::string& text : texts) references.entries.push_back(entry_of(text));
  return references;
}
std::vector<NamedDescriptor> images_of(const std::vector<std::string>& texts) {
  std::vector<NamedDescriptor> images;
  for (const std::string& text : texts)
    images.push_back({text.front() == '-' ? "" : text.substr(0, 1), image_entry(text.substr(2))});
  return images;
}

std::vector<Descriptor> applied(const References& now, const ReferenceChanges& changes) {
  std::vector<Descriptor> entries;
  auto change = changes.changed.begin();
  for (std::size_t i = 0; i < now.entries.size(); ++i) {
    if (change == changes.changed.end() || change->position != i) {
      entries.push_back(now.entries[i]);
      continue;
    }
    if (change->replacement) entries.push_back(*change->replacement);
    ++change;
  }
  EXPECT_EQ(change, changes.changed.end()) << "positions do not ascend";
  entries.insert(entries.end(), changes.added.begin(), changes.added.end());
  return entries;
}

std::vector<std::string> named_so(const std::vector<std::string>& before,
                                  const std::vector<std::string>& images,
                                  ReplacedEntry replaced = ReplacedEntry::unnamed) {
  const References now = references_of(before);
  std::vector<std::string> after;
  for (const Descriptor& entry : applied(now, must(changes_to_name(now, images_of(images), replaced)))) {
    std::string content = "?";
    for (const char c : std::string_view("uvwxyz"))
      if (entry.digest == image_entry(std::string(1, c)).digest) content = c;
    after.push_back(std::string(entry.ref_name().value_or("-")) + "=" + content);
  }
  return after;
}

TEST(ChangesToName, NewImagesComeBehindAll) {
  EXPECT_THAT(named_so({}, {"a=x", "-=y", "b=x"}), ElementsAre("a=x", "b=x", "-=y"));
  EXPECT_THAT(named_so({"c=z"}, {"a=x"}), ElementsAre("c=z", "a=x"));
}

TEST(ChangesToName, WhatHasItsNameStays) {
  EXPECT_THAT(named_so({"a=x", "b=y"}, {"a=x", "b=y"}), ElementsAre("a=x", "b=y"));
  const References now = references_of({"a=x", "b=y", "-=z"});
  const auto changes =
      must(changes_to_name(now, images_of({"b=y", "a=x", "-=z", "-=x"}), ReplacedEntry::unnamed));
  EXPECT_THAT(changes.changed, IsEmpty());
  EXPECT_THAT(changes.added, IsEmpty());
}

TEST(ChangesToName, AnEntryWithoutANameIsTaken) {
  EXPECT_THAT(named_so({"-=x", "-=y", "-=x"}, {"a=x"}), ElementsAre("a=x", "-=y", "-=x"));
  EXPECT_THAT(named_so({"-=x", "-=x"}, {"a=x", "b=x", "c=x"}), ElementsAre("a=x", "b=x", "c=x"));
}

TEST(ChangesToName, WhatHadTheNameLosesIt) {
  EXPECT_THAT(named_so({"a=x", "b=z"}, {"a=y"}), ElementsAre("-=x", "b=z", "a=y"));
  EXPECT_THAT(named_so({"a=x", "b=z"}, {"a=y"}, ReplacedEntry::removed), ElementsAre("a=y", "b=z"));
  // All of them, if other programs have repeated the name.
  EXPECT_THAT(named_so({"a=x", "a=y", "a=z"}, {"a=y"}), ElementsAre("-=x", "a=y", "-=z"));
  // But none of several is removed.
  const References now = references_of({"a=x", "a=y"});
  EXPECT_EQ(failure_of(changes_to_name(now, images_of({"a=z"}), ReplacedEntry::removed)), Errc::ambiguous);
}

TEST(ChangesToName, WhatIsThereOtherwiseGoes) {
  EXPECT_THAT(named_so({"a=x", "b=x"}, {"a=y"}), ElementsAre("b=x", "a=y"));
  EXPECT_THAT(named_so({"a=x", "-=x"}, {"a=y"}), ElementsAre("-=x", "a=y"));
  EXPECT_THAT(named_so({"a=x", "a=x"}, {"a=y"}), ElementsAre("-=x", "a=y"));
  EXPECT_THAT(named_so({"a=x"}, {"a=y", "b=x"}), ElementsAre("b=x", "a=y"));
  EXPECT_THAT(named_so({"a=x"}, {"-=x", "a=y"}, ReplacedEntry::removed), ElementsAre("a=y", "-=x"));
  EXPECT_THAT(named_so({"a=x"}, {"-=x", "a=y"}), ElementsAre("-=x", "a=y"));
  EXPECT_THAT(named_so({"a=x"}, {"b=x", "a=y"}), ElementsAre("b=x", "a=y"));
}

TEST(ChangesToName, NamesCanBeExchanged) {
  EXPECT_THAT(named_so({"a=x", "b=y"}, {"a=y", "b=x"}), ElementsAre("b=x", "a=y"));
  EXPECT_THAT(named_so({"a=x", "b=y"}, {"a=y", "b=x"}, ReplacedEntry::removed), ElementsAre("a=y", "b=x"));
}

TEST(ChangesToName, OfOneNameTheLastImageCounts) {
  EXPECT_THAT(named_so({"a=x"}, {"a=y", "a=z"}), ElementsAre("-=x", "a=z"));
}

TEST(ChangesToName, WhatIsGivenIsLostAndNothingElse) {
  References now = references_of({"a=x"});
  now.entries[0].annotations.emplace(kContainerdName, "docker.io/library/x:1");
  now.entries[0].annotations.emplace("other", "stays");
  now.entries[0].platform = Platform{"linux", "arm64"};
  now.entries[0].json = R"({"unknown":1})";
  std::vector<NamedDescriptor> images = images_of({"a=y"});
  auto after = applied(now, must(changes_to_name(now, images, ReplacedEntry::unnamed)));
  EXPECT_EQ(after[0].annotations,
            (Annotations{{"other", "stays"}, {std::string(kContainerdName), "docker.io/library/x:1"}}));
  EXPECT_EQ(after[0].platform, now.entries[0].platform);
  EXPECT_EQ(after[0].json, now.entries[0].json);
  images[0].descriptor.annotations.emplace(kContainerdName, "docker.io/library/x:1");
  after = applied(now, must(changes_to_name(now, images, ReplacedEntry::unnamed)));
  EXPECT_EQ(after[0].annotations, (Annotations{{"other", "stays"}}));
}

TEST(ChangesToName, AnEntryBecomesWhatTheImageIsKnownBy) {
  References now = references_of({"a=x"});
  now.entries[0].annotations.emplace("old", "1");
  std::vector<NamedDescriptor> images = images_of({"a=x"});
  images[0].descriptor.annotations = {{"new", "2"}, {std::string(kRefName), "b"}};
  const auto after = applied(now, must(changes_to_name(now, images, ReplacedEntry::unnamed)));
  ASSERT_EQ(after.size(), 1u);
  EXPECT_EQ(after[0].annotations, (Annotations{{"new", "2"}, {std::string(kRefName), "a"}}));
}

bool has_name_of_several(const std::vector<std::string>& texts) {
  std::map<char, std::set<char>> contents;
  for (const std::string& text : texts) contents[text[0]].insert(text[2]);
  contents.erase('-');
  return std::ranges::any_of(contents, [](const auto& item) { return item.second.size() > 1; });
}

TEST(ChangesToName, WhateverWasThereNothingIsLostAndEveryNameIsRight) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto random_texts = [&](std::size_t most) {
    std::vector<std::string> texts(random() % (most + 1));
    for (std::string& text : texts) text = {"-abcd"[random() % 5], '=', "uvwxyz"[random() % 6]};
    return texts;
  };
  for (int round = 0; round < 3000; ++round) {
    const auto before = random_texts(8), images = random_texts(5);
    const bool is_removed = round % 2 == 0 && !has_name_of_several(before);
    const auto after = named_so(before, images, is_removed ? ReplacedEntry::removed : ReplacedEntry::unnamed);
    std::map<char, char> wanted;
    for (const std::string& text : images)
      if (text[0] != '-') wanted[text[0]] = text[2];
    std::map<char, int> counts;
    std::set<char> contents;
    for (const std::string& text : after) {
      ++counts[text[0]];
      contents.insert(text[2]);
      if (wanted.contains(text[0])) {
        EXPECT_EQ(text[2], wanted[text[0]]);
      }
    }
    for (const auto& [name, content] : wanted) EXPECT_EQ(counts[name], 1) << name;
    for (const std::string& text : images)
      if (text[0] == '-' || wanted[text[0]] == text[2]) {
        EXPECT_TRUE(contents.contains(text[2])) << text;
      }
    for (const std::string& text : before) {
      if (!is_removed || !wanted.contains(text[0])) {
        EXPECT_TRUE(contents.contains(text[2])) << text;
      }
      if (text[0] != '-' && !wanted.contains(text[0])) {
        EXPECT_THAT(after, ::testing::Contains(text));
      }
    }
  }
}

// ---- Entries of another layout ----

// "latest,nginx=x" for an entry of the ref.name latest and the full name nginx, "a@arm64=x" for one of a
// platform; the content is its last character.
Descriptor full_entry_of(std::string_view text) {
  Descriptor entry = image_entry(text.substr(text.size() - 1));
  std::string_view names = text.substr(0, text.find('='));
  if (const auto at = names.find('@'); at != std::string_view::npos) {
    entry.platform = Platform{"linux", std::string(names.substr(at + 1))};
    names = names.substr(0, at);
  }
  const auto comma = names.find(',');
  if (comma != std::string_view::npos)
    entry.annotations.emplace(kContainerdName, std::string(names.substr(comma + 1)));
  if (comma != 0 && !names.empty()) entry.annotations.emplace(kRefName, std::string(names.substr(0, comma)));
  return entry;
}

std::string text_of_entry(const Descriptor& entry) {
  std::string text(entry.ref_name().value_or(""));
  if (const auto full = entry.annotation(kContainerdName)) text.append(",").append(*full);
  if (entry.platform) text.append("@").append(entry.platform->architecture);
  for (const char c : std::string_view("uvwxyz"))
    if (entry.digest == image_entry(std::string(1, c)).digest) text.append("=").append(1, c);
  return text;
}

using Texts = std::vector<std::string>;

Texts taken_over(const Texts& before, const Texts& entries, ReplacedEntry replaced = ReplacedEntry::unnamed) {
  References now{};
  for (const std::string& text : before) now.entries.push_back(full_entry_of(text));
  std::vector<NamedDescriptor> images;
  for (const std::string& text : entries) {
    Descriptor entry = full_entry_of(text);
    images.push_back({std::string(entry.ref_name().value_or("")), entry, true});
  }
  Texts after;
  for (const Descriptor& entry : applied(now, must(changes_to_name(now, images, replaced))))
    after.push_back(text_of_entry(entry));
  return after;
}

TEST(EntriesOfAnotherLayout, AreAllTakenOverInTheirOrder) {
  const Texts entries{"latest,nginx=x",
                      "=z",
                      "latest,redis=y",
                      ",full=u",
                      "a@amd64=v",
                      "a@arm64=w",
                      "b=x",
                      "b=y",
                      "b=y",
                      "=z",
                      "b=x",
                      "latest=x"};
  EXPECT_EQ(taken_over({}, entries), entries);
  EXPECT_EQ(taken_over(entries, entries), entries) << "once more";
  EXPECT_EQ(taken_over({"other=z"}, entries).size(), entries.size() + 1);
}

TEST(EntriesOfAnotherLayout, LeaveImagesAloneThatShareTheTagOnly) {
  EXPECT_THAT(taken_over({"latest,nginx=x"}, {"latest,redis=y"}),
              ElementsAre("latest,nginx=x", "latest,redis=y"));
  EXPECT_THAT(taken_over({"latest,nginx=x"}, {"latest=y"}), ElementsAre("latest,nginx=x", "latest=y"));
  EXPECT_THAT(taken_over({"latest=x"}, {"latest,redis=y"}), ElementsAre("latest=x", "latest,redis=y"));
  EXPECT_THAT(taken_over({"a@amd64=x"}, {"a@arm64=y"}), ElementsAre("a@amd64=x", "a@arm64=y"));
  EXPECT_THAT(taken_over({",nginx=x"}, {",redis=y"}), ElementsAre(",nginx=x", ",redis=y"));
}

TEST(EntriesOfAnotherLayout, ReplaceWhatHasTheirNames) {
  EXPECT_THAT(taken_over({"latest,nginx=x", "latest,redis=z"}, {"latest,redis=y"}),
              ElementsAre("latest,nginx=x", "=z", "latest,redis=y"));
  EXPECT_THAT(taken_over({"a@amd64=x", "a@arm64=z"}, {"a@arm64=y"}),
              ElementsAre("a@amd64=x", "@arm64=z", "a@arm64=y"));
  EXPECT_THAT(taken_over({"a@amd64=x"}, {"a=y"}), ElementsAre("@amd64=x", "a=y"));
  EXPECT_THAT(taken_over({"a=x", "a=y"}, {"a=x", "a=z"}), ElementsAre("a=x", "=y", "a=z"));
  EXPECT_THAT(taken_over({"a=x"}, {"a=y", "b=x"}), ElementsAre("a=y", "b=x"))
      << "what has another entry goes without a name";
}

TEST(EntriesOfAnotherLayout, TakeAnEntryThatSaysNothing) {
  EXPECT_THAT(taken_over({"=x", "=y"}, {"a=y"}), ElementsAre("=x", "a=y"));
  EXPECT_THAT(taken_over({",nginx=x"}, {"a=x"}), ElementsAre(",nginx=x", "a=x"));
}

TEST(EntriesOfAnotherLayout, StandBesideNamesThatAreGiven) {
  References now{};
  for (const char* text : {"latest,nginx=x", "latest,redis=y", "one,full=z"})
    now.entries.push_back(full_entry_of(text));
  const auto given = [&](const char* text, ReplacedEntry replaced = ReplacedEntry::unnamed) {
    Descriptor entry = full_entry_of(text);
    const std::string name(*entry.ref_name());
    return changes_to_name(now, std::vector<NamedDescriptor>{{name, entry}}, replaced);
  };
  EXPECT_EQ(failure_of(given("latest=w")), Errc::ambiguous);
  EXPECT_EQ(failure_of(given("latest=w", ReplacedEntry::removed)), Errc::ambiguous);
  EXPECT_THAT(must(given("latest,mysql=w")).changed, IsEmpty());
  ASSERT_EQ(must(given("latest,redis=w")).changed.size(), 1u);
  EXPECT_EQ(must(given("latest,redis=w")).changed[0].position, 1u);
  ASSERT_EQ(must(given("one=w")).changed.size(), 1u);
  EXPECT_EQ(text_of_entry(*must(given("one=w")).changed[0].replacement), ",full=z");
}

TEST(EntriesOfAnotherLayout, OfOneNameTakeNoTimeThatGrowsWithTheirSquare) {
  Texts before, entries;
  constexpr int kMany = 20'000;
  References now{};
  std::vector<NamedDescriptor> images;
  for (int i = 0; i < kMany; ++i) {
    Descriptor entry = image_entry(std::to_string(i));
    entry.annotations.emplace(kRefName, "latest");
    now.entries.push_back(entry);
    entry.digest = image_entry("new" + std::to_string(i)).digest;
    images.push_back({"latest", entry, true});
  }
  EXPECT_EQ(must(changes_to_name(now, images, ReplacedEntry::unnamed)).added.size(), std::size_t{kMany});
}

}  // namespace
}  // namespace layoutfs::testing
