// The common behaviour of all engines: bytes in order, whole documents.
#include "layoutfs/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "layoutfs/open.h"
#include "tests/support/layout_writer.h"
#include "tests/support/wrong_blob.h"

namespace layoutfs {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::LayoutWriter;
using ::testing::StartsWith;
using testing::TempDir;
using testing::write_file;
using testing::WrongBlob;

class AnEngine : public ::testing::Test {
 protected:
  TempDir directory;
  LayoutWriter layout{directory / "layout"};
  std::unique_ptr<Engine> engine = open_dir(layout.path()).value();
};

TEST_F(AnEngine, ABlobSourceGivesAllBytesInOrder) {
  std::string text;
  for (int i = 0; text.size() < 700'000; ++i) text += std::to_string(i) + ",";
  const auto blob = engine->get_blob(layout.blob(text, "").digest).value();
  for (const std::size_t start : {std::size_t{0}, std::size_t{5}, std::size_t{131'072}, text.size()})
    for (const std::size_t piece : {1000u, 131'072u, 300'000u}) {
      BlobSource source(blob, start);
      std::string got;
      Bytes out(piece);
      // Small reads between the large ones come from the buffer.
      for (bool is_small = true;; is_small = !is_small) {
        const auto part = std::span(out).first(is_small ? 7 : piece);
        const auto size = source.read(part).value();
        if (size == 0) break;
        got += as_text(part.first(size));
      }
      EXPECT_EQ(got, text.substr(start)) << start << " " << piece;
      EXPECT_EQ(source.read(out).value(), 0u);
    }
}

// Content of zeros that records the largest read.
class RecordingBlob final : public Blob {
 public:
  explicit RecordingBlob(std::uint64_t size) : size_(size) {}
  std::uint64_t size() const noexcept override { return size_; }
  Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset, const Context&) const override {
    largest = std::max(largest, out.size());
    return static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), size_ - std::min(offset, size_)));
  }
  mutable std::size_t largest = 0;  // bytes

 private:
  std::uint64_t size_;
};

// Clearing a buffer of full size takes longer than reading a small blob.
TEST(ABlobSource, NeedsNoMoreMemoryThanItsBlob) {
  const auto blob = std::make_shared<const RecordingBlob>(300);
  BlobSource source(blob);
  std::size_t size = 0;
  for (Bytes piece(7);;) {
    const auto got = source.read(piece).value();
    if (got == 0) break;
    size += got;
  }
  EXPECT_EQ(size, 300u);
  EXPECT_LE(blob->largest, 300u);
}

TEST_F(AnEngine, ABlobSourceHandsOnTheErrorOfItsBlob) {
  const auto digest = layout.blob(std::string(300'000, 'x'), "").digest;
  BlobSource source(engine->get_blob(digest).value());
  std::filesystem::resize_file(layout.blob_path(digest), 140'000);
  Bytes out(1000);
  Result<std::size_t> size = 1;
  for (int i = 0; i < 1000 && size; ++i) size = source.read(out);
  ASSERT_FALSE(size);
  EXPECT_EQ(size.error().code(), Errc::corrupt);
}

TEST_F(AnEngine, ReadsADocumentThatMatchesItsDescriptor) {
  const auto text = read_document(*engine, layout.blob("{}", ""));
  ASSERT_TRUE(text);
  EXPECT_EQ(as_text(*text), "{}");
}

TEST_F(AnEngine, ADocumentOfAnotherSizeIsCorrupt) {
  auto descriptor = layout.blob("{}", "");
  descriptor.size = 3;
  const auto text = read_document(*engine, descriptor);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code(), Errc::corrupt);
  EXPECT_EQ(text.error().message(), descriptor.digest.str() + ": blob has 2 bytes, but its descriptor has 3");
}

TEST_F(AnEngine, ADocumentOfAnotherContentIsCorrupt) {
  const auto descriptor = layout.blob("{}", "");
  write_file(layout.blob_path(descriptor.digest), "[]");
  const auto text = read_document(*engine, descriptor);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code(), Errc::corrupt);
  EXPECT_EQ(text.error().message(),
            descriptor.digest.str() + ": content has digest " + Digest::of(as_bytes("[]")).str());
}

TEST_F(AnEngine, WrongBytesOfADocumentFromANetworkAreFetchedAgain) {
  struct Network final : Provider {
    Result<BlobPtr> get_blob(const Digest&, const Context&) const override { return blob; }
    std::shared_ptr<const WrongBlob> blob;
  } network;
  const ByteView text = as_bytes("{\"a\": 1}");
  const Descriptor descriptor{.media_type = {}, .digest = Digest::of(text), .size = text.size()};
  network.blob = std::make_shared<WrongBlob>(Bytes(text.begin(), text.end()), 3, Blob::kMostRereads);
  const auto right = read_document(network, descriptor);
  ASSERT_TRUE(right) << right.error().message();
  EXPECT_EQ(as_text(*right), as_text(text));
  network.blob = std::make_shared<WrongBlob>(Bytes(text.begin(), text.end()), 3, WrongBlob::kForEver);
  EXPECT_EQ(read_document(network, descriptor).error().code(), Errc::corrupt);
  EXPECT_EQ(network.blob->reports(), Blob::kMostRereads);
}

TEST_F(AnEngine, AMissingDocumentIsNotFoundAndALargeOneUnsupported) {
  auto descriptor = layout.blob(std::string((4 << 20) + 1, ' '), "");
  EXPECT_EQ(read_document(*engine, descriptor).error().code(), Errc::unsupported);
  std::filesystem::remove(layout.blob_path(descriptor.digest));
  EXPECT_EQ(read_document(*engine, descriptor).error().code(), Errc::not_found);
}

TEST_F(AnEngine, AHostileSizeIsNeverAllocated) {
  auto descriptor = layout.blob("{}", "");
  descriptor.size = UINT64_MAX;
  EXPECT_EQ(read_document(*engine, descriptor).error().code(), Errc::corrupt);
  const auto digest = layout.blob("sparse", "").digest;
  std::filesystem::resize_file(layout.blob_path(digest), std::uintmax_t{1} << 40);
  EXPECT_EQ(
      read_document(*engine, Descriptor{.digest = digest, .size = std::uint64_t{1} << 40}).error().code(),
      Errc::unsupported);
}

}  // namespace
}  // namespace layoutfs
