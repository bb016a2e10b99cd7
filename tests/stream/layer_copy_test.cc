// Layers with long stretches without access points, read through a decoded copy: the right bytes, decoded
// once, even if the copy is lost.
#include "core/stream/layer_copy.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <future>
#include <latch>
#include <memory>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "core/stream/layer_stream.h"
#include "tests/support/gzip_blobs.h"
#include "tests/support/same_bytes.h"
#include "tests/support/stream_index_builder.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wrong_blob.h"
#include "tests/support/zstd_blobs.h"

namespace layoutfs {
namespace {

using testing::append;
using testing::gzip_members_of;
using testing::gzip_of;
using testing::gzip_of_one_block;
using testing::index_stream;
using testing::IndexedStream;
using testing::MemoryBlob;
using testing::same_bytes;
using testing::sample_bytes;
using testing::TempDir;
using testing::zstd_of;

constexpr std::uint64_t kMaxSpan = 10'000;
constexpr std::uint64_t kLongStretch = 50'000;
constexpr std::uint64_t kNoPoints = std::uint64_t{1} << 40;

// A blob, its index, and streams over it that share a directory.
struct Layer {
  Layer(Compression compression, Bytes content, std::uint64_t spacing = kNoPoints)
      : name(Digest::of(content)),
        indexed(index_stream(compression, content, spacing, kMaxSpan).value()),
        blob(std::make_shared<MemoryBlob>(std::move(content))) {}

  LayerStream stream(std::shared_ptr<CopyDirectory> directory, std::shared_ptr<SpanCache> cache) const {
    return LayerStream([blob = blob]() -> Result<BlobPtr> { return blob; }, indexed.index(), std::move(cache),
                       true, CopyPlace{std::move(directory), name});
  }
  std::uint64_t size() const { return indexed.plain.size(); }

  Digest name;
  IndexedStream indexed;
  BlobPtr blob;
};

void expect_read(const LayerStream& stream, const Layer& layer, std::uint64_t offset,
                 std::size_t size = 100) {
  Bytes out(size);
  const auto got = stream.read(out, offset);
  ASSERT_TRUE(got) << got.error().message();
  ASSERT_EQ(*got, std::min<std::uint64_t>(size, layer.size() - offset));
  EXPECT_TRUE(same_bytes(ByteView(out).first(*got), ByteView(layer.indexed.plain).subspan(offset, *got)))
      << "at " << offset;
}

class Copying : public ::testing::Test {
 protected:
  std::shared_ptr<CopyDirectory> directory(std::uint64_t budget = 10'000'000) const {
    return std::make_shared<CopyDirectory>(std::make_shared<const CacheDirectory>(dir_.path()),
                                           CopyDirectoryOptions{budget, kLongStretch});
  }
  std::string folder() const { return dir_ / "decoded/sha256"; }
  std::ptrdiff_t files() const {
    if (!std::filesystem::exists(folder())) return 0;
    return std::distance(std::filesystem::directory_iterator(folder()),
                         std::filesystem::directory_iterator());
  }
  // Makes the copy, complete.
  void make(const Layer& layer) const {
    const auto copies = directory();
    {
      const auto stream = layer.stream(copies, no_memory());
      expect_read(stream, layer, layer.size() - 10, 10);
    }
    ASSERT_EQ(copies->stats().made, 1U);
  }
  // Every read has to get its spans again.
  static std::shared_ptr<SpanCache> no_memory() { return std::make_shared<SpanCache>(0); }

  TempDir dir_;
};

const Layer& zstd_layer() {
  static const Layer layer(Compression::zstd, zstd_of(sample_bytes(700'000, 51), {.has_checksum = true}));
  return layer;
}

TEST_F(Copying, AJumpMakesACopyWithOneDecodingAndLaterReadsDecodeNothing) {
  Bytes mixed = gzip_of(sample_bytes(200'000, 52));
  append(mixed, gzip_of_one_block(sample_bytes(200'000, 53)));
  append(mixed, gzip_of(sample_bytes(200'000, 54)));
  for (const auto& layer : {zstd_layer(), Layer(Compression::gzip, gzip_of(sample_bytes(300'000, 55))),
                            Layer(Compression::gzip, std::move(mixed), 16 << 10)}) {
    const auto copies = directory();
    const auto cache = no_memory();
    const auto stream = layer.stream(copies, cache);
    expect_read(stream, layer, 390'000 % layer.size());
    std::mt19937_64 random(56);
    for (int round = 0; round < 200; ++round) expect_read(stream, layer, random() % layer.size(), 30'000);
    EXPECT_GT(copies->stats().spans_read, 100U);
    const auto decoded = cache->stats().decoded_bytes;
    expect_read(stream, layer, 390'000 % layer.size());
    EXPECT_EQ(cache->stats().decoded_bytes, decoded);
    EXPECT_EQ(files(), 1);
    std::filesystem::remove_all(dir_.path());
  }
}

TEST_F(Copying, EveryByteIsDecodedOnceHoweverManyJump) {
  const auto copies = directory();
  const auto cache = no_memory();
  {
    const auto stream = zstd_layer().stream(copies, cache);
    std::vector<std::jthread> threads;
    for (std::uint64_t seed = 0; seed < 8; ++seed)
      threads.emplace_back([&, seed] {
        std::mt19937_64 random(seed);
        for (int round = 0; round < 20; ++round)
          expect_read(stream, zstd_layer(), 200'000 + random() % 490'000, 5'000);
      });
  }
  EXPECT_LE(cache->stats().decoded_bytes, zstd_layer().size());
  EXPECT_LE(copies->stats().made, 1U);
}

TEST_F(Copying, TheNextMountUsesTheCopyAndDecodesNothing) {
  make(zstd_layer());
  const auto copies = directory();
  const auto cache = no_memory();
  const auto stream = zstd_layer().stream(copies, cache);
  expect_read(stream, zstd_layer(), 0, zstd_layer().size());
  expect_read(stream, zstd_layer(), 600'000);
  EXPECT_EQ(cache->stats().decoded_bytes, 0U);
  EXPECT_EQ(copies->stats().made, 0U);
}

TEST_F(Copying, TwoProcessesMayMakeTheSameOneAtOnce) {
  for (int round = 0; round < 5; ++round) {
    std::vector<std::jthread> processes;
    for (int i = 0; i < 2; ++i)
      processes.emplace_back([&] {
        const auto stream = zstd_layer().stream(directory(), no_memory());
        expect_read(stream, zstd_layer(), zstd_layer().size() - 10, 10);
        for (const std::uint64_t at : {300'000U, 600'000U}) expect_read(stream, zstd_layer(), at);
      });
    processes.clear();
    EXPECT_EQ(files(), 1);
    std::filesystem::remove_all(folder());
  }
}

TEST_F(Copying, AReaderThatGoesOnOrJumpsALittleNeedsNone) {
  const auto copies = directory();
  const auto cache = no_memory();
  const auto stream = zstd_layer().stream(copies, cache);
  for (std::uint64_t at = 0; at < zstd_layer().size(); at += 40'000) expect_read(stream, zstd_layer(), at);
  expect_read(stream, zstd_layer(), 45'000);
  EXPECT_EQ(copies->stats().spans_read, 0U);
  EXPECT_EQ(files(), 0);
}

TEST_F(Copying, StretchesThatAreShortAreNotCopied) {
  const Layer layer(Compression::gzip, gzip_members_of(sample_bytes(500'000, 57), 40'000), 16 << 10);
  const auto copies = directory();
  const auto stream = layer.stream(copies, no_memory());
  for (std::uint64_t at = 0; at < layer.size(); at += 1'000)
    expect_read(stream, layer, layer.size() - 1 - at);
  EXPECT_EQ(files(), 0);
}

TEST_F(Copying, ADamagedCopyIsDroppedAndMadeAnew) {
  make(zstd_layer());
  const std::string path = folder() + "/" + zstd_layer().name.hex();
  const auto size = std::filesystem::file_size(path);
  std::filesystem::resize_file(path, size / 2);
  std::filesystem::resize_file(path, size);
  const auto copies = directory();
  {
    const auto stream = zstd_layer().stream(copies, no_memory());
    expect_read(stream, zstd_layer(), 0, zstd_layer().size());
    EXPECT_EQ(copies->stats().dropped, 1U);
    for (const std::uint64_t at : {600'000U, 300'000U, 690'000U}) expect_read(stream, zstd_layer(), at);
  }
  EXPECT_EQ(copies->stats().made, 1U);
}

TEST_F(Copying, WhatIsNoCopyOfThisLayerIsDroppedAndMadeAnew) {
  make(zstd_layer());
  const std::string path = folder() + "/" + zstd_layer().name.hex();
  const Layer other(Compression::gzip, gzip_of(sample_bytes(700'000, 58)));
  make(other);
  const Bytes foreign = read_all(open_at(AT_FDCWD, folder() + "/" + other.name.hex(), O_RDONLY)->get(),
                                 "copy", std::size_t{1} << 24)
                            .value();
  for (const Bytes& content : {Bytes(), Bytes(100'000), foreign}) {
    testing::write_file(path, ByteView(content));
    const auto copies = directory();
    {
      const auto stream = zstd_layer().stream(copies, no_memory());
      expect_read(stream, zstd_layer(), zstd_layer().size() - 10, 10);
      EXPECT_EQ(copies->stats().dropped, 1U);
    }
    EXPECT_EQ(copies->stats().made, 1U);
  }
}

TEST_F(Copying, OneThatAloneExceedsTheBudgetIsNotMade) {
  const auto copies = directory(100'000);
  const auto stream = zstd_layer().stream(copies, no_memory());
  std::mt19937_64 random(59);
  for (int round = 0; round < 30; ++round)
    expect_read(stream, zstd_layer(), random() % zstd_layer().size(), 20'000);
  EXPECT_EQ(copies->stats().made, 0U);
  EXPECT_EQ(files(), 0);
}

TEST_F(Copying, AFullDiskIsWarnedOfOnceAndEverythingIsStillRead) {
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit full{100'000, before.rlim_max};
  const Layer other(Compression::gzip, gzip_of(sample_bytes(700'000, 60)));
  const auto copies = directory();
  ::testing::internal::CaptureStderr();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  for (const Layer* layer : {&zstd_layer(), &other}) {
    const auto stream = layer->stream(copies, no_memory());
    for (const std::uint64_t at : {600'000U, 300'000U, 690'000U}) expect_read(stream, *layer, at);
  }
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::ranges::count(log, '\n'), 1) << log;
  EXPECT_EQ(files(), 0);
}

TEST_F(Copying, ABrokenBlobIsReadUpToWhereItBreaksAndLeavesNoCopy) {
  Layer layer(Compression::gzip, gzip_of(sample_bytes(700'000, 61)));
  Bytes changed(layer.blob->size());
  ASSERT_EQ(layer.blob->read_at(changed, 0).value(), changed.size());
  changed[changed.size() * 3 / 4] ^= std::byte{1};
  layer.blob = std::make_shared<MemoryBlob>(std::move(changed));
  const auto copies = directory();
  const auto stream = layer.stream(copies, no_memory());
  for (int round = 0; round < 2; ++round) {
    expect_read(stream, layer, 300'000);
    Bytes out(10);
    const auto got = stream.read(out, layer.size() - 10);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code(), Errc::corrupt);
  }
  EXPECT_EQ(files(), 0);
}

TEST_F(Copying, ABlobThatFetchesWrongBytesAgainGetsACopyLater) {
  Layer layer = zstd_layer();
  const auto wrong = std::make_shared<testing::WrongBlob>(
      zstd_of(sample_bytes(700'000, 51), {.has_checksum = true}), layer.blob->size() / 2);
  layer.blob = wrong;
  const auto copies = directory();
  {
    const auto stream = layer.stream(copies, no_memory());
    expect_read(stream, layer, 600'000);
    EXPECT_TRUE(wrong->is_right());
    EXPECT_EQ(copies->stats().made, 0U);
    expect_read(stream, layer, layer.size() - 10, 10);
  }
  EXPECT_EQ(copies->stats().made, 1U);
  EXPECT_EQ(wrong->reports(), 1);
}

// Delivers only its first half until it is released.
class WaitingBlob final : public Blob {
 public:
  explicit WaitingBlob(BlobPtr blob) : blob_(std::move(blob)) {}
  std::uint64_t size() const noexcept override { return blob_->size(); }
  Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset, const Context&) const override {
    if (offset + out.size() <= size() / 2) return blob_->read_at(out, offset);
    if (offset < size() / 2) return blob_->read_at(out.first(size() / 2 - offset), offset);
    has_come_.test_and_set();
    has_come_.notify_all();
    released_.wait();
    return blob_->read_at(out, offset);
  }
  void wait_until_somebody_waits() const { has_come_.wait(false); }
  void release() { released_.count_down(); }

 private:
  BlobPtr blob_;
  mutable std::atomic_flag has_come_;
  mutable std::latch released_{1};
};

TEST_F(Copying, WhileOneIsMadeWhatItHasIsReadAndOtherLayersAreToo) {
  Layer slow(Compression::gzip, gzip_of(sample_bytes(2'000'000, 62)));
  const auto waiting = std::make_shared<WaitingBlob>(slow.blob);
  slow.blob = waiting;
  const auto copies = directory();
  const auto stream = slow.stream(copies, no_memory());
  std::jthread reader([&] { expect_read(stream, slow, 1'990'000); });
  waiting->wait_until_somebody_waits();
  expect_read(stream, slow, 200'000);
  EXPECT_EQ(copies->stats().spans_read, 1U);
  const auto other = zstd_layer().stream(copies, no_memory());
  for (const std::uint64_t at : {600'000U, 300'000U, 690'000U}) expect_read(other, zstd_layer(), at);
  EXPECT_EQ(files(), 1) << "one is made at a time";
  waiting->release();
}

TEST_F(Copying, AReaderThatWaitsForACopyCanBeStopped) {
  Layer slow(Compression::gzip, gzip_of(sample_bytes(2'000'000, 64)));
  const auto waiting = std::make_shared<WaitingBlob>(slow.blob);
  slow.blob = waiting;
  const auto copies = directory();
  const auto stream = slow.stream(copies, no_memory());
  std::stop_source stop;
  std::promise<Errc> ended;
  const std::jthread reader([&] {
    Bytes out(10);
    ended.set_value(stream.read(out, 1'990'000, {.stop = stop.get_token(), .deadline = {}}).error().code());
  });
  waiting->wait_until_somebody_waits();
  stop.request_stop();
  EXPECT_EQ(ended.get_future().get(), Errc::cancelled);
  waiting->release();
  expect_read(stream, slow, 1'990'000);
  EXPECT_EQ(copies->stats().spans_read, 1U) << "the copy is made all the same";
}

TEST_F(Copying, AStreamThatEndsTakesAnUnfinishedCopyWithIt) {
  const Layer layer(Compression::zstd, zstd_of(sample_bytes(3'000'000, 63)));
  const auto copies = directory(100'000'000);
  {
    const auto stream = layer.stream(copies, no_memory());
    expect_read(stream, layer, 100'000);
  }
  // It may have been faster.
  EXPECT_EQ(files(), static_cast<std::ptrdiff_t>(copies->stats().made));
}

}  // namespace
}  // namespace layoutfs
