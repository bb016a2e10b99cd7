// Several entries of index.json that change in one step.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "layoutfs/open.h"
#include "tests/support/layout_writer.h"
#include "tests/support/store.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using testing::file_text;
using ::testing::HasSubstr;
using testing::LayoutWriter;
using testing::named;
using testing::state_of_tree;
using testing::TempDir;

class UpdateReferences : public ::testing::Test {
 protected:
  std::vector<std::string> names() {
    std::vector<std::string> result;
    for (const auto& entry : engine->references().value()->entries)
      result.emplace_back(entry.ref_name().value_or("-"));
    return result;
  }
  static ReferenceUpdate fixed(ReferenceChanges changes) {
    return [changes = std::move(changes)](const References&) { return changes; };
  }

  TempDir directory;
  LayoutWriter layout{directory / "layout"};
  Descriptor blob = layout.blob("{}", testing::kManifestType);
  std::unique_ptr<Engine> engine;
};

TEST_F(UpdateReferences, ReplacesRemovesAndAddsInOneStep) {
  layout.write_index({named(blob, "a"), named(blob, "b"), blob, named(blob, "c")});
  engine = open_dir(layout.path()).value();
  ASSERT_TRUE(engine->update_references(fixed(
      {.changed = {{0, std::nullopt}, {2, named(blob, "named now")}}, .added = {named(blob, "z"), blob}})));
  EXPECT_THAT(names(), ElementsAre("b", "named now", "c", "z", "-"));
}

TEST_F(UpdateReferences, LeavesEntriesThatItDoesNotNameAsTheyStandAlsoThoseNobodyUnderstands) {
  const std::string odd = R"({"digest":"sha256:short","size":"many"})";
  const std::string known =
      R"({"mediaType":"a/b","digest":")" + blob.digest.str() + R"(","size":2,"x-own":[1.50]})";
  layout.write_index_text(R"({"manifests":[)" + odd + "," + known + "," + odd + "," + known +
                          R"(],"who":"me"})");
  engine = open_dir(layout.path()).value();
  ASSERT_EQ(engine->references().value()->entries.size(), 2U);
  ASSERT_TRUE(engine->update_references(fixed({.changed = {{1, named(blob, "new")}}, .added = {}})));
  const auto text = file_text(layout.path() + "/index.json");
  const auto document = JsonDocument::parse(as_bytes(text)).value();
  const auto entries = document.root().find("manifests").value();
  ASSERT_EQ(entries.size(), 4U);
  EXPECT_EQ(entries.at(0).dump(), odd);
  EXPECT_EQ(entries.at(1).dump(), known);
  EXPECT_EQ(entries.at(2).dump(), odd);
  EXPECT_THAT(entries.at(3).dump(), HasSubstr("\"new\""));
  EXPECT_EQ(document.root().find("who")->as_string(), "me");
}

TEST_F(UpdateReferences, WithoutChangesOrWithAnErrorWritesNothing) {
  layout.write_index({named(blob, "a")});
  engine = open_dir(layout.path()).value();
  const auto before = state_of_tree(layout.path());
  EXPECT_TRUE(engine->update_references(fixed({})));
  const auto refuse = [](const References&) -> Result<ReferenceChanges> { return fail(Errc::denied, "no"); };
  EXPECT_EQ(engine->update_references(refuse).error().code(), Errc::denied);
  EXPECT_EQ(state_of_tree(layout.path()), before);
}

TEST_F(UpdateReferences, DecidesByWhatOthersHaveMadeOfThem) {
  layout.write_index({});
  const int each = 40;
  const auto add = [&](char who) {
    const auto own = open_dir(layout.path()).value();
    for (int i = 0; i < each; ++i) {
      // A decision by an old state would use a number twice.
      const auto updated = own->update_references([&](const References& now) -> Result<ReferenceChanges> {
        return ReferenceChanges{.changed = {},
                                .added = {named(blob, who + std::to_string(now.entries.size()))}};
      });
      ASSERT_TRUE(updated) << updated.error().message();
    }
  };
  std::thread first(add, 'a'), second(add, 'b');
  first.join();
  second.join();
  engine = open_dir(layout.path()).value();
  const auto found = names();
  ASSERT_EQ(found.size(), 2U * each);
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i].substr(1), std::to_string(i));
}

TEST_F(UpdateReferences, IsUnsupportedWhereTheyAreFiles) {
  engine =
      open_dir(directory / "other", {.create_if_missing = true, .created_with = ReferenceFormat::refs_dir})
          .value();
  EXPECT_EQ(engine->update_references(fixed({.changed = {}, .added = {blob}})).error().code(),
            Errc::unsupported);
}

}  // namespace
}  // namespace layoutfs
