// The store of names: containerd's cases of its image store, and the limits that are ours.
#include <gmock/gmock.h>

#include "layoutfs/image_store.h"
#include "tests/names/image_store_fixture.h"

namespace layoutfs {
namespace {

using testing::code_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ImageStoreTest;
using ::testing::IsEmpty;
using testing::state_of_tree;
using testing::target_of;

TEST_F(ImageStoreTest, ListsWhatTheFiltersFit) {
  for (int i = 0; i < 4; ++i) {
    const std::string name = "image-" + std::to_string(i);
    const NamedImage image{
        .name = name,
        .labels = {{"namelabel", name},
                   {"even", i % 2 == 0 ? "true" : "false"},
                   {"odd", i % 2 == 0 ? "false" : "true"}},
        .target = target_of(name, 10, "application/vnd.containerd.test", {{"foo", "bar"}})};
    const auto before = std::chrono::system_clock::now();
    const auto created = store_.create(image);
    ASSERT_TRUE(created.has_value());
    EXPECT_EQ(created->created_at, created->updated_at);
    EXPECT_GE(created->created_at, before);
    EXPECT_EQ(created->labels, image.labels);
    EXPECT_EQ(created->target, image.target);
    EXPECT_EQ(store_.get(name), *created);
  }
  const std::vector<std::string> all{"image-0", "image-1", "image-2", "image-3"};
  EXPECT_EQ(listed(), all);
  EXPECT_EQ(listed({"labels.even==true", "labels.odd==true"}), all);
  EXPECT_THAT(listed({"labels.even==true"}), ElementsAre("image-0", "image-2"));
  EXPECT_THAT(listed({"labels.odd==true"}), ElementsAre("image-1", "image-3"));
  EXPECT_THAT(listed({"name==image-0"}), ElementsAre("image-0"));
  EXPECT_THAT(listed({"labels.namelabel==image-0,labels.even==true"}), ElementsAre("image-0"));
  EXPECT_EQ(listed({"target.mediatype~=application/vnd.*"}), all);
  EXPECT_EQ(listed({"annotations.foo==bar"}), all);
  EXPECT_THAT(listed({"target.digest==\"" + target_of("image-2").digest.str() + "\""}),
              ElementsAre("image-2"));
  EXPECT_THAT(listed({"target.size==10"}), IsEmpty());
  EXPECT_THAT(listed({"target"}), IsEmpty());
  EXPECT_THAT(listed({"created_at"}), IsEmpty());
  EXPECT_EQ(code_of(store_.list(std::vector<std::string>{"name="})), Errc::invalid_argument);
  for (const std::string& name : all) {
    EXPECT_TRUE(store_.remove(name).has_value());
    EXPECT_EQ(code_of(store_.remove(name)), Errc::not_found);
  }
  EXPECT_THAT(listed(), IsEmpty());
}

struct UpdateCase {
  std::string name;
  NamedImage input;
  std::vector<std::string> field_paths;
  NamedImage expected;
  bool is_removed_by_old_target = true;
};

// The labels and annotations of the image that every case begins with.
const Annotations kBase{{"foo", "bar"}, {"baz", "boo"}};

NamedImage image_of(Annotations labels, std::uint64_t size, std::string_view type, Annotations annotations) {
  const std::string content = "content-" + std::to_string(size);
  return {.name = {},
          .labels = std::move(labels),
          .target = target_of(content, size, type, std::move(annotations))};
}

TEST_F(ImageStoreTest, UpdatesTheFieldsThatAreNamedAndNoOthers) {
  const std::string type = "application/vnd.oci.blab", ignored = type + "+ignored",
                    replaced = type + "+replaced";
  const Annotations fox{{"fox", "dog"}};
  const std::vector<UpdateCase> cases{
      {"touch", image_of(kBase, 10, type, {{"foo", "bar"}}), {}, image_of(kBase, 10, type, {{"foo", "bar"}})},
      {"replace all",
       image_of({{"for", "bar"}, {"boo", "boo"}}, 10, type, {{"foo", "bar"}}),
       {},
       image_of({{"for", "bar"}, {"boo", "boo"}}, 10, type, {{"foo", "bar"}})},
      {"labels",
       image_of({{"for", "bar"}, {"boo", "boo"}}, 10, ignored, {{"not", "bar"}}),
       {"labels"},
       image_of({{"for", "bar"}, {"boo", "boo"}}, 10, type, kBase)},
      {"annotations and labels",
       image_of({{"for", "bar"}}, 10, ignored, {{"foo", "boo"}}),
       {"annotations", "labels"},
       image_of({{"for", "bar"}}, 10, type, {{"foo", "boo"}})},
      {"one label",
       image_of({{"foo", "baz"}, {"baz", "bunk"}}, 10, ignored, {{"foo", "bar"}}),
       {"labels.foo"},
       image_of({{"foo", "baz"}, {"baz", "boo"}}, 10, type, kBase)},
      {"one annotation",
       image_of({{"foo", "baz"}}, 10, ignored, {{"foo", "baz"}, {"baz", "bunk"}}),
       {"annotations.foo"},
       image_of(kBase, 10, type, {{"foo", "baz"}, {"baz", "boo"}})},
      {"the target's type", image_of({}, 10, replaced, fox), {"target"}, image_of(kBase, 10, replaced, fox)},
      {"the target", image_of({}, 20, replaced, fox), {"target"}, image_of(kBase, 20, replaced, fox), false},
      {"all with another target",
       image_of({}, 20, replaced, fox),
       {},
       image_of({}, 20, replaced, fox),
       false},
      {"a label that is not in the input is removed",
       image_of({}, 10, ignored, {}),
       {"labels.foo", "labels.none"},
       image_of({{"baz", "boo"}}, 10, type, kBase)},
      {"a label without a value is removed",
       image_of({{"foo", ""}}, 10, ignored, {}),
       {"labels.foo"},
       image_of({{"baz", "boo"}}, 10, type, kBase)},
      {"an annotation that is not in the input is removed",
       image_of({}, 10, ignored, {}),
       {"annotations.baz"},
       image_of(kBase, 10, type, {{"foo", "bar"}})},
      {"a key may have dots",
       image_of({{"a.b/c.d", "e"}}, 10, ignored, {}),
       {"labels.a.b/c.d"},
       image_of({{"foo", "bar"}, {"baz", "boo"}, {"a.b/c.d", "e"}}, 10, type, kBase)},
  };
  for (UpdateCase each : cases) {
    SCOPED_TRACE(each.name);
    NamedImage original = image_of(kBase, 10, type, kBase);
    original.name = each.input.name = each.expected.name = each.name;
    const auto created = store_.create(original);
    ASSERT_TRUE(created.has_value());
    const auto updated = store_.update(each.input, each.field_paths);
    ASSERT_TRUE(updated.has_value()) << updated.error().message();
    EXPECT_EQ(updated->created_at, created->created_at);
    EXPECT_GT(updated->updated_at, created->updated_at);
    each.expected.created_at = updated->created_at;
    each.expected.updated_at = updated->updated_at;
    EXPECT_EQ(*updated, each.expected);
    EXPECT_EQ(store_.get(each.name), each.expected);
    EXPECT_EQ(open_image_store(path_, "default")->get(each.name), each.expected);
    const auto removed = store_.remove(each.name, original.target.digest);
    EXPECT_EQ(removed.has_value(), each.is_removed_by_old_target);
    if (!each.is_removed_by_old_target) {
      EXPECT_EQ(removed.error().code(), Errc::not_found);
      EXPECT_TRUE(store_.remove(each.name, each.expected.target.digest).has_value());
    }
  }
}

TEST_F(ImageStoreTest, RefusesAnImageThatIsNone) {
  const auto image = [](std::string name, Descriptor target, Annotations labels = {}) {
    return NamedImage{.name = std::move(name), .labels = std::move(labels), .target = std::move(target)};
  };
  const Descriptor target = target_of("x");
  Descriptor not_utf8 = target;
  not_utf8.annotations["a"] = "\xff";
  Descriptor too_large = target;
  too_large.size = std::uint64_t{1} << 63;
  const std::vector<std::pair<NamedImage, std::string>> cases{
      {image("", target), "the image has no name"},
      {image(std::string(kMaxImageNameLength + 1, 'a'), target), "exceeds 4096 bytes"},
      {image("a\nb", target), "a\\x0ab': the name has control characters"},
      {image("a\xff", target), "invalid UTF-8"},
      {image("a", {}), "has no digest"},
      {image("a", {.media_type = "t", .digest = target.digest}), "has no size"},
      {image("a", {.media_type = "", .digest = target.digest, .size = 1}), "has no media type"},
      {image("a", not_utf8), "not UTF-8"},
      {image("a", too_large), "size"},
      {image("a", target, {{"k", std::string(kMaxLabelLength, 'v')}}), "have 4097 bytes, more than 4096"},
      {image("a", target, {{"k\xff", "v"}}), "label k\\xff: not UTF-8"},
      {image("a", target, {{"k", "\xc3"}}), "label k: not UTF-8"},
  };
  for (const auto& [wrong, message] : cases) {
    const auto created = store_.create(wrong);
    EXPECT_EQ(code_of(created), Errc::invalid_argument) << message;
    EXPECT_THAT(created.error().message(), HasSubstr(message));
  }
  EXPECT_FALSE(std::filesystem::exists(path_)) << "nothing was to be written";
  create("a");
  const auto before = state_of_tree(path_);
  for (const auto& [wrong, message] : cases)
    EXPECT_EQ(code_of(store_.update(wrong)), Errc::invalid_argument) << message;
  EXPECT_EQ(state_of_tree(path_), before);
  EXPECT_TRUE(store_
                  .create(image(std::string(kMaxImageNameLength, 'a'), target,
                                {{"k", std::string(kMaxLabelLength - 1, 'v')}}))
                  .has_value());
}

TEST_F(ImageStoreTest, ChangesNothingWhereItRefuses) {
  const NamedImage kept = create("a", {{"foo", "bar"}});
  const auto before = state_of_tree(path_);
  EXPECT_EQ(code_of(store_.create({.name = "a", .labels = {}, .target = target_of("b")})),
            Errc::already_exists);
  EXPECT_EQ(code_of(store_.update({.name = "b", .labels = {}, .target = target_of("a")})), Errc::not_found);
  for (const char* path :
       {"name", "created_at", "target.digest", "target.", "label", "labelsfoo", "", "Labels"}) {
    const std::vector<std::string> paths{"labels", path};
    const auto updated = store_.update({.name = "a", .labels = {}, .target = target_of("b")}, paths);
    EXPECT_EQ(code_of(updated), Errc::invalid_argument) << path;
  }
  EXPECT_EQ(code_of(store_.remove("a", target_of("b").digest)), Errc::not_found);
  EXPECT_EQ(code_of(store_.remove("b")), Errc::not_found);
  EXPECT_EQ(code_of(store_.get("b")), Errc::not_found);
  EXPECT_EQ(store_.get("a"), kept);
  EXPECT_EQ(state_of_tree(path_), before);
}

TEST_F(ImageStoreTest, KeepsTheWholeDescriptor) {
  const std::string text =
      R"({"mediaType":"t","digest":")" + target_of("a").digest.str() +
      R"(","size":7,"urls":["u"],"annotations":{"b":"","a":"x"},"data":"eA==",)"
      R"("platform":{"architecture":"arm","os":"linux","variant":"v7"},"artifactType":"at","extra":[1]})";
  const Descriptor target = Descriptor::parse(text).value();
  ASSERT_TRUE(store_.create({.name = "a", .labels = {{"empty", ""}}, .target = target}).has_value());
  const auto found = open_image_store(path_, "default")->get("a");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->target, target);
  EXPECT_THAT(found->target.json, HasSubstr("\"extra\":[1]"));
  EXPECT_EQ(found->target.annotation("b"), "");
  EXPECT_THAT(found->labels, IsEmpty()) << "a label without a value is none";
}

}  // namespace
}  // namespace layoutfs
