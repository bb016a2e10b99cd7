// References of a layout, also while other programs change them.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "layoutfs/open.h"
#include "tests/support/layout_writer.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::LayoutWriter;
using testing::named;
using testing::TempDir;

class ReferencesOfALayout : public ::testing::Test {
 protected:
  static std::vector<std::string> names(const LayoutReader& engine) {
    std::vector<std::string> result;
    const auto references = engine.references().value();
    for (const auto& entry : references->entries) result.emplace_back(entry.ref_name().value_or("-"));
    return result;
  }
  // Returns the error of a layout with the index.json `text`.
  Error error_of(std::string_view text) {
    layout.write_index_text(text);
    const auto engine = open_dir(layout.path());
    return engine ? Error(Errc::io, "no error") : engine.error();
  }

  TempDir directory;
  LayoutWriter layout{directory / "layout"};
  Descriptor blob = layout.blob("{}", testing::kManifestType);
};

TEST_F(ReferencesOfALayout, AreInTheOrderOfTheIndex) {
  layout.write_index({named(blob, "z"), blob, named(blob, "a"), named(blob, "z")});
  const auto engine = open_dir(layout.path()).value();
  EXPECT_THAT(names(*engine), ElementsAre("z", "-", "a", "z"));
}

TEST_F(ReferencesOfALayout, KeepTheDocumentAndItsTime) {
  const std::string text = "{\n \"manifests\": null, \"x\": 1 }\n";
  layout.write_index_text(text);
  const auto engine = open_dir(layout.path()).value();
  const auto references = engine->references().value();
  struct stat found;
  ASSERT_EQ(::stat((layout.path() + "/index.json").c_str(), &found), 0);
  EXPECT_EQ(as_text(references->document), text);
  EXPECT_EQ(references->mtime_ns, found.st_mtim.tv_sec * 1'000'000'000 + found.st_mtim.tv_nsec);
}

TEST_F(ReferencesOfALayout, AreTheSamePointerUntilSomethingChanges) {
  layout.write_index({named(blob, "a")});
  const auto engine = open_dir(layout.path()).value();
  const auto first = engine->references().value();
  EXPECT_EQ(engine->references().value(), first);
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  EXPECT_EQ(engine->references().value(), first);
  EXPECT_EQ(engine->references().value(), first);
  layout.write_index({named(blob, "b")});
  EXPECT_NE(engine->references().value(), first);
  EXPECT_EQ(first->entries.at(0).ref_name(), "a");
  EXPECT_THAT(names(*engine), ElementsAre("b"));
}

TEST_F(ReferencesOfALayout, OfTheSameTextHaveTheTimeOfTheLastWriting) {
  layout.write_index({named(blob, "a")});
  const auto engine = open_dir(layout.path()).value();
  const auto before = engine->references().value()->mtime_ns;
  const timespec times[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (layout.path() + "/index.json").c_str(), times, 0), 0);
  const auto after = engine->references().value()->mtime_ns;
  EXPECT_NE(after, before);
  EXPECT_EQ(after, 1'000'000'000'000'000'000);
}

TEST_F(ReferencesOfALayout, EveryChangeIsSeenHoweverSoonItFollows) {
  const auto engine = open_dir(layout.path()).value();
  for (int i = 0; i < 500; ++i) {
    // Always of the same size; by rename, and in place.
    const auto name = std::to_string(1000 + i);
    layout.write_index({named(blob, name)});
    if (i % 2 == 0) {
      const auto text = engine->references().value()->document;
      testing::write_file(layout.path() + "/index.json", text);
    }
    ASSERT_THAT(names(*engine), ElementsAre(name));
  }
}

TEST_F(ReferencesOfALayout, BrokenEntriesAreProblemsOfTheirOwn) {
  layout.write_index_text(R"({"manifests":[{"digest":"sha256:../../../etc/passwd","size":1},{"digest":")" +
                          blob.digest.str() + R"(","size":2},7]})");
  const auto references = open_dir(layout.path()).value()->references().value();
  EXPECT_EQ(references->entries.size(), 1u);
  EXPECT_THAT(references->problems,
              ElementsAre(HasSubstr("entry 0: invalid digest"), HasSubstr("entry 2: ")));
}

TEST_F(ReferencesOfALayout, ABrokenIndexIsAnInvalidImage) {
  for (const char* text : {"", "{", "[]", "null", "{}", R"({"manifests":{}})", R"({"manifests":[]}x)"}) {
    const auto error = error_of(text);
    EXPECT_EQ(error.code(), Errc::invalid_image) << text;
    EXPECT_THAT(error.message(), HasSubstr("index.json: ")) << text;
  }
  EXPECT_THAT(error_of(std::string(100'000, '[')).message(), HasSubstr("nested deeper than 128 levels"));
}

TEST_F(ReferencesOfALayout, AnIndexBrokenWhileOpenIsAnErrorUntilItIsMended) {
  layout.write_index({named(blob, "a")});
  const auto engine = open_dir(layout.path()).value();
  layout.write_index_text("{\"manifests\":[");
  EXPECT_EQ(engine->references().error().code(), Errc::invalid_image);
  EXPECT_EQ(engine->references().error().code(), Errc::invalid_image);
  std::filesystem::remove(layout.path() + "/index.json");
  EXPECT_EQ(engine->references().error().message(), "index.json is missing");
  layout.write_index({named(blob, "b")});
  EXPECT_THAT(names(*engine), ElementsAre("b"));
}

TEST_F(ReferencesOfALayout, TensOfThousandsOfEntriesAreFine) {
  std::vector<Descriptor> entries;
  for (int i = 0; i < 30'000; ++i)
    entries.push_back(named(blob, "registry.example.org/team/application-" + std::to_string(i) + ":1.2.3"));
  layout.write_index(entries);
  const auto engine = open_dir(layout.path());
  ASSERT_TRUE(engine) << engine.error().message();
  EXPECT_EQ((*engine)->references().value()->entries.size(), 30'000u);
}

TEST_F(ReferencesOfALayout, AnIndexOverTheLimitIsUnsupported) {
  layout.write_index({});
  std::filesystem::resize_file(layout.path() + "/index.json", (64 << 20) + 1);
  EXPECT_EQ(open_dir(layout.path()).error().code(), Errc::unsupported);
}

TEST_F(ReferencesOfALayout, ThreadsMayAskWhileItChanges) {
  const auto engine = open_dir(layout.path()).value();
  std::atomic<bool> is_done = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i)
    readers.emplace_back([&] {
      while (!is_done) EXPECT_TRUE(engine->references());
    });
  for (int i = 0; i < 100; ++i) layout.write_index({named(blob, std::to_string(i))});
  is_done = true;
  for (auto& reader : readers) reader.join();
  EXPECT_THAT(names(*engine), ElementsAre("99"));
}

}  // namespace
}  // namespace layoutfs
