#include "core/engines/stored_tar_split.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "core/layer/diff_id.h"
#include "layoutfs/open.h"
#include "tests/support/layout_writer.h"
#include "tests/support/store.h"
#include "tests/support/tar_split_reader.h"
#include "tests/support/tar_writer.h"

namespace layoutfs {
namespace {

using testing::LayoutWriter;
using testing::TarWriter;
using testing::TempDir;

// A layout with one layer of one file "a".
class StoredTarSplit : public ::testing::Test {
 protected:
  ImageLibrary library(IndexCache cache) {
    return ImageLibrary(std::shared_ptr<const LayoutReader>(open_dir(layout_.path()).value()),
                        std::move(cache), {});
  }
  static Result<TarSplitPtr> open(ImageLibrary& library, const LayerStack& stack) {
    const auto image = library.stack(stack).value();
    return open_tar_split(library.resources()->cache(), stack, *image,
                          *library.layer(stack.layers.back()).value());
  }
  static std::string text_of(const TarSplit& record) {
    IoBuffers out;
    record.read(out, 1 << 20, 0);
    Bytes all(out.size());
    out.copy_to(all);
    EXPECT_EQ(all.size(), record.size());
    return testing::gunzipped(as_text(all));
  }
  static std::string tar_of(const TarSplit& record) {
    return testing::rebuilt(text_of(record), [](const std::string&) { return "content"; }).tar;
  }
  std::string cached_file(const LayerStack& stack) {
    return dir_ / ("cache/tar-split/sha256/" + digest_of(stack).hex());
  }

  TempDir dir_;
  LayoutWriter layout_{dir_ / "layout"};
  const TarWriter tar_ = TarWriter().file("a", "content");
  const LayerStack stack_ = [this] {
    const Descriptor layer = layout_.blob(tar_.bytes(), testing::kTarType);
    return LayerStack{.layers = {layer}, .diff_ids = {layer.digest}};
  }();
};

TEST_F(StoredTarSplit, IsMadeOnce) {
  {
    auto first = library(IndexCache(dir_ / "cache"));
    EXPECT_EQ(tar_of(*open(first, stack_).value()), tar_.text());
  }
  // As large, but no layer any more.
  testing::write_file(layout_.blob_path(stack_.layers[0].digest), std::string(stack_.layers[0].size, 'x'));
  auto second = library(IndexCache(dir_ / "cache"));
  const auto stored = open(second, stack_);
  ASSERT_TRUE(stored) << stored.error().message();
  EXPECT_EQ(tar_of(**stored), tar_.text());
  EXPECT_EQ((*stored)->memory(), 0u);
}

TEST_F(StoredTarSplit, ADamagedFileIsMadeAgain) {
  auto first = library(IndexCache(dir_ / "cache"));
  const std::string before = text_of(*open(first, stack_).value());
  std::string file = testing::file_text(cached_file(stack_));
  file.back() ^= 1;
  testing::write_file(cached_file(stack_), file);
  EXPECT_EQ(
      open_cached_tar_split(IndexCache(dir_ / "cache"), stack_, *first.layer(stack_.layers[0]).value()->index)
          .error()
          .code(),
      Errc::corrupt);
  auto second = library(IndexCache(dir_ / "cache"));
  EXPECT_EQ(text_of(*open(second, stack_).value()), before);
}

TEST_F(StoredTarSplit, IsKeptInMemoryWithoutACacheDirectory) {
  auto library_in_memory = library(IndexCache());
  const auto record = open(library_in_memory, stack_).value();
  EXPECT_EQ(tar_of(*record), tar_.text());
  EXPECT_GT(record->memory(), 0u);
}

TEST_F(StoredTarSplit, OfADamagedLayerIsAnErrorThatLeavesNothing) {
  auto first = library(IndexCache(dir_ / "cache"));
  const auto image = first.stack(stack_).value();
  const auto layer = first.layer(stack_.layers[0]).value();
  testing::write_file(layout_.blob_path(stack_.layers[0].digest), std::string(stack_.layers[0].size, 'x'));
  const auto record = open_tar_split(IndexCache(dir_ / "cache"), stack_, *image, *layer);
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().code(), Errc::corrupt);
  EXPECT_TRUE(std::filesystem::is_empty(dir_ / "cache/tar-split/sha256"));
}

// Writers of zstd:chunked cut off blocks of zeros that the config's diffID includes.
TEST_F(StoredTarSplit, EndsWithTheBlocksThatTheDiffIdIncludes) {
  Hasher hasher;
  hasher.update(as_bytes(tar_.text(5)));
  const LayerStack longer{.layers = stack_.layers, .diff_ids = {std::move(hasher).finish()}};
  auto opened = library(IndexCache(dir_ / "cache"));
  EXPECT_EQ(tar_of(*open(opened, longer).value()), tar_.text(5));
  EXPECT_EQ(tar_of(*open(opened, stack_).value()), tar_.text()) << "the stored file is the same";
}

TEST_F(StoredTarSplit, CanBeReadFromAnyOffset) {
  auto opened = library(IndexCache(dir_ / "cache"));
  const LayerStack longer{.layers = stack_.layers, .diff_ids = {Digest::of(as_bytes(tar_.text(3)))}};
  const auto record = open(opened, longer).value();
  std::string whole;
  for (std::uint64_t offset = 0; offset < record->size(); offset += 10) {
    IoBuffers piece;
    record->read(piece, 10, offset);
    Bytes bytes(piece.size());
    piece.copy_to(bytes);
    whole += as_text(bytes);
  }
  EXPECT_EQ(whole.size(), record->size());
  EXPECT_EQ(testing::rebuilt(testing::gunzipped(whole), [](const std::string&) { return "content"; }).tar,
            tar_.text(3));
}

}  // namespace
}  // namespace layoutfs
