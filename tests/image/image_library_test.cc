#include "core/image/image_library.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "core/image/image_set.h"
#include "layoutfs/open.h"
#include "tests/image/merged.h"
#include "tests/support/layout_writer.h"

namespace layoutfs {
namespace {

using ::testing::HasSubstr;
using testing::LayoutWriter;
using testing::TarWriter;
using testing::TempDir;

class Library : public ::testing::Test {
 protected:
  Descriptor add_layer(const TarWriter& tar) { return layout_.blob(tar.bytes(), testing::kTarType); }
  Descriptor add_image(const std::vector<Descriptor>& layers) {
    std::vector<Digest> diff_ids;
    for (const Descriptor& layer : layers) diff_ids.push_back(layer.digest);  // they are not compressed
    return layout_.manifest(layout_.config(diff_ids), layers);
  }
  // Opens a library as for a new mount: with empty memory, and the content of the index cache.
  ImageLibrary open() {
    return ImageLibrary(std::shared_ptr<const LayoutReader>(open_dir(layout_.path()).value()),
                        IndexCache(dir_ / "cache"), {});
  }
  void overwrite(const Digest& digest, std::string_view content) {
    testing::write_file(layout_.blob_path(digest), content);
  }

  TempDir dir_;
  LayoutWriter layout_{dir_ / "layout"};
};

TEST_F(Library, AnImageIsItsLayersOverEachOther) {
  auto library = open();
  const auto image = library.image(
      add_image({add_layer(TarWriter().file("a").file("b")), add_layer(TarWriter().whiteout("a"))}));
  ASSERT_TRUE(image) << image.error().message();
  EXPECT_EQ(testing::listing((*image)->tree()), std::vector<std::string>{"f b"});
  EXPECT_EQ(library.stats().indexes_built, 2u);
}

TEST_F(Library, TheSecondTimeNothingIsBuiltAndNoLayerIsRead) {
  const Descriptor layer = add_layer(TarWriter().file("a", "content"));
  const Descriptor manifest = add_image({layer});
  {
    auto library = open();
    ASSERT_TRUE(library.image(manifest));
  }
  overwrite(layer.digest, std::string(layer.size, 'x'));  // as large, but no layer any more
  auto library = open();
  EXPECT_TRUE(library.image_if_ready(manifest));
  EXPECT_TRUE(library.image(manifest));
  EXPECT_EQ(library.stats().indexes_built, 0u);
  EXPECT_EQ(library.stats().trees_built, 0u);
  EXPECT_EQ(library.stats().indexes_loaded, 1u);
  EXPECT_EQ(library.stats().trees_loaded, 1u);
}

TEST_F(Library, AStackIsTheLowestLayersOverEachOther) {
  const std::vector<Descriptor> layers{add_layer(TarWriter().file("a").file("b")),
                                       add_layer(TarWriter().whiteout("a")),
                                       add_layer(TarWriter().file("c"))};
  const auto stack_of = [&](std::size_t count) {
    LayerStack stack;
    for (std::size_t i = 0; i < count; ++i) {
      stack.layers.push_back(layers[i]);
      stack.diff_ids.push_back(layers[i].digest);  // they are not compressed
    }
    return stack;
  };
  {
    auto library = open();
    EXPECT_EQ(library.stack_if_ready(stack_of(2)), nullptr);
    EXPECT_EQ(testing::listing(library.stack(stack_of(1)).value()->tree()),
              (std::vector<std::string>{"f a", "f b"}));
    EXPECT_EQ(testing::listing(library.stack(stack_of(2)).value()->tree()), std::vector<std::string>{"f b"});
    EXPECT_EQ(library.stats().indexes_built, 2u) << "the layers above are not read";
  }
  auto library = open();
  EXPECT_TRUE(library.stack_if_ready(stack_of(2)));
  const auto facts = library.facts_if_known(layers[1]);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->stream_size, layers[1].size);
  EXPECT_EQ(facts->diff_ids.front(), layers[1].digest);
  EXPECT_FALSE(library.facts_if_known(layers[2]));
  EXPECT_EQ(library.stats().trees_built, 0u);
  LayerStack wrong = stack_of(2);
  wrong.diff_ids[1] = wrong.diff_ids[0];
  const auto refused = library.stack(wrong);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::corrupt);
  EXPECT_THAT(refused.error().message(), HasSubstr("uncompressed digest is "));
  EXPECT_FALSE(library.stack_if_ready(wrong));
}

TEST_F(Library, WhatIsReadAfterwardsIsCheckedAgain) {
  const Descriptor layer = add_layer(TarWriter().file("a", "content"));
  const Descriptor manifest = add_image({layer});
  ASSERT_TRUE(open().image(manifest));
  overwrite(layer.digest, std::string(layer.size, 'x'));
  auto library = open();
  const auto image = library.image(manifest).value();
  Bytes out(7);
  const auto got = image->read(image->resolve("a").value(), out, 0);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::corrupt);
  EXPECT_EQ(library.resources()->span_stats().verify_failures, 1u);
}

TEST_F(Library, ADamagedCacheFileIsBuiltAnew) {
  const Descriptor layer = add_layer(TarWriter().file("a"));
  const Descriptor manifest = add_image({layer});
  ASSERT_TRUE(open().image(manifest));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_ / "cache"))
    if (entry.is_regular_file()) std::filesystem::resize_file(entry.path(), entry.file_size() / 2);
  auto library = open();
  EXPECT_FALSE(library.image_if_ready(manifest));
  EXPECT_TRUE(library.image(manifest));
  EXPECT_EQ(library.stats().indexes_built, 1u);
  EXPECT_EQ(library.stats().trees_built, 1u);
}

TEST_F(Library, NothingIsReadyBeforeItWasBuilt) {
  const Descriptor layer = add_layer(TarWriter().file("a"));
  auto library = open();
  EXPECT_FALSE(library.image_if_ready(add_image({layer})));
  EXPECT_FALSE(library.layer_tree_if_ready(layer));
  EXPECT_EQ(library.stats().indexes_built, 0u);
}

TEST_F(Library, ALayerAloneShowsItsWhiteouts) {
  auto library = open();
  const auto tree = library.layer_tree(add_layer(TarWriter().whiteout("gone").file("a")));
  ASSERT_TRUE(tree);
  EXPECT_EQ(testing::listing((*tree)->tree()), (std::vector<std::string>{"f .wh.gone", "f a"}));
}

struct Broken {
  std::string name;
  std::function<Descriptor(LayoutWriter&)> make;
  Errc code;
  std::string sentence;
};

TEST_F(Library, WhatIsBrokenSaysHowAndWhere) {
  const Bytes tar = TarWriter().file("a", "content").bytes();
  const auto image_of = [](LayoutWriter& layout, Descriptor layer) {
    return layout.manifest(layout.config({layer.digest}), {layer});
  };
  const std::vector<Broken> cases{
      {"missing layer",
       [&](LayoutWriter& layout) {
         auto layer = layout.blob(tar, testing::kTarType);
         auto manifest = image_of(layout, layer);
         std::filesystem::remove(layout.blob_path(layer.digest));
         return manifest;
       },
       Errc::not_found, "is missing"},
      {"layer of another size",
       [&](LayoutWriter& layout) {
         auto layer = layout.blob(tar, testing::kTarType);
         testing::write_file(layout.blob_path(layer.digest), "short");
         return image_of(layout, layer);
       },
       Errc::corrupt, "has 5 bytes"},
      {"layer of another content",
       [&](LayoutWriter& layout) {
         auto layer = layout.blob(tar, testing::kTarType);
         testing::write_file(layout.blob_path(layer.digest), std::string(tar.size(), 'x'));
         return image_of(layout, layer);
       },
       Errc::corrupt, "content has digest"},
      {"another diff id",
       [&](LayoutWriter& layout) {
         return layout.manifest(layout.config({Digest::of(as_bytes("other"))}),
                                {layout.blob(tar, testing::kTarType)});
       },
       Errc::corrupt, "the config says"},
      {"too few diff ids",
       [&](LayoutWriter& layout) {
         return layout.manifest(layout.config({}), {layout.blob(tar, testing::kTarType)});
       },
       Errc::corrupt, "0 diff_ids for 1 layers"},
      {"layer that is no tar",
       [&](LayoutWriter& layout) {
         return image_of(layout, layout.blob(std::string(2000, 'x'), testing::kTarType));
       },
       Errc::corrupt, "layer 0"},
      {"unknown media type",
       [&](LayoutWriter& layout) { return image_of(layout, layout.blob(tar, "application/x-unknown")); },
       Errc::unsupported, "application/x-unknown"},
      {"no image at all",
       [&](LayoutWriter& layout) {
         return layout.manifest(layout.blob("{}", "application/vnd.example"),
                                {layout.blob("x", "text/plain")});
       },
       Errc::unsupported, "not an image"},
  };
  for (const Broken& broken : cases) {
    const TempDir dir;
    LayoutWriter layout(dir / "layout");
    const Descriptor manifest = broken.make(layout);
    ImageLibrary library(std::shared_ptr<const LayoutReader>(open_dir(layout.path()).value()), IndexCache(),
                         {});
    const auto image = library.image(manifest);
    ASSERT_FALSE(image) << broken.name;
    EXPECT_EQ(image.error().code(), broken.code) << broken.name;
    EXPECT_THAT(image.error().message(), HasSubstr(broken.sentence)) << broken.name;
  }
}

TEST_F(Library, ThreadsThatAskAtOnceBuildOnce) {
  TarWriter tar;
  for (int i = 0; i < 2000; ++i) tar.file(std::to_string(i), std::string(1000, 'x'));
  const Descriptor manifest = add_image({add_layer(tar), add_layer(TarWriter().file("a"))});
  auto library = open();
  std::vector<ImagePtr> images(8);
  {
    std::vector<std::jthread> threads;
    for (ImagePtr& image : images)
      threads.emplace_back([&] { image = library.image(manifest).value_or(nullptr); });
  }
  for (const ImagePtr& image : images) EXPECT_EQ(image, images.front());
  EXPECT_NE(images.front(), nullptr);
  EXPECT_EQ(library.stats().indexes_built, 2u);
  EXPECT_EQ(library.stats().trees_built, 1u);
}

TEST_F(Library, WhatWasStoppedIsBuiltTheNextTime) {
  const Descriptor layer = add_layer(TarWriter().file("a", "content"));
  const Descriptor manifest = add_image({layer});
  auto library = open();
  std::stop_source source;
  source.request_stop();
  const Context stopped{.stop = source.get_token(), .deadline = {}};
  EXPECT_EQ(library.image(manifest, stopped).error().code(), Errc::cancelled);
  EXPECT_EQ(library.layer(layer, stopped).error().code(), Errc::cancelled);
  EXPECT_EQ(library.layer_tree(layer, stopped).error().code(), Errc::cancelled);
  EXPECT_EQ(all_images(library.reader(), stopped).error().code(), Errc::cancelled);
  EXPECT_TRUE(library.image(manifest));
}

TEST_F(Library, BuildingALayerEndsInItsMiddleWithARequestToStop) {
  const Descriptor layer = add_layer(TarWriter().file("a", std::string(8 << 20, 'a')));
  std::stop_source source;
  const auto progress = [&](const Descriptor&, std::uint64_t) { source.request_stop(); };
  ImageLibrary library(std::shared_ptr<const LayoutReader>(open_dir(layout_.path()).value()),
                       IndexCache(dir_ / "cache"), {.progress = progress});
  EXPECT_EQ(library.layer(layer, {.stop = source.get_token(), .deadline = {}}).error().code(),
            Errc::cancelled);
  EXPECT_EQ(library.stats().indexes_built, 0u);
  EXPECT_TRUE(library.layer(layer)) << "that one was stopped says nothing of the layer";
}

}  // namespace
}  // namespace layoutfs
