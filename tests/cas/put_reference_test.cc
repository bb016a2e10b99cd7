// References that are added and removed, in both formats.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "core/cas/reference_name.h"
#include "layoutfs/open.h"
#include "tests/support/layout_writer.h"
#include "tests/support/other_user.h"
#include "tests/support/store.h"

namespace layoutfs {
namespace {

using testing::descriptor_of;
using ::testing::ElementsAre;
using testing::file_text;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::state_of_tree;
using testing::TempDir;
using ::testing::UnorderedElementsAre;

class PutReference : public ::testing::TestWithParam<ReferenceFormat> {
 protected:
  bool is_index() const { return GetParam() == ReferenceFormat::index_json; }

  TempDir directory;
  std::string path = directory / "layout";
  std::unique_ptr<Engine> engine =
      open_dir(path, {.create_if_missing = true, .created_with = GetParam()}).value();
  Descriptor one = descriptor_of("one", testing::kManifestType);
  Descriptor two = descriptor_of("two", testing::kManifestType);
};
INSTANTIATE_TEST_SUITE_P(BothFormats, PutReference,
                         ::testing::Values(ReferenceFormat::index_json, ReferenceFormat::refs_dir));

TEST_P(PutReference, ThenGetAndDelete) {
  Descriptor config = descriptor_of(std::string(100, 'c'), testing::kConfigType);
  Descriptor layer =
      descriptor_of(std::string(8888, 'l'), "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip");
  Descriptor full = descriptor_of("full", "application/x-unknown");
  full.annotations = {{"a", "1"}, {"b", ""}};
  full.platform = Platform{"linux", "arm", "v7", "6.1", {"neon"}};
  full.artifact_type = "application/x-type";
  full.urls = {"https://example.org/blob"};
  full.data = "ZnVsbA==";
  const Descriptor index = descriptor_of("index", testing::kIndexType);
  for (const Descriptor& descriptor : {config, layer, full, index}) {
    ASSERT_TRUE(engine->put_reference("name", descriptor));
    EXPECT_EQ(engine->get_reference("name").value(), descriptor);
    EXPECT_THAT(engine->list_references().value(), ElementsAre("name"));
    EXPECT_THAT(engine->references().value()->entries, SizeIs(1));
    EXPECT_EQ(engine->references().value()->entries.front().ref_name(), "name");
    EXPECT_EQ(engine->delete_reference("name"), true);
    EXPECT_EQ(engine->get_reference("name").error().code(), Errc::not_found);
    EXPECT_EQ(engine->delete_reference("name"), false);
    EXPECT_THAT(engine->list_references().value(), IsEmpty());
  }
}

TEST(PutReferenceFile, OverOneThatMayNotBeReadIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  TempDir directory;
  const std::string path = directory / "layout", file = path + "/refs/name";
  ASSERT_EQ(::chmod(directory.path().c_str(), 0777), 0);
  const Descriptor one = descriptor_of("one", testing::kManifestType);
  const testing::AsNobody as_nobody;
  const auto engine =
      open_dir(path, {.create_if_missing = true, .created_with = ReferenceFormat::refs_dir}).value();
  ASSERT_TRUE(engine->put_reference("name", one));
  const std::string text = file_text(file);
  ASSERT_EQ(::chmod(file.c_str(), 0), 0);
  const auto put = engine->put_reference("name", descriptor_of("two", testing::kManifestType));
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().sys(), EACCES);
  ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
  EXPECT_EQ(file_text(file), text);
}

TEST_P(PutReference, OfADescriptorThatNobodyFilledInIsForTheOldFormatOnly) {
  const auto put = engine->put_reference("zero", Descriptor{});
  if (is_index()) {
    EXPECT_EQ(put.error().code(), Errc::invalid_argument);
    EXPECT_THAT(engine->list_references().value(), IsEmpty());
    return;
  }
  ASSERT_TRUE(put);
  EXPECT_EQ(engine->get_reference("zero").value(), Descriptor{});
  EXPECT_THAT(engine->references().value()->entries, IsEmpty());
  EXPECT_THAT(engine->references().value()->problems, ElementsAre(HasSubstr("names no blob")));
  EXPECT_EQ(engine->delete_reference("zero"), true);
}

TEST_P(PutReference, ClobbersOnlyWhenToldTo) {
  ASSERT_TRUE(engine->put_reference("name", one));
  const auto before = state_of_tree(path);
  EXPECT_EQ(engine->put_reference("name", two).error().code(), Errc::clobber);
  EXPECT_TRUE(engine->put_reference("name", one));
  EXPECT_TRUE(engine->put_reference("name", one, PutMode::replace));
  EXPECT_EQ(state_of_tree(path), before);
  EXPECT_TRUE(engine->put_reference("name", two, PutMode::replace));
  EXPECT_EQ(engine->get_reference("name").value(), two);
  EXPECT_TRUE(engine->put_reference("other", two));
  EXPECT_EQ(engine->get_reference("other").value(), engine->get_reference("name").value());
  EXPECT_THAT(engine->list_references().value(), ElementsAre("name", "other"));
}

TEST_P(PutReference, TakesNoNameThatIsNone) {
  ASSERT_TRUE(engine->put_reference("good", one));
  const auto before = state_of_tree(path);
  for (const std::string name : {"", ".", "..", "../x", "a/../b", "/a", "a/", "a//b", "a b", "a\nb", "ä"}) {
    EXPECT_EQ(engine->put_reference(name, one).error().code(), Errc::invalid_argument) << name;
    EXPECT_EQ(engine->delete_reference(name).error().code(), Errc::invalid_argument) << name;
    EXPECT_FALSE(engine->get_reference(name)) << name;
  }
  EXPECT_EQ(state_of_tree(path), before);
  EXPECT_EQ(bool(engine->put_reference("a/b", one)), is_index());
  EXPECT_EQ(bool(engine->put_reference(std::string(300, 'a'), one)), is_index());
}

TEST_P(PutReference, IsSeenByAnotherEngineAtOnce) {
  const auto other = open_dir(path).value();
  EXPECT_THAT(other->list_references().value(), IsEmpty());
  for (int i = 0; i < 50; ++i) {
    const Descriptor descriptor = descriptor_of(std::to_string(i), "x");
    ASSERT_TRUE(engine->put_reference("name", descriptor, PutMode::replace));
    ASSERT_EQ(other->get_reference("name").value(), descriptor);
    ASSERT_EQ(other->references().value()->entries.at(0).digest, descriptor.digest);
  }
}

TEST_P(PutReference, LeavesNoTemporaryFiles) {
  ASSERT_TRUE(engine->put_reference("name", one));
  engine.reset();
  EXPECT_THAT(testing::names_in(path), ElementsAre("blobs", is_index() ? "index.json" : "oci-layout",
                                                   is_index() ? "oci-layout" : "refs"));
}

TEST_P(PutReference, OfWhatReferencesGiveIsNoChange) {
  ASSERT_TRUE(engine->put_reference("name", one));
  const auto before = state_of_tree(path);
  EXPECT_TRUE(engine->put_reference("name", engine->references().value()->entries.at(0)));
  EXPECT_EQ(state_of_tree(path), before);
  ASSERT_TRUE(engine->put_reference("other", engine->references().value()->entries.at(0)));
  EXPECT_EQ(engine->get_reference("other").value(), one);
}

class PutReferenceInRefs : public ::testing::Test {
 protected:
  TempDir directory;
  std::string path = directory / "layout", refs = path + "/refs";
  std::unique_ptr<Engine> engine =
      open_dir(path, {.create_if_missing = true, .created_with = ReferenceFormat::refs_dir}).value();
  Descriptor one = descriptor_of("one", testing::kManifestType);
};

TEST_F(PutReferenceInRefs, WhatIsNoReferenceIsAProblem) {
  ASSERT_TRUE(engine->put_reference("good", one));
  std::filesystem::copy(refs + "/good", refs + "/v1+dev");
  std::filesystem::copy(refs + "/good", refs + "/\x1b[2J\xff");
  std::filesystem::create_directory(refs + "/nested");
  std::filesystem::create_symlink("/none", refs + "/latest");
  ASSERT_EQ(::mkfifo((refs + "/pipe").c_str(), 0600), 0);
  const auto references = engine->references().value();
  EXPECT_THAT(references->entries, SizeIs(1));
  EXPECT_THAT(references->problems,
              UnorderedElementsAre(
                  "refs/v1+dev: not a reference", "refs/\\x1b[2J\\xff: not a reference",
                  "refs/nested: not a regular file",
                  "refs/latest is a symlink to /none, which leaves the layout; "
                  "use -o follow_links (--follow-links) to allow it, or cp -rL to copy it without links",
                  "refs/pipe: not a regular file"));
  EXPECT_THAT(engine->list_references().value(), ElementsAre("good", "latest"));
}

TEST_F(PutReferenceInRefs, HoldOneImageOfEachName) {
  const auto with_full = [&](const char* name) {
    Descriptor entry = one;
    entry.annotations.emplace(kContainerdName, name);
    return entry;
  };
  ASSERT_TRUE(engine->put_reference("latest", with_full("nginx:latest")));
  const auto before = state_of_tree(path);
  for (const PutMode mode : {PutMode::no_clobber, PutMode::replace})
    EXPECT_EQ(engine->put_reference("latest", with_full("redis:latest"), mode).error().code(), Errc::clobber);
  EXPECT_EQ(state_of_tree(path), before);
  EXPECT_TRUE(engine->put_reference("latest", one, PutMode::replace));
}

TEST_F(PutReferenceInRefs, HaveNoMoreProblemsThanAnIndex) {
  for (int i = 0; i < 1500; ++i) testing::write_file(refs + "/+" + std::to_string(i), "");
  EXPECT_THAT(engine->references().value()->problems, SizeIs(1000));
}

TEST_F(PutReferenceInRefs, MayTakeAsMuchAsAnIndex) {
  for (int i = 0; i < 16; ++i) {
    EXPECT_TRUE(engine->references()) << i;
    const std::string file = refs + "/large-" + std::to_string(i);
    testing::write_file(file, "");
    std::filesystem::resize_file(file, std::size_t{4} << 20);
  }
  EXPECT_EQ(engine->references().error().code(), Errc::unsupported);
  EXPECT_EQ(engine->get_reference("large-1").error().code(), Errc::invalid_image);
  EXPECT_TRUE(engine->delete_reference("large-1").value());
  EXPECT_TRUE(engine->references());
}

class PutReferenceInIndex : public ::testing::Test {
 protected:
  std::string index() { return file_text(layout.path() + "/index.json"); }

  TempDir directory;
  testing::LayoutWriter layout{directory / "layout"};
  std::unique_ptr<Engine> engine = open_dir(layout.path()).value();
  Descriptor one = descriptor_of("one", testing::kManifestType);
  Descriptor two = descriptor_of("two", testing::kManifestType);
};

TEST_F(PutReferenceInIndex, KeepsWhatItDoesNotKnow) {
  const std::string other =
      R"({"digest":"sha256:unknown","mediaType":7,"x-number":1.50,"annotations":{"k":"<"}})";
  layout.write_index_text(R"({"x-first":[1,{"y":null}],"manifests":[)" + other +
                          R"(],"annotations":{"b":"1","a":"2"},"schemaVersion":2})");
  ASSERT_TRUE(engine->put_reference("name", one));
  ASSERT_TRUE(engine->delete_reference("name").value());
  const auto document = JsonDocument::parse(as_bytes(index())).value();
  EXPECT_EQ(document.root().dump(), R"({"x-first":[1,{"y":null}],"manifests":[)" + other +
                                        R"(],"annotations":{"b":"1","a":"2"},"schemaVersion":2})");
}

TEST_F(PutReferenceInIndex, KeepsTheFieldsOfItsDescriptorThatItDoesNotKnow) {
  const std::string text =
      R"({"mediaType":"m","digest":")" + one.digest.str() + R"(","size":3,"x-own":{"a":[1]}})";
  const auto descriptor = Descriptor::parse(text).value();
  ASSERT_TRUE(engine->put_reference("name", descriptor));
  EXPECT_THAT(engine->get_reference("name")->json, HasSubstr(R"("x-own":{"a":[1]})"));
}

TEST_F(PutReferenceInIndex, WritesIndentedJsonWithAnArrayAndANewline) {
  layout.write_index_text(R"({"manifests":null})");
  ASSERT_TRUE(engine->put_reference("name", one));
  EXPECT_EQ(index(), "{\n  \"schemaVersion\": 2,\n  \"manifests\": [\n    {\n      \"mediaType\": \"" +
                         one.media_type + "\",\n      \"digest\": \"" + one.digest.str() +
                         "\",\n      \"size\": 3,\n      \"annotations\": {\n        "
                         "\"org.opencontainers.image.ref.name\": \"name\"\n      }\n    }\n  ]\n}\n");
  ASSERT_TRUE(engine->delete_reference("name").value());
  EXPECT_EQ(index(), "{\n  \"schemaVersion\": 2,\n  \"manifests\": []\n}\n");
}

TEST_F(PutReferenceInIndex, TreatsSeveralEntriesOfOneImageAsOne) {
  using testing::named;
  layout.write_index({named(one, "a"), named(one, "a"), named(two, "b")});
  EXPECT_TRUE(engine->put_reference("a", one));
  EXPECT_EQ(engine->get_reference("a").value(), one);
  EXPECT_EQ(engine->put_reference("a", two).error().code(), Errc::clobber);
  ASSERT_TRUE(engine->put_reference("a", two, PutMode::replace));
  EXPECT_THAT(engine->references().value()->entries, SizeIs(2));
  layout.write_index({named(one, "a"), named(one, "a"), named(two, "b")});
  EXPECT_TRUE(engine->delete_reference("a").value());
  EXPECT_THAT(engine->list_references().value(), ElementsAre("b"));
}

TEST_F(PutReferenceInIndex, ActsOnNoneOfSeveralImagesOfOneName) {
  using testing::named;
  layout.write_index({named(two, "b"), named(one, "a"), one, named(two, "a"), named(one, "c")});
  const auto before = index();
  const auto found = engine->get_reference("a");
  EXPECT_EQ(found.error().code(), Errc::ambiguous);
  EXPECT_THAT(found.error().message(),
              ::testing::AllOf(HasSubstr("'a' is the name of 2 images"), HasSubstr(one.digest.str()),
                               HasSubstr(two.digest.str())));
  EXPECT_EQ(engine->delete_reference("a").error().code(), Errc::ambiguous);
  EXPECT_EQ(engine->put_reference("a", one).error().code(), Errc::clobber);
  EXPECT_EQ(engine->put_reference("a", one, PutMode::replace).error().code(), Errc::ambiguous);
  EXPECT_EQ(index(), before);
  EXPECT_THAT(engine->list_references().value(), ElementsAre("a", "b", "c"));
}

TEST_F(PutReferenceInIndex, LeavesImagesAloneThatShareTheTagOnly) {
  using testing::named;
  const auto with_full = [](Descriptor entry, const char* name) {
    entry.annotations.insert_or_assign(std::string(kContainerdName), name);
    return entry;
  };
  const Descriptor nginx = with_full(one, "nginx:latest"), redis = with_full(two, "redis:latest");
  layout.write_index({named(nginx, "latest")});
  ASSERT_TRUE(engine->put_reference("latest", redis)) << "it is another image's name";
  EXPECT_THAT(engine->references().value()->entries,
              ElementsAre(named(nginx, "latest"), named(redis, "latest")));
  EXPECT_THAT(engine->get_reference("latest").error().message(),
              ::testing::AllOf(HasSubstr("nginx:latest"), HasSubstr("redis:latest")));
  // An entry can be replaced by its full name.
  const Descriptor newer = with_full(one, "redis:latest");
  EXPECT_EQ(engine->put_reference("latest", newer).error().code(), Errc::clobber);
  ASSERT_TRUE(engine->put_reference("latest", newer, PutMode::replace));
  EXPECT_THAT(engine->references().value()->entries,
              ElementsAre(named(nginx, "latest"), named(newer, "latest")));
  EXPECT_EQ(engine->delete_reference("latest").error().code(), Errc::ambiguous);
  EXPECT_EQ(engine->put_reference("latest", one, PutMode::replace).error().code(), Errc::ambiguous);
  // If the name belongs to one image, an entry without a full name means that image.
  layout.write_index({named(nginx, "latest")});
  ASSERT_TRUE(engine->put_reference("latest", two, PutMode::replace));
  EXPECT_EQ(engine->get_reference("latest").value(), two);
}

TEST_F(PutReferenceInIndex, DoesNotGuessAmongEntriesThatCannotBeUnderstood) {
  const std::string broken = R"({"annotations":{"org.opencontainers.image.ref.name":"a"}})";
  layout.write_index_text(R"({"manifests":[)" + broken + "," + broken + "]}");
  EXPECT_EQ(engine->delete_reference("a").error().code(), Errc::ambiguous);
  layout.write_index_text(R"({"manifests":[)" + broken + "]}");
  EXPECT_TRUE(engine->delete_reference("a").value());
}

TEST_F(PutReferenceInIndex, RemovesNamesThatOthersGave) {
  layout.write_index({testing::named(one, "not a name!"), testing::named(one, "docker.io/library/app:1")});
  EXPECT_EQ(engine->get_reference("not a name!").value(), one);
  EXPECT_TRUE(engine->delete_reference("not a name!").value());
  EXPECT_TRUE(engine->delete_reference("docker.io/library/app:1").value());
  EXPECT_THAT(engine->references().value()->entries, IsEmpty());
}

TEST_F(PutReferenceInIndex, KeepsTheModeOfTheFile) {
  std::filesystem::permissions(layout.path() + "/index.json", std::filesystem::perms(0640));
  ASSERT_TRUE(engine->put_reference("name", one));
  EXPECT_EQ(std::filesystem::status(layout.path() + "/index.json").permissions(),
            std::filesystem::perms(0640));
}

TEST_F(PutReferenceInIndex, KeepsTheOwnerOfTheFile) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const std::string file = layout.path() + "/index.json";
  ASSERT_EQ(::chown(file.c_str(), 1234, 5678), 0);
  ASSERT_TRUE(engine->put_reference("name", one));
  struct stat found{};
  ASSERT_EQ(::stat(file.c_str(), &found), 0);
  EXPECT_EQ(found.st_uid, 1234u);
  EXPECT_EQ(found.st_gid, 5678u);
}

TEST_F(PutReferenceInIndex, TakesTimeForEachMemberAndEachEntryOnce) {
  std::string members, entries;
  for (int i = 0; i < 300'000; ++i) members += "\"" + std::to_string(i) + "\":0,", entries += "0,";
  layout.write_index_text("{" + members + "\"manifests\":[" + entries + "0]}");
  const auto before = std::chrono::steady_clock::now();
  EXPECT_TRUE(engine->put_reference("name", one));
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(20));
}

TEST_F(PutReferenceInIndex, ChangesNoBrokenIndex) {
  for (const char* text : {"", "{", "[]", R"({"manifests":{}})", "{}"}) {
    layout.write_index_text(text);
    EXPECT_EQ(engine->put_reference("name", one).error().code(), Errc::invalid_image) << text;
    EXPECT_EQ(engine->delete_reference("name").error().code(), Errc::invalid_image) << text;
    EXPECT_EQ(index(), text);
  }
}

// An index that other readers interpret differently is not overwritten.
TEST_F(PutReferenceInIndex, ChangesNoIndexThatReadersUnderstandDifferently) {
  const std::string entry = R"({"digest":")" + one.digest.str() + R"(","size":3)";
  const std::string annotations = R"("annotations":{"org.opencontainers.image.ref.name":"name")";
  for (const std::string& text : std::initializer_list<std::string>{
           std::string(R"({"manifests":[],"manifests":[{}]})"), "{\"manifests\":[],\"\\u006danifests\":[]}",
           std::string(R"({"manifests":[],"Manifests":[]})"),
           std::string(R"({"manifests":[],"MANIFESTS":null})"),
           "{\"manifests\":[" + entry + R"(,"size":4}]})", "{\"manifests\":[" + entry + R"(,"Digest":"x"}]})",
           "{\"manifests\":[" + entry + "," + annotations + R"(,"org.opencontainers.image.ref.name":"b"}}]})",
           "{\"manifests\":[" + entry + "," + annotations + R"(},"annotations":{}}]})",
           "{\"manifests\":[" + entry + "," + annotations + R"(},"Annotations":{}}]})",
           "{\"manifests\":[" + entry + R"(,"platform":{"os":"a","os":"b"}}]})",
           "{\"manifests\":[" + entry + R"(,"x":{"y":1,"y":2}}]})",
           "{\"manifests\":[],\"x\":[{\"y\":1,\"y\":2}]}"}) {
    layout.write_index_text(text);
    EXPECT_EQ(engine->put_reference("name", one, PutMode::replace).error().code(), Errc::invalid_image)
        << text;
    EXPECT_EQ(engine->delete_reference("name").error().code(), Errc::invalid_image) << text;
    EXPECT_EQ(index(), text);
  }
}

TEST_F(PutReferenceInIndex, LeavesOtherEntriesAsTheyAre) {
  const std::string entry =
      R"({"size":12.0,"digest":")" + two.digest.str() +
      R"(","annotations":{"a":null,"b":1e3,"c":""},"platform":{"x":[null],"os":"o"},"y":{"z":1.50}})";
  layout.write_index_text(R"({"manifests":[)" + entry + R"(],"x":{"b":1,"a":[1.0]}})");
  ASSERT_TRUE(engine->put_reference("name", one));
  ASSERT_THAT(engine->references().value()->problems, IsEmpty());
  EXPECT_EQ(engine->references().value()->entries.front().size, 12u);
  const auto text = index();
  const auto document = JsonDocument::parse(as_bytes(text)).value();
  EXPECT_EQ(document.root().find("manifests")->at(0).dump(), entry);
  EXPECT_EQ(document.root().find("x")->dump(), R"({"b":1,"a":[1.0]})");
}

TEST(ReferenceName, FollowsTheGrammarOfTheImageSpec) {
  for (const char* name : {"a", "latest", "42.03.19", "v1.3.1+dev", "A--2.C+9@e_3", "etc/passwd/123",
                           "dead-beef/cafe--1:2@3", "registry.example.org:5000/team/app:1.0", "0"})
    EXPECT_TRUE(is_reference_name(name)) << name;
  for (const char* name :
       {"", "somepath392/", "some//test/hello", "deadb33fc4f3+123888+", "anot++her", "dead-.meme/cafe",
        "/a/b/c123", "--21js8CAS", ".AZ94n18s", "@2318s88", ":29a.158/x", "a---b", "a-", "a b", "a\tb", "é"})
    EXPECT_FALSE(is_reference_name(name)) << name;
}

TEST(ReferenceName, AsAFileIsOneComponent) {
  for (const char* name : {"a", ".hidden", "v1.2-rc_3", "-", "..."})
    EXPECT_TRUE(is_reference_file_name(name));
  for (const std::string& name : {std::string(), std::string("."), std::string(".."), std::string("a/b"),
                                  std::string("a:b"), std::string("a\0b", 3), std::string(256, 'a')})
    EXPECT_FALSE(is_reference_file_name(name)) << name;
  EXPECT_TRUE(is_reference_file_name(std::string(255, 'a')));
}

}  // namespace
}  // namespace layoutfs
