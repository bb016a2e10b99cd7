// A layout for each repository.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/oci/repository_tree.h"
#include "tests/registry/fixture.h"

namespace layoutfs {
namespace {

using testing::descriptor_of;
using ::testing::ElementsAre;
using testing::entry_names;
using testing::failure_of;
using testing::file_text;
using testing::files_of_blobs;
using ::testing::IsEmpty;
using testing::kOctetType;
using testing::must;
using testing::push_image;
using testing::push_text;
using testing::registry_failure_of;
using testing::TempDir;
using testing::text_of;

class LayoutsOfRepositories : public ::testing::Test {
 protected:
  std::unique_ptr<Registry> open(RegistryOptions options = {}) const {
    options.is_durable = false;
    return must(open_repositories(root, options));
  }

  TempDir directory;
  std::string root = directory / "some/repositories";
  std::unique_ptr<Registry> registry = open();
};

TEST_F(LayoutsOfRepositories, AreMadeAtTheFirstWrite) {
  EXPECT_THAT(must(registry->repositories()), IsEmpty());
  EXPECT_EQ(registry_failure_of(registry->tags("example/app")), RegistryCode::name_unknown);
  EXPECT_EQ(registry_failure_of(registry->resolve_tag("example/app", "v1")), RegistryCode::name_unknown);
  EXPECT_EQ(registry_failure_of(registry->resolve_blob("example/app", Digest::of({}))),
            RegistryCode::blob_unknown);
  EXPECT_EQ(registry_failure_of(registry->delete_tag("example/app", "v1")), RegistryCode::name_unknown);
  EXPECT_FALSE(std::filesystem::exists(root));
  push_image(*registry, "example/app", "layer", {"v1"});
  EXPECT_EQ(registry_failure_of(registry->tags("example/other")), RegistryCode::name_unknown);
  EXPECT_THAT(testing::names_in(root + "/example"), ElementsAre("app"));
}

TEST_F(LayoutsOfRepositories, LieWhereTheirNamesSay) {
  const auto image = push_image(*registry, "example/app", "layer", {"v1"});
  EXPECT_THAT(entry_names(root + "/example/app"), ElementsAre("example/app:v1"));
  EXPECT_THAT(must(registry->repositories()), ElementsAre("example/app"));
  EXPECT_THAT(must(registry->tags("example/app")), ElementsAre("v1"));
  EXPECT_EQ(text_of(registry->get_tag("example/app", "v1")), image.text);
  EXPECT_EQ(text_of(registry->get_blob("example/app", image.layer.digest)), "layer");
}

TEST_F(LayoutsOfRepositories, AreReadAgainWithBareTagsToo) {
  const auto image = push_image(*registry, "example/app", "layer", {"v1"});
  const std::string index = root + "/example/app/index.json", name = "example/app:v1";
  auto text = file_text(index);
  text.replace(text.find(name), name.size(), "v1");
  testing::write_file(index, text);
  for (const auto* state : {"open", "opened again"}) {
    EXPECT_THAT(must(registry->tags("example/app")), ElementsAre("v1")) << state;
    EXPECT_EQ(must(registry->resolve_tag("example/app", "v1")).digest, image.manifest.digest) << state;
    EXPECT_THAT(must(registry->repositories()), ElementsAre("example/app")) << state;
    registry = open();
  }
}

TEST_F(LayoutsOfRepositories, MayLieInEachOther) {
  const auto outer = push_image(*registry, "a", "outer", {"v1"});
  const auto inner = push_image(*registry, "a/b", "inner", {"v2"});
  const auto innermost = push_image(*registry, "a/b/c/d", "innermost", {"v3"});
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(must(registry->repositories()), ElementsAre("a", "a/b", "a/b/c/d"));
    EXPECT_THAT(must(registry->tags("a")), ElementsAre("v1"));
    EXPECT_THAT(must(registry->tags("a/b")), ElementsAre("v2"));
    EXPECT_EQ(registry_failure_of(registry->tags("a/b/c")), RegistryCode::name_unknown);
    EXPECT_EQ(text_of(registry->get_tag("a/b/c/d", "v3")), innermost.text);
    EXPECT_EQ(registry_failure_of(registry->get_blob("a", inner.layer.digest)), RegistryCode::blob_unknown);
    EXPECT_EQ(registry_failure_of(registry->get_blob("a/b", outer.layer.digest)), RegistryCode::blob_unknown);
    registry = open();
  }
  must(must(open_dir(root + "/a"))->clean());
  EXPECT_EQ(text_of(registry->get_tag("a/b", "v2")), inner.text) << "cleaning the outer one keeps it";
}

TEST_F(LayoutsOfRepositories, MayBeMadeFromTheInnermostOn) {
  push_image(*registry, "a/b", "inner", {"v2"});
  push_image(*registry, "a", "outer", {"v1"});
  EXPECT_THAT(must(registry->repositories()), ElementsAre("a", "a/b"));
  EXPECT_THAT(must(registry->tags("a")), ElementsAre("v1"));
}

TEST_F(LayoutsOfRepositories, WithoutEntriesAreNotListed) {
  push_text(*registry, "only/blobs-of-it", "content");
  push_image(*registry, "emptied", "layer", {"v1"});
  ASSERT_TRUE(registry->delete_tag("emptied", "v1"));
  EXPECT_THAT(must(registry->repositories()), IsEmpty());
  EXPECT_EQ(registry_failure_of(registry->tags("emptied")), RegistryCode::name_unknown);
}

TEST_F(LayoutsOfRepositories, MayBeMoreThanCanBeOpen) {
  constexpr int kMany = 150;
  const auto name_of = [](int i) { return "many/of-them/" + std::to_string(i); };
  std::vector<std::unique_ptr<BlobWriter>> writers;
  for (int i = 0; i < kMany; ++i) {
    push_image(*registry, name_of(i), "layer " + std::to_string(i), {"v1"});
    if (i % 30 == 0) writers.push_back(must(registry->push_blob_chunked(name_of(i))));
  }
  for (int i = 0; i < kMany; ++i)
    EXPECT_EQ(text_of(registry->get_blob(name_of(i), Digest::of(as_bytes("layer " + std::to_string(i))))),
              "layer " + std::to_string(i));
  EXPECT_EQ(must(registry->repositories()).size(), static_cast<std::size_t>(kMany));
  for (const auto& writer : writers) {
    must(writer->write(as_bytes("content")));
    must(writer->commit(Digest::of(as_bytes("content"))));
  }
  for (int i = 0; i < kMany; i += 30)
    EXPECT_EQ(text_of(registry->get_blob(name_of(i), Digest::of(as_bytes("content")))), "content");
}

TEST_F(LayoutsOfRepositories, AreListedInPages) {
  for (const char* name : {"c", "a/b", "a", "b", "a-b", "a/b/c"})
    push_image(*registry, name, "layer", {"v1"});
  const auto page = [&](std::string after, std::size_t limit) {
    return must(registry->repositories({.start_after = std::move(after), .limit = limit}));
  };
  EXPECT_THAT(page("", 0), ElementsAre("a", "a-b", "a/b", "a/b/c", "b", "c"));
  EXPECT_THAT(page("", 2), ElementsAre("a", "a-b"));
  EXPECT_THAT(page("a-b", 2), ElementsAre("a/b", "a/b/c"));
  EXPECT_THAT(page("a/b/c", 1), ElementsAre("b"));
  EXPECT_THAT(page("a.", 1), ElementsAre("a/b"));
  EXPECT_THAT(page("c", 0), IsEmpty());
}

// D24
TEST_F(LayoutsOfRepositories, AreNotCalledAsAFileOfALayout) {
  const auto digest = Digest::of(as_bytes("content"));
  for (const char* name : {"a/blobs", "a/blobs/b", "a/index.json", "a/oci-layout", "a/b/oci-layout/c",
                           "a/index.json.tmp", "a/index.json.x/b"}) {
    testing::UnreadSource content;
    EXPECT_EQ(registry_failure_of(registry->push_blob(name, descriptor_of("content", kOctetType), content)),
              RegistryCode::name_invalid)
        << name;
    EXPECT_EQ(registry_failure_of(registry->push_blob_chunked(name)), RegistryCode::name_invalid) << name;
    EXPECT_EQ(registry_failure_of(testing::try_push_manifest(*registry, name, "{}", "text/plain", {"v1"})),
              RegistryCode::name_invalid)
        << name;
    EXPECT_EQ(registry_failure_of(registry->resolve_blob(name, digest)), RegistryCode::name_invalid) << name;
    EXPECT_EQ(registry_failure_of(registry->tags(name)), RegistryCode::name_invalid) << name;
    EXPECT_EQ(registry_failure_of(registry->resolve_tag(name, "v1")), RegistryCode::name_invalid) << name;
    EXPECT_EQ(registry_failure_of(registry->delete_tag(name, "v1")), RegistryCode::name_invalid) << name;
    EXPECT_EQ(registry_failure_of(registry->mount_blob(name, "b", digest)), RegistryCode::name_invalid)
        << name;
    EXPECT_FALSE(is_repository_directory(name)) << name;
  }
  EXPECT_FALSE(std::filesystem::exists(root));
  for (const char* name : {"blobs", "oci-layout", "index.json", "index.json.x/a", "blobs/a", "a/blob",
                           "a/blobs2", "a/index.jsonx", "a/index", "a/oci-layout.d"}) {
    push_image(*registry, name, "layer", {"v1"});
    EXPECT_THAT(must(registry->tags(name)), ElementsAre("v1")) << name;
    EXPECT_TRUE(is_repository_directory(name)) << name;
  }
  EXPECT_EQ(must(registry->repositories()).size(), 10u);
}

TEST_F(LayoutsOfRepositories, RefuseNamesThatBreakTheGrammar) {
  for (const char* name : {"", "..", "../x", "a/../b", "/etc", "A", "a/", "."}) {
    EXPECT_EQ(registry_failure_of(registry->push_blob_chunked(name)), RegistryCode::name_invalid) << name;
    EXPECT_EQ(registry_failure_of(registry->tags(name)), RegistryCode::name_invalid) << name;
  }
  EXPECT_THAT(testing::names_in(directory.path()), IsEmpty());
  EXPECT_EQ(failure_of(open_repositories("")), Errc::invalid_argument);
}

TEST_F(LayoutsOfRepositories, GiveBlobsToEachOther) {
  const auto blob = push_text(*registry, "from", "content");
  EXPECT_EQ(registry_failure_of(registry->get_blob("to/it", blob.digest)), RegistryCode::blob_unknown);
  const auto mounted = must(registry->mount_blob("from", "to/it", blob.digest));
  EXPECT_EQ(mounted.digest, blob.digest);
  EXPECT_EQ(mounted.size, 7u);
  EXPECT_EQ(mounted.media_type, "");
  EXPECT_EQ(text_of(registry->get_blob("to/it", blob.digest)), "content");
  std::filesystem::remove_all(root + "/from");
  EXPECT_EQ(text_of(open()->get_blob("to/it", blob.digest)), "content") << "it is a copy";
}

TEST_F(LayoutsOfRepositories, GiveBlobsOfSha512ToEachOther) {
  const Descriptor blob{.media_type = std::string(kOctetType),
                        .digest = Digest::of(as_bytes("content"), Algorithm::sha512),
                        .size = 7};
  must(testing::try_push(*registry, "from", blob, "content"));
  EXPECT_EQ(must(registry->mount_blob("from", "to", blob.digest)).digest, blob.digest);
  EXPECT_EQ(text_of(registry->get_blob("to", blob.digest)), "content");
}

TEST_F(LayoutsOfRepositories, GiveABlobToThemselves) {
  const auto blob = push_text(*registry, "from", "content");
  const auto before = testing::state_of_tree(root);
  EXPECT_EQ(must(registry->mount_blob("from", "from", blob.digest)).digest, blob.digest);
  EXPECT_EQ(testing::state_of_tree(root), before);
}

TEST_F(LayoutsOfRepositories, GiveABlobAwayOnce) {
  const auto blob = push_text(*registry, "from", "content");
  for (int i = 0; i < 2; ++i) EXPECT_EQ(must(registry->mount_blob("from", "to", blob.digest)).size, 7u);
  EXPECT_THAT(files_of_blobs(root + "/to"), ElementsAre("sha256/" + blob.digest.hex()));
}

TEST_F(LayoutsOfRepositories, GiveNothingThatIsNotThereOrIsDamaged) {
  const auto blob = push_text(*registry, "from", "content");
  EXPECT_EQ(registry_failure_of(registry->mount_blob("from", "to", Digest::of({}))),
            RegistryCode::blob_unknown);
  EXPECT_EQ(registry_failure_of(registry->mount_blob("unknown", "to", blob.digest)),
            RegistryCode::blob_unknown);
  EXPECT_FALSE(std::filesystem::exists(root + "/unknown"));
  for (const char* damaged : {"Content", "conten", "contents"}) {
    testing::write_file(root + "/from/" + blob.digest.blob_path(), damaged);
    EXPECT_EQ(failure_of(registry->mount_blob("from", "to", blob.digest)), Errc::corrupt) << damaged;
    EXPECT_THAT(files_of_blobs(root + "/to"), IsEmpty()) << damaged;
  }
}

TEST_F(LayoutsOfRepositories, AreNotGivenWhatADamagedBlobHides) {
  const auto blob = push_text(*registry, "from", "content");
  push_text(*registry, "to", "another");
  for (const char* damaged : {"", "conten", "contents"}) {
    testing::write_file(root + "/to/" + blob.digest.blob_path(), damaged);
    const auto mounted = registry->mount_blob("from", "to", blob.digest);
    if (!mounted && mounted.error().code() == Errc::corrupt) continue;
    EXPECT_TRUE(mounted) << damaged;
    EXPECT_EQ(text_of(registry->get_blob("to", blob.digest)), "content") << damaged;
  }
}

TEST_F(LayoutsOfRepositories, StopGivingOnRequest) {
  const auto blob = push_text(*registry, "from", "content");
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(
      failure_of(registry->mount_blob("from", "to", blob.digest, {.stop = stop.get_token(), .deadline = {}})),
      Errc::cancelled);
  EXPECT_THAT(files_of_blobs(root + "/to"), IsEmpty());
}

TEST_F(LayoutsOfRepositories, HaveUploadsOfTheirOwn) {
  auto writer = must(registry->push_blob_chunked("a"));
  must(writer->write(as_bytes("content")));
  must(writer->close());
  EXPECT_TRUE(std::filesystem::exists(root + "/a/blobs/uploads/" + writer->id()));
  auto again = must(registry->push_blob_chunked_resume("a", writer->id(), 7));
  must(again->commit(Digest::of(as_bytes("content"))));
  EXPECT_EQ(text_of(registry->get_blob("a", Digest::of(as_bytes("content")))), "content");
  EXPECT_EQ(registry_failure_of(registry->push_blob_chunked_resume("unknown", writer->id(), -1)),
            RegistryCode::blob_upload_unknown);
  EXPECT_FALSE(std::filesystem::exists(root + "/unknown"));
}

TEST_F(LayoutsOfRepositories, KeepWhatLosesItsLastTagOnRequest) {
  registry = open({.keep_untagged = true});
  const auto image = push_image(*registry, "a/b", "layer", {"v1"});
  ASSERT_TRUE(registry->delete_tag("a/b", "v1"));
  EXPECT_THAT(entry_names(root + "/a/b"), ElementsAre("a/b@" + image.manifest.digest.str()));
}

TEST_F(LayoutsOfRepositories, AreListedBesideOneThatCannotBeRead) {
  for (const char* name : {"a", "b", "c"}) push_image(*registry, name, "layer", {"v1"});
  std::ofstream(root + "/b/index.json", std::ios::trunc) << "{";
  EXPECT_THAT(must(registry->repositories()), ElementsAre("a", "b", "c"));
  EXPECT_EQ(failure_of(registry->tags("b")), Errc::invalid_image);
  EXPECT_THAT(must(registry->tags("c")), ElementsAre("v1"));
}

TEST_F(LayoutsOfRepositories, AreNotHarmedByForeignEntriesOfOthers) {
  testing::LayoutWriter foreign(root + "/foreign");
  foreign.write_index({testing::named(foreign.manifest(foreign.config({}), {}), "Upper:v1")});
  push_image(*registry, "good", "layer", {"v1"});
  EXPECT_THAT(must(registry->tags("good")), ElementsAre("v1"));
  EXPECT_EQ(failure_of(registry->tags("foreign")), Errc::invalid_image);
  registry = open({.foreign = ForeignEntry::skip});
  EXPECT_THAT(must(registry->repositories()), ElementsAre("good"));
  EXPECT_EQ(registry_failure_of(registry->tags("foreign")), RegistryCode::name_unknown);
}

TEST_F(LayoutsOfRepositories, AreNotBehindSymlinks) {
  const auto outside = must(open_repositories(directory / "outside", {.is_durable = false}));
  const auto image = push_image(*outside, "a/b", "secret", {"v1"});
  push_image(*registry, "good", "layer", {"v1"});
  std::filesystem::create_directory_symlink(directory / "outside/a", root + "/a");
  std::filesystem::create_directory_symlink(directory / "outside/a/b", root + "/link");
  const auto before = testing::state_of_tree(directory / "outside");
  EXPECT_THAT(must(registry->repositories()), ElementsAre("good"));
  for (const char* name : {"a/b", "link"}) {
    EXPECT_NE(failure_of(registry->tags(name)), std::nullopt) << name;
    EXPECT_NE(failure_of(registry->get_blob(name, image.layer.digest)), std::nullopt) << name;
    EXPECT_NE(failure_of(testing::try_push(*registry, name, descriptor_of("content", kOctetType), "content")),
              std::nullopt)
        << name;
    EXPECT_NE(failure_of(registry->push_blob_chunked(name)), std::nullopt) << name;
    EXPECT_NE(failure_of(registry->delete_tag(name, "v1")), std::nullopt) << name;
  }
  EXPECT_EQ(testing::state_of_tree(directory / "outside"), before);
}

}  // namespace
}  // namespace layoutfs
