// How fast large layers become an image tree, and how large it is: index, merge, and a walk like `ls -lR`.
#include <benchmark/benchmark.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/image/image_tree.h"
#include "core/image/merge.h"
#include "core/layer/indexer.h"
#include "tests/support/stream_index_builder.h"
#include "tests/support/tar_writer.h"

namespace layoutfs {
namespace {

using testing::MemoryBlob;
using testing::TarWriter;

constexpr std::size_t kMillion = 1'000'000;

// The input of a case: layers from the base to the top.
struct Case {
  std::vector<Bytes> layers;
  std::size_t entries = 0;
  std::size_t name_bytes = 0;  // of all entries' own names, without the directories above
};

// Writes one layer at a time, so that only one tar is in memory twice.
class CaseWriter {
 public:
  void begin_layer() { tar_ = TarWriter(); }
  void directory(const std::string& path) { count(path), tar_.dir(path); }
  void file(const std::string& path, const std::string& content) { count(path), tar_.file(path, content); }
  void end_layer() { made_.layers.push_back(tar_.bytes()); }
  Case take() { return std::move(made_); }

 private:
  void count(const std::string& path) {
    ++made_.entries;
    made_.name_bytes += path.size() - (path.rfind('/') == std::string::npos ? 0 : path.rfind('/') + 1);
  }
  TarWriter tar_;
  Case made_;
};

Case million_files() {
  CaseWriter writer;
  writer.begin_layer();
  for (std::size_t i = 0; i < kMillion; ++i) {
    const std::string directory = "usr/share/collection/" + std::to_string(i / 1000);
    if (i % 1000 == 0) writer.directory(directory);
    writer.file(directory + "/document-" + std::to_string(i) + ".txt", "");
  }
  writer.end_layer();
  return writer.take();
}

Case levels(std::size_t depth) {
  CaseWriter writer;
  writer.begin_layer();
  for (std::size_t branch = 0; branch < 200; ++branch) {
    std::string path = "branch-" + std::to_string(branch);
    for (std::size_t level = 0; level < depth; ++level) {
      writer.directory(path);
      writer.file(path + "/file", "");
      path += "/level-" + std::to_string(level);
    }
  }
  writer.end_layer();
  return writer.take();
}

Case wide_directory() {
  CaseWriter writer;
  writer.begin_layer();
  for (std::size_t i = 0; i < 10'000; ++i) writer.file("wide/entry-" + std::to_string(i * 7919 % 10'000), "");
  writer.end_layer();
  return writer.take();
}

Case many_layers() {
  CaseWriter writer;
  for (std::size_t layer = 0; layer < 128; ++layer) {
    writer.begin_layer();
    for (std::size_t i = 0; i < 1000; ++i)
      writer.file("lib/module-" + std::to_string((layer * 37 + i) % 5000) + "/part", "");
    writer.file("lib/.wh.module-" + std::to_string(layer), "");
    writer.end_layer();
  }
  return writer.take();
}

// As `ls -lR` asks: every name, and every inode's attributes.
std::size_t walk(const ImageTree& tree) {
  std::size_t seen = 0;
  std::vector<Inode> pending{kRootInode};
  while (!pending.empty()) {
    const Inode directory = pending.back();
    pending.pop_back();
    for (std::size_t rank = 0; rank < tree.child_count(directory); ++rank) {
      const DirectoryEntry child = tree.child(directory, rank);
      const InodeView inode = tree.inode(child.inode);
      benchmark::DoNotOptimize(inode.size);
      if (inode.type == EntryType::directory) pending.push_back(child.inode);
      ++seen;
    }
  }
  return seen;
}

std::shared_ptr<const LayerIndex> index_of(const Bytes& layer, std::size_t& index_size) {
  const Digest digest = Digest::of(layer);
  auto file = index_layer(std::make_shared<MemoryBlob>(layer), digest).value();
  index_size += file.size();
  return LayerIndex::open(SharedBytes::of(std::move(file)), digest).value();
}

void per_entry(benchmark::State& state, const Case& made) {
  state.SetItemsProcessed(static_cast<std::int64_t>(made.entries) * state.iterations());
  state.counters["entries"] = static_cast<double>(made.entries);
}

void index_layers(benchmark::State& state, const std::function<Case()>& make) {
  const Case made = make();
  std::size_t size = 0;
  for ([[maybe_unused]] auto _ : state) {
    size = 0;
    for (const Bytes& layer : made.layers) benchmark::DoNotOptimize(index_of(layer, size));
  }
  per_entry(state, made);
  state.counters["index_bytes/entry"] = static_cast<double>(size) / static_cast<double>(made.entries);
}

void merge(benchmark::State& state, const std::function<Case()>& make) {
  const Case made = make();
  std::size_t index_size = 0;
  std::vector<std::shared_ptr<const LayerIndex>> indexes;
  for (const Bytes& layer : made.layers) indexes.push_back(index_of(layer, index_size));
  const Digest image = Digest::of({});
  std::size_t size = 0;
  for ([[maybe_unused]] auto _ : state) {
    const Bytes file = merge_layers(image, indexes).value();
    size = file.size();
  }
  per_entry(state, made);
  state.counters["tree_bytes/entry_without_names"] =
      (static_cast<double>(size) - static_cast<double>(made.name_bytes)) / static_cast<double>(made.entries);
}

void list(benchmark::State& state, const std::function<Case()>& make) {
  const Case made = make();
  std::size_t index_size = 0;
  std::vector<std::shared_ptr<const LayerIndex>> indexes;
  for (const Bytes& layer : made.layers) indexes.push_back(index_of(layer, index_size));
  const Digest image = Digest::of({});
  const auto tree = ImageTree::open(SharedBytes::of(merge_layers(image, indexes).value()), image).value();
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(walk(*tree));
  per_entry(state, made);
}

}  // namespace
}  // namespace layoutfs

int main(int argc, char** argv) {
  using namespace layoutfs;
  const std::vector<std::pair<std::string, std::function<Case()>>> cases{
      {"million_files", million_files},
      {"levels_64", [] { return levels(64); }},
      {"directory_10000", wide_directory},
      {"layers_128", many_layers},
  };
  for (const auto& [name, make] : cases) {
    using Step = std::pair<std::string, void (*)(benchmark::State&, const std::function<Case()>&)>;
    for (const auto& [step, run] : {Step("index/", index_layers), Step("merge/", merge), Step("walk/", list)})
      benchmark::RegisterBenchmark((step + name).c_str(), run, make)->Unit(benchmark::kMillisecond);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
