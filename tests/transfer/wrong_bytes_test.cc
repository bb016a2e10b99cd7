// Copies from a source that delivers wrong bytes at first, as a network may.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "core/transfer/copy.h"
#include "tests/support/wrong_blob.h"
#include "tests/transfer/images.h"
#include "tests/transfer/memory_store.h"

namespace layoutfs::testing {
namespace {

class WrongCopies : public ::testing::TestWithParam<std::size_t> {
 protected:
  // A source with a layer with a byte that is wrong `times` times.
  std::shared_ptr<const WrongBlob> make_wrong(int times) {
    const ByteView bytes = as_bytes(content_);
    auto wrong = std::make_shared<WrongBlob>(Bytes(bytes.begin(), bytes.end()), bytes.size() / 2, times);
    source_->contents->blobs.insert_or_assign(layer_.digest, wrong);
    return wrong;
  }
  Result<CopyCounts> copy() { return copy_images(source_, target_, images_, CopyOptions()); }

  TempDir directory_;
  LayoutWriter writer_{directory_ / "source"};
  const std::string content_ = std::string(GetParam(), 'x');
  const Descriptor layer_ = writer_.blob(content_, kTarType);
  const std::vector<NamedDescriptor> images_{{"app", writer_.manifest(writer_.config({}), {layer_})}};
  const std::shared_ptr<outside::MemoryEngine> source_ = [this] {
    writer_.write_index({});
    auto memory = std::make_shared<outside::MemoryEngine>();
    must(copy_images(must(open_dir(writer_.path())), memory, images_, CopyOptions()));
    return memory;
  }();
  const std::shared_ptr<Engine> target_ = new_layout(directory_ / "target");
};
INSTANTIATE_TEST_SUITE_P(Sizes, WrongCopies, ::testing::Values(5'000, 3'000'000),
                         [](const auto& one) { return one.param < 1'000'000 ? "Small" : "Large"; });

TEST_P(WrongCopies, AreRepeatedUntilTheyAreRight) {
  const auto wrong = make_wrong(Blob::kMostRereads);
  const auto counts = copy();
  ASSERT_TRUE(counts) << counts.error().message();
  EXPECT_EQ(counts->copied_blobs, 3u);
  EXPECT_EQ(wrong->reports(), Blob::kMostRereads);
  Bytes stored(content_.size());
  EXPECT_EQ(must(must(target_->get_blob(layer_.digest))->read_at(stored, 0)), content_.size());
  EXPECT_EQ(as_text(stored), content_);
}

TEST_P(WrongCopies, EndWithAnErrorIfTheyStayWrong) {
  const auto wrong = make_wrong(WrongBlob::kForEver);
  const auto failed = copy();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Errc::digest_invalid);
  EXPECT_EQ(wrong->reports(), Blob::kMostRereads);
  EXPECT_FALSE(must(target_->exists(layer_.digest)));
}

}  // namespace
}  // namespace layoutfs::testing
