// Engines and registries of others: every interface can be implemented outside, and is copied from and to.
#include <gtest/gtest.h>

#include <random>

#include "core/transfer/copy.h"
#include "layoutfs/gc.h"
#include "tests/support/layout_writer.h"
#include "tests/transfer/images.h"
#include "tests/transfer/memory_store.h"

namespace layoutfs {
namespace {

using testing::must;

class FromOutside : public ::testing::Test {
 protected:
  FromOutside() { writer.write_index({image}); }
  static std::string noise(std::size_t size) {
    std::mt19937_64 random(7);
    std::string text(size, '\0');
    for (char& c : text) c = static_cast<char>(random());
    return text;
  }
  std::shared_ptr<Engine> layout() const { return must(open_dir(writer.path())); }
  std::vector<NamedDescriptor> all() const { return {{"app", image}}; }

  testing::TempDir directory;
  testing::LayoutWriter writer{directory / "layout"};
  const std::string content = noise(5'000'000);  // large enough to be put in pieces
  Descriptor layer = writer.blob(content, testing::kTarType);
  Descriptor image = writer.manifest(writer.config({layer.digest}), {layer});
};

TEST_F(FromOutside, ACopyIntoAnEngineOfOthersAndBackIsTheSame) {
  const auto between = std::make_shared<outside::MemoryEngine>();
  must(copy_images(layout(), between, all()));
  EXPECT_EQ(must(between->list_references({})), std::vector<std::string>{"app"});
  EXPECT_EQ(must(between->list_all_blobs()), must(layout()->list_all_blobs()));
  const std::shared_ptr<Engine> back = testing::new_layout(directory / "back");
  must(copy_images(between, back, all()));
  EXPECT_EQ(must(back->list_all_blobs()), must(layout()->list_all_blobs()));
  EXPECT_EQ(must(back->get_reference("app")).digest, image.digest);
}

TEST_F(FromOutside, AnUploadOfOthersIsGoneOnWith) {
  const auto target = std::make_shared<outside::MemoryEngine>();
  {
    const auto upload = must(target->start_upload(layer.digest.hex().substr(0, 32)));
    must(upload->append(as_bytes(content).first(3'000'000)));
    must(upload->close());
  }
  EXPECT_EQ(must(copy_images(layout(), target, all())).reused_bytes, 3'000'000u);
  EXPECT_EQ(target->contents->committed_uploads, 1);
  EXPECT_EQ(testing::read_text(*must(target->get_blob(layer.digest))), content);
}

TEST_F(FromOutside, GarbageOfAnEngineOfOthersIsCollected) {
  outside::MemoryEngine engine;
  const auto garbage = must(testing::put_text(engine, "garbage")).digest;
  const auto result = collect_garbage(engine, {.grace = {}});
  EXPECT_FALSE(result.ended_by);
  EXPECT_FALSE(must(engine.exists(garbage)));
}

TEST_F(FromOutside, ACopyIntoARegistryOfOthersAndBackIsTheSame) {
  const auto registry = std::make_shared<outside::MemoryRegistry>();
  {
    const auto source = must(open_source(layout(), ""));
    const auto destination = must(open_destination(registry, "shop/app", "v1"));
    must(testing::copy_image(*source, *destination));
  }
  EXPECT_EQ(must(registry->resolve_tag("shop/app", "v1", {})).digest, image.digest);
  EXPECT_GT(registry->engine.contents->committed_uploads, 0) << "blobs come through its BlobWriter";
  const std::shared_ptr<Engine> back = testing::new_layout(directory / "back");
  const auto source = must(open_source(registry, "shop/app", "v1"));
  const auto destination = must(open_destination(back, "app"));
  must(testing::copy_image(*source, *destination));
  EXPECT_EQ(must(back->list_all_blobs()), must(layout()->list_all_blobs()));
}

}  // namespace
}  // namespace layoutfs
