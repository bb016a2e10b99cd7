// How fast one layer's bytes are decoded, indexed, hashed and served, and how fast an image tree answers.
#include <benchmark/benchmark.h>
#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/codec/codec.h"
#include "core/codec/span_digest.h"
#include "core/image/image_tree.h"
#include "core/image/merge.h"
#include "core/layer/indexer.h"
#include "core/layer/layer_index.h"
#include "core/stream/layer_stream.h"
#include "layoutfs/digest.h"
#include "tests/support/gzip_blobs.h"
#include "tests/support/stream_index_builder.h"
#include "tests/support/tar_writer.h"
#include "tests/support/zstd_blobs.h"

namespace layoutfs {
namespace {

using testing::MemoryBlob;
using testing::PiecewiseSource;

constexpr std::uint64_t kNever = std::numeric_limits<std::int64_t>::max();

// A tar of one file, so that there is hardly anything to do but to decode.
const Bytes& plain_layer() {
  static const Bytes tar = [] {
    const Bytes content = testing::sample_bytes(std::size_t{32} << 20, 1);
    return testing::TarWriter()
        .file("file", std::string(reinterpret_cast<const char*>(content.data()), content.size()))
        .bytes();
  }();
  return tar;
}

// The same in one compression; each is made once.
struct Layer {
  Compression compression;
  Bytes blob;
};
const Layer& gzip_layer() {
  static const Layer layer{Compression::gzip, testing::gzip_of(plain_layer())};
  return layer;
}
const Layer& zstd_layer() {
  static const Layer layer{Compression::zstd, testing::zstd_of(plain_layer())};
  return layer;
}
const Layer& zstd_frames_layer() {
  static const Layer layer{
      Compression::zstd, [] {
        constexpr std::size_t kFrame = std::size_t{4} << 20;
        Bytes blob;
        for (std::size_t at = 0; at < plain_layer().size(); at += kFrame)
          testing::append(
              blob, testing::zstd_of(
                        ByteView(plain_layer()).subspan(at, std::min(kFrame, plain_layer().size() - at))));
        return blob;
      }()};
  return layer;
}

void count_bytes(benchmark::State& state, std::size_t each) {
  state.SetBytesProcessed(static_cast<std::int64_t>(each) * state.iterations());
}

// -- the limits

void raw_inflate_zlib(benchmark::State& state) {
  const Bytes& blob = gzip_layer().blob;
  std::vector<Bytef> out(256 << 10);
  for ([[maybe_unused]] auto _ : state) {
    z_stream zlib{};
    if (inflateInit2(&zlib, MAX_WBITS + 16) != Z_OK) throw std::bad_alloc();
    zlib.next_in = reinterpret_cast<const Bytef*>(blob.data());
    zlib.avail_in = static_cast<uInt>(blob.size());
    int status = Z_OK;
    while (status == Z_OK) {
      zlib.next_out = out.data();
      zlib.avail_out = static_cast<uInt>(out.size());
      status = inflate(&zlib, Z_NO_FLUSH);
    }
    if (status != Z_STREAM_END) state.SkipWithError("zlib");
    inflateEnd(&zlib);
  }
  count_bytes(state, plain_layer().size());
}
BENCHMARK(raw_inflate_zlib)->Unit(benchmark::kMillisecond);

void raw_inflate_isal(benchmark::State& state) {
  Bytes blob = gzip_layer().blob;
  std::vector<std::uint8_t> out(256 << 10);
  for ([[maybe_unused]] auto _ : state) {
    inflate_state isal;
    isal_inflate_init(&isal);
    isal.crc_flag = ISAL_GZIP;
    isal.next_in = reinterpret_cast<std::uint8_t*>(blob.data());
    isal.avail_in = static_cast<std::uint32_t>(blob.size());
    while (isal.block_state != ISAL_BLOCK_FINISH) {
      isal.next_out = out.data();
      isal.avail_out = static_cast<std::uint32_t>(out.size());
      if (isal_inflate(&isal) != ISAL_DECOMP_OK) {
        state.SkipWithError("ISA-L");
        return;
      }
    }
  }
  count_bytes(state, plain_layer().size());
}
BENCHMARK(raw_inflate_isal)->Unit(benchmark::kMillisecond);

void hash(benchmark::State& state, Algorithm algorithm) {
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(Digest::of(plain_layer(), algorithm));
  count_bytes(state, plain_layer().size());
}
BENCHMARK_CAPTURE(hash, sha256, Algorithm::sha256)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(hash, sha512, Algorithm::sha512)->Unit(benchmark::kMillisecond);

void hash_span(benchmark::State& state) {
  const auto span = ByteView(plain_layer()).first(kPointSpacing);
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(span_digest(span));
  count_bytes(state, span.size());
}
BENCHMARK(hash_span)->Unit(benchmark::kMicrosecond);

// -- the index pass

// Decoding with points every `spacing` bytes: their windows are thinned, verified and compressed. The cost of
// points is the difference to a pass without any.
void find_points(benchmark::State& state, const Layer& (*layer)(), std::uint64_t spacing) {
  const Layer& made = layer();
  Bytes out(std::size_t{256} << 10);
  std::size_t points = 0;
  for ([[maybe_unused]] auto _ : state) {
    PiecewiseSource source(made.blob);
    const auto decoder = start_indexing(made.compression, source, spacing);
    points = 0;
    while (true) {
      const auto step = decoder->step(out).value();
      if (step.point) ++points;
      if (step.end) break;
    }
  }
  count_bytes(state, plain_layer().size());
  state.counters["points"] = static_cast<double>(points);
}
BENCHMARK_CAPTURE(find_points, gzip_none, gzip_layer, kNever)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(find_points, gzip_64K, gzip_layer, std::uint64_t{64} << 10)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(find_points, gzip_512K, gzip_layer, kPointSpacing)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(find_points, zstd_none, zstd_layer, kNever)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(find_points, zstd_512K, zstd_layer, kPointSpacing)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(find_points, zstd_frames_512K, zstd_frames_layer, kPointSpacing)
    ->Unit(benchmark::kMillisecond);

// All of the pass: with the digests of blob, stream and spans, and the entries of the tar.
void index_pass(benchmark::State& state, const Layer& (*layer)()) {
  const auto blob = std::make_shared<MemoryBlob>(layer().blob);
  const Digest digest = Digest::of(layer().blob);
  std::size_t size = 0;
  for ([[maybe_unused]] auto _ : state) size = index_layer(blob, digest).value().size();
  count_bytes(state, plain_layer().size());
  state.counters["index_percent"] =
      100 * static_cast<double>(size) / static_cast<double>(layer().blob.size());
}
// Wall-clock time, because hashing runs on other threads.
BENCHMARK_CAPTURE(index_pass, gzip, gzip_layer)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(index_pass, zstd, zstd_layer)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(index_pass, zstd_frames, zstd_frames_layer)->UseRealTime()->Unit(benchmark::kMillisecond);

// -- spans

// Reads 4 KiB at random offsets, all from the cache or none: with no budget, each read decodes its span.
void read_spans(benchmark::State& state, const Layer& (*layer)(), std::uint64_t budget) {
  const auto blob = std::make_shared<MemoryBlob>(layer().blob);
  const Digest digest = Digest::of(layer().blob);
  const auto index = LayerIndex::open(SharedBytes::of(index_layer(blob, digest).value()), digest).value();
  const auto cache = std::make_shared<SpanCache>(budget);
  const LayerStream stream([&] { return Result<BlobPtr>(blob); }, index->stream(), cache);
  Bytes out(4096);
  if (budget != 0)
    for (std::uint64_t at = 0; at < stream.size(); at += out.size()) stream.read(out, at).value();
  std::mt19937_64 random(2);
  for ([[maybe_unused]] auto _ : state)
    benchmark::DoNotOptimize(stream.read(out, random() % (stream.size() - out.size())).value());
}
BENCHMARK_CAPTURE(read_spans, hit, gzip_layer, std::uint64_t{256} << 20)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(read_spans, miss_gzip, gzip_layer, 0)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(read_spans, miss_zstd, zstd_layer, 0)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(read_spans, miss_zstd_frames, zstd_frames_layer, 0)
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

// -- the image tree

constexpr std::size_t kDirectories = 100, kFilesEach = 300;

std::string directory_name(std::size_t number) { return "directory-" + std::to_string(number); }
std::string file_name(std::size_t number) { return "a-file-of-some-name-" + std::to_string(number); }

const ImageTree& tree() {
  static const std::shared_ptr<const ImageTree> made = [] {
    testing::TarWriter tar;
    for (std::size_t i = 0; i < kDirectories; ++i) {
      tar.dir(directory_name(i));
      for (std::size_t j = 0; j < kFilesEach; ++j) tar.file(directory_name(i) + "/" + file_name(j));
    }
    const Bytes layer = tar.bytes();
    const Digest digest = Digest::of(layer);
    auto file = index_layer(std::make_shared<MemoryBlob>(layer), digest).value();
    const std::vector indexes{LayerIndex::open(SharedBytes::of(std::move(file)), digest).value()};
    const Digest image = Digest::of({});
    return ImageTree::open(SharedBytes::of(merge_layers(image, indexes).value()), image).value();
  }();
  return *made;
}

void lookup(benchmark::State& state) {
  std::mt19937_64 random(3);
  std::vector<std::pair<std::string, std::string>> paths;
  for (int i = 0; i < 10'000; ++i)
    paths.emplace_back(directory_name(random() % kDirectories), file_name(random() % kFilesEach));
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    const auto& [directory, file] = paths[next++ % paths.size()];
    const auto found = tree().find(*tree().find(kRootInode, directory), file);
    benchmark::DoNotOptimize(tree().inode(*found).size);
  }
  state.SetItemsProcessed(2 * state.iterations());
}
BENCHMARK(lookup);

void readdir(benchmark::State& state) {
  const Inode directory = *tree().find(kRootInode, directory_name(7));
  for ([[maybe_unused]] auto _ : state)
    for (std::size_t rank = 0; rank < tree().child_count(directory); ++rank) {
      const DirectoryEntry child = tree().child(directory, rank);
      benchmark::DoNotOptimize(child.name);
      benchmark::DoNotOptimize(tree().inode(child.inode).size);
    }
  state.SetItemsProcessed(static_cast<std::int64_t>(kFilesEach) * state.iterations());
}
BENCHMARK(readdir)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace layoutfs

BENCHMARK_MAIN();
