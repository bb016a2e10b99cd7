// A part of a registry as a registry.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/registry/fixture.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::must;
using testing::push_image;
using testing::push_text;
using testing::registry_failure_of;
using testing::text_of;

class BelowAPrefix : public testing::OneLayout {
 protected:
  std::shared_ptr<Registry> whole = open();
  std::unique_ptr<Registry> part = below_prefix(whole, "foo");
};

TEST_F(BelowAPrefix, IsWhatBeginsWithAllOfIt) {
  const auto image = push_image(*whole, "foo/bar", "layer", {"v1"});
  for (const char* name : {"foo", "fooey", "fooey/bar", "foo-a/b", "other", "other/foo/bar"})
    push_image(*whole, name, "layer", {"v2"});
  EXPECT_THAT(must(part->repositories()), ElementsAre("bar"));
  EXPECT_THAT(must(part->tags("bar")), ElementsAre("v1"));
  EXPECT_EQ(text_of(part->get_tag("bar", "v1")), image.text);
  for (const char* name : {"foo", "other", "fooey", "foo/bar"})
    EXPECT_EQ(registry_failure_of(part->tags(name)), RegistryCode::name_unknown) << name;
}

TEST_F(BelowAPrefix, IsListedInPages) {
  for (const char* name : {"foo/a", "foo/b/c", "foo/d", "zoo", "a", "foo", "foo-a", "foo.a", "fooa"})
    push_image(*whole, name, "layer", {"v1"});
  const auto page = [&](std::string after, std::size_t limit) {
    return must(part->repositories({.start_after = std::move(after), .limit = limit}));
  };
  EXPECT_THAT(page("", 0), ElementsAre("a", "b/c", "d"));
  EXPECT_THAT(page("", 1), ElementsAre("a"));
  EXPECT_THAT(page("a", 1), ElementsAre("b/c"));
  EXPECT_THAT(page("b", 1), ElementsAre("b/c"));
  EXPECT_THAT(page("b/c", 5), ElementsAre("d"));
  EXPECT_THAT(page("d", 5), IsEmpty());
}

TEST_F(BelowAPrefix, DoesAllThatTheWholeDoes) {
  const auto image = push_image(*part, "bar", "layer", {"v1", "v2"});
  EXPECT_EQ(text_of(whole->get_tag("foo/bar", "v1")), image.text);
  EXPECT_THAT(testing::entry_names(path), ElementsAre("foo/bar:v1", "foo/bar:v2"));
  EXPECT_EQ(must(part->resolve_blob("bar", image.layer.digest)).size, 5u);
  EXPECT_EQ(text_of(part->get_blob("bar", image.layer.digest)), "layer");
  EXPECT_EQ(text_of(part->get_blob_range("bar", image.layer.digest, 1, 3)), "ay");
  EXPECT_EQ(must(part->resolve_manifest("bar", image.manifest.digest)).digest, image.manifest.digest);
  EXPECT_EQ(text_of(part->get_manifest("bar", image.manifest.digest)), image.text);
  EXPECT_EQ(must(part->resolve_tag("bar", "v2")).digest, image.manifest.digest);
  EXPECT_THAT(must(part->tags("bar", {.start_after = "v1"})), ElementsAre("v2"));
  EXPECT_THAT(must(part->referrers("bar", image.manifest.digest)), IsEmpty());
  EXPECT_EQ(must(part->mount_blob("bar", "baz", image.layer.digest)).size, 5u);
  EXPECT_EQ(registry_failure_of(part->delete_blob("bar", image.layer.digest)), RegistryCode::denied);
  ASSERT_TRUE(part->delete_tag("bar", "v1"));
  ASSERT_TRUE(part->delete_manifest("bar", image.manifest.digest));
  EXPECT_EQ(registry_failure_of(part->tags("bar")), RegistryCode::name_unknown);

  auto writer = must(part->push_blob_chunked("bar", 100));
  EXPECT_EQ(writer->chunk_size(), 100u);
  must(writer->write(as_bytes("content")));
  must(writer->close());
  auto resumed = must(part->push_blob_chunked_resume("bar", writer->id(), 7));
  EXPECT_EQ(must(resumed->commit(Digest::of(as_bytes("content")))).size, 7u);
}

TEST_F(BelowAPrefix, LeadsToTheRepositoriesOfThatName) {
  const auto repositories =
      std::shared_ptr<Registry>(must(open_repositories(directory / "tree", {.is_durable = false})));
  const auto below = below_prefix(repositories, "foo");
  const auto blob = push_text(*below, "from", "content");
  must(below->mount_blob("from", "to", blob.digest));
  EXPECT_EQ(text_of(repositories->get_blob("foo/to", blob.digest)), "content");
  EXPECT_THAT(testing::names_in(directory / "tree/foo"), ElementsAre("from", "to"));
}

TEST_F(BelowAPrefix, LeadsNowhereElse) {
  push_image(*whole, "other", "layer", {"v1"});
  for (const std::string& name : {std::string(), std::string(".."), std::string("../other"), std::string("/"),
                                  std::string("/bar"), std::string("bar/"), std::string(252, 'a')})
    EXPECT_EQ(registry_failure_of(part->tags(name)), RegistryCode::name_invalid) << name;
}

TEST_F(BelowAPrefix, MayLieBelowAnother) {
  const auto image = push_image(*whole, "foo/bar/baz", "layer", {"v1"});
  const auto inner = below_prefix(std::shared_ptr<Registry>(std::move(part)), "bar");
  EXPECT_THAT(must(inner->repositories()), ElementsAre("baz"));
  EXPECT_EQ(text_of(inner->get_tag("baz", "v1")), image.text);
}

TEST_F(BelowAPrefix, MayHaveMoreThanOneComponent) {
  push_image(*whole, "foo/bar/baz", "layer", {"v1"});
  EXPECT_THAT(must(below_prefix(whole, "foo/bar")->repositories()), ElementsAre("baz"));
}

}  // namespace
}  // namespace layoutfs
