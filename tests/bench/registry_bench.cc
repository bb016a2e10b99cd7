// Speed of a registry: tags and repositories of large stores, and chunked pushes compared with hashing alone.
#include <benchmark/benchmark.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "layoutfs/open.h"
#include "layoutfs/registry.h"
#include "tests/support/layout_writer.h"

namespace layoutfs {
namespace {

constexpr std::size_t kTags = 10'000, kRepositories = 1'000, kPage = 100;
constexpr std::size_t kChunk = std::size_t{5} << 20, kPushed = std::size_t{1} << 30;
constexpr std::string_view kRepository = "bench/app";

std::string numbered(std::string_view name, std::size_t number) {
  const std::string digits = std::to_string(number);
  return std::string(name) + std::string(5 - digits.size(), '0') + digits;
}

// A repository with kTags tags.
struct ManyTags {
  ManyTags() {
    testing::LayoutWriter layout(directory / "layout");
    std::vector<Descriptor> entries;
    for (std::size_t i = 0; i < kTags; ++i)
      entries.push_back(
          testing::named(layout.blob("{\"number\":" + std::to_string(i) + "}", testing::kManifestType),
                         std::string(kRepository) + ":" + numbered("v", i)));
    layout.write_index(entries);
    registry = open_registry(layout.path()).value();
  }

  testing::TempDir directory;
  std::unique_ptr<Registry> registry;
};

void resolve_tag(benchmark::State& state) {
  const ManyTags many;
  std::size_t number = 0;
  for ([[maybe_unused]] auto _ : state)
    benchmark::DoNotOptimize(
        many.registry->resolve_tag(kRepository, numbered("v", number++ % kTags)).value());
}

void page_of_tags(benchmark::State& state) {
  const ManyTags many;
  const Page page{numbered("v", kTags / 2), static_cast<std::size_t>(state.range(0))};
  for ([[maybe_unused]] auto _ : state)
    benchmark::DoNotOptimize(many.registry->tags(kRepository, page).value());
}

void page_of_repositories(benchmark::State& state) {
  const testing::TempDir directory;
  for (std::size_t i = 0; i < kRepositories; ++i) {
    testing::LayoutWriter layout(directory / numbered("r", i));
    layout.write_index({testing::named(layout.blob("{}", testing::kManifestType), "v1")});
  }
  const auto registry = open_repositories(directory / ".").value();
  const Page page{numbered("r", kRepositories / 2), static_cast<std::size_t>(state.range(0))};
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(registry->repositories(page).value());
}

Bytes chunk() { return Bytes(kChunk, std::byte{'x'}); }

void hash_alone(benchmark::State& state) {
  const Bytes piece = chunk();
  for ([[maybe_unused]] auto _ : state) {
    Hasher hasher;
    for (std::size_t done = 0; done < kPushed; done += piece.size()) hasher.update(piece);
    benchmark::DoNotOptimize(hasher.finish());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * kPushed));
}

void push_in_chunks(benchmark::State& state) {
  const Bytes piece = chunk();
  for ([[maybe_unused]] auto _ : state) {
    const testing::TempDir directory;
    const auto registry = open_registry(directory / "layout").value();
    auto writer = registry->push_blob_chunked(kRepository, kChunk).value();
    for (std::size_t done = 0; done < kPushed; done += piece.size()) writer->write(piece).value();
    benchmark::DoNotOptimize(writer->commit(writer->digest().value()).value());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * kPushed));
}

BENCHMARK(resolve_tag)->Name("registry/resolve_tag_of_10000")->Unit(benchmark::kMicrosecond);
BENCHMARK(page_of_tags)
    ->Name("registry/page_of_10000_tags")
    ->Arg(10)
    ->Arg(100)
    ->Arg(1000)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(page_of_repositories)
    ->Name("registry/page_of_1000_repositories")
    ->Arg(10)
    ->Arg(100)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(hash_alone)->Name("registry/hash_1GiB_alone")->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(push_in_chunks)
    ->Name("registry/push_1GiB_in_5MiB_chunks")
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace layoutfs

BENCHMARK_MAIN();
