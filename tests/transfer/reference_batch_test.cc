// What becomes of the entries of a layout when images get names.
#include "core/transfer/reference_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <thread>

#include "tests/transfer/images.h"

namespace layoutfs::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Descriptor image(std::string_view content) { return descriptor_of(content, kManifestType); }

// "a=x" for an entry of the name a and the content x; "-=x" for one without a name.
Descriptor entry_of(std::string_view text) {
  Descriptor entry = image(text.substr(2));
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
    images.push_back({text.front() == '-' ? "" : text.substr(0, 1), image(text.substr(2))});
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
  for (const Descriptor& entry : applied(now, changes_to_name(now, images_of(images), replaced))) {
    std::string content = "?";
    for (const char c : std::string_view("uvwxyz"))
      if (entry.digest == image(std::string(1, c)).digest) content = c;
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
  const auto changes = changes_to_name(now, images_of({"b=y", "a=x", "-=z", "-=x"}), ReplacedEntry::unnamed);
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
  // Each of them, where other programs have given it more than once.
  EXPECT_THAT(named_so({"a=x", "a=y", "a=z"}, {"a=y"}), ElementsAre("-=x", "a=y", "-=z"));
  EXPECT_THAT(named_so({"a=x", "a=y", "a=z"}, {"a=y"}, ReplacedEntry::removed), ElementsAre("a=y"));
  EXPECT_THAT(named_so({"a=x", "a=y"}, {"a=z"}, ReplacedEntry::removed), ElementsAre("a=z"));
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

TEST(ChangesToName, BothNamesAreLostAndNothingElse) {
  References now = references_of({"a=x"});
  now.entries[0].annotations.emplace(kContainerdName, "docker.io/library/x:1");
  now.entries[0].annotations.emplace("other", "stays");
  now.entries[0].platform = Platform{"linux", "arm64"};
  now.entries[0].json = R"({"unknown":1})";
  const auto after = applied(now, changes_to_name(now, images_of({"a=y"}), ReplacedEntry::unnamed));
  EXPECT_EQ(after[0].annotations, (Annotations{{"other", "stays"}}));
  EXPECT_EQ(after[0].platform, now.entries[0].platform);
  EXPECT_EQ(after[0].json, now.entries[0].json);
}

TEST(ChangesToName, AnEntryBecomesWhatTheImageIsKnownBy) {
  References now = references_of({"a=x"});
  now.entries[0].annotations.emplace("old", "1");
  std::vector<NamedDescriptor> images = images_of({"a=x"});
  images[0].descriptor.annotations = {{"new", "2"}, {std::string(kRefName), "b"}};
  const auto after = applied(now, changes_to_name(now, images, ReplacedEntry::unnamed));
  ASSERT_EQ(after.size(), 1u);
  EXPECT_EQ(after[0].annotations, (Annotations{{"new", "2"}, {std::string(kRefName), "a"}}));
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
    const bool is_removed = round % 2 == 0;
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

// ---- Writing them ----

class Batch : public ::testing::Test {
 protected:
  Descriptor put_image(std::string_view text) const {
    must(put_text(*engine, text));
    return image(text);
  }
  TempDir directory;
  std::shared_ptr<Engine> engine = new_layout(directory / "layout");
};

TEST_F(Batch, AllNamesAreWrittenInOneStep) {
  ReferenceBatch batch;
  must(batch.write(*engine));
  for (int i = 0; i < 1000; ++i)
    batch.add("image" + std::to_string(i), put_image("content" + std::to_string(i)));
  EXPECT_EQ(batch.size(), 1000u);
  EXPECT_THAT(entry_names(*engine), IsEmpty());
  must(batch.write(*engine));
  EXPECT_EQ(batch.size(), 0u);
  EXPECT_EQ(entry_names(*engine).size(), 1000u);
  EXPECT_EQ(must(engine->get_reference("image7")), image("content7"));
  const auto state = must(engine->references());
  for (int i = 0; i < 1000; ++i) batch.add("image" + std::to_string(i), image("content" + std::to_string(i)));
  must(batch.write(*engine));
  EXPECT_EQ(must(engine->references()), state) << "nothing changed, and it was written again";
}

TEST_F(Batch, WhatFailsChangesNothingAndCanBeTriedAgain) {
  ReferenceBatch batch;
  batch.add("good", put_image("x"));
  batch.add("bad name", put_image("x"));
  EXPECT_EQ(failure_of(batch.write(*engine)), Errc::invalid_argument);
  EXPECT_EQ(batch.size(), 2u);
  EXPECT_THAT(entry_names(*engine), IsEmpty());
  ReferenceBatch other;
  other.add("good", put_image("x"));
  other.add("missing", image("missing"));
  EXPECT_EQ(failure_of(other.write(*engine)), Errc::not_found);
  EXPECT_THAT(entry_names(*engine), IsEmpty());
  put_image("missing");
  must(other.write(*engine));
  EXPECT_THAT(entry_names(*engine), ElementsAre("good", "missing"));
}

TEST_F(Batch, AnyNumberOfThreadsMayAdd) {
  ReferenceBatch batch;
  put_image("x");
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 100; ++i)
        batch.add("t" + std::to_string(thread) + "." + std::to_string(i), image("x"));
    });
  while (batch.size() < 100) std::this_thread::yield();
  must(batch.write(*engine));
  for (auto& thread : threads) thread.join();
  must(batch.write(*engine));
  EXPECT_EQ(entry_names(*engine).size(), 400u);
}

}  // namespace
}  // namespace layoutfs::testing
