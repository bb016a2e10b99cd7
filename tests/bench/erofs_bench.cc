// How fast an image tree becomes EROFS metadata, and how large that is.
#include <benchmark/benchmark.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/erofs/erofs_image.h"
#include "core/image/merge.h"
#include "core/layer/indexer.h"
#include "tests/support/stream_index_builder.h"
#include "tests/support/tar_writer.h"

namespace layoutfs {
namespace {

using testing::TarWriter;

const Digest kImage = Digest::of({});

using TreePtr = std::shared_ptr<const ImageTree>;

// Keeps one tar at a time in memory.
class Layers {
 public:
  void add(const TarWriter& layer) {
    const Bytes tar = layer.bytes();
    const Digest digest = Digest::of(tar);
    auto file = index_layer(std::make_shared<testing::MemoryBlob>(tar), digest).value();
    indexes_.push_back(LayerIndex::open(SharedBytes::of(std::move(file)), digest).value());
  }
  TreePtr merge() const {
    return ImageTree::open(SharedBytes::of(merge_layers(kImage, indexes_).value()), kImage).value();
  }

 private:
  std::vector<std::shared_ptr<const LayerIndex>> indexes_;
};

// A thousand directories of a thousand files each, in ten layers.
TreePtr million() {
  Layers layers;
  for (int layer = 0; layer < 10; ++layer) {
    TarWriter tar;
    for (int in_layer = 0; in_layer < 100; ++in_layer) {
      const std::string directory = "usr/share/collection/" + std::to_string(100 * layer + in_layer);
      tar.dir(directory);
      for (int file = 0; file < 1000; ++file)
        tar.file(directory + "/document-" + std::to_string(1000 * in_layer + file) + ".txt", "x");
    }
    layers.add(tar);
  }
  return layers.merge();
}

// About as many entries, and of the same kinds, as Debian with some large packages: a directory has ten
// entries, one of them a directory; one entry in twelve is a symlink, and one in a thousand has an xattr.
TreePtr debian() {
  constexpr int kDirectories = 3000;
  Layers layers;
  TarWriter tar;
  std::vector<std::string> directories{"usr"};
  tar.dir("usr");
  for (int i = 0; i < kDirectories; ++i) {
    const std::string parent = directories[static_cast<std::size_t>(i) / 3];
    const std::string directory = parent + "/package-" + std::to_string(i);
    tar.dir(directory);
    directories.push_back(directory);
    for (int file = 0; file < 9; ++file) {
      const int number = 9 * i + file;
      const std::string path = directory + "/module-" + std::to_string(number * 7919 % 100'000) + ".so";
      if (number % 12 == 0)
        tar.symlink(path + ".1", "../shared/lib-part.so.1.2.3");
      else if (number % 1000 == 1)
        tar.file(path, "x", {.xattrs = {{"user.note", "some text"}}});
      else
        tar.file(path, "x");
    }
  }
  layers.add(tar);
  return layers.merge();
}

// The order of the streams is far from that of the tree: each layer replaces files in every directory.
TreePtr mixed() {
  Layers layers;
  for (int layer = 0; layer < 64; ++layer) {
    TarWriter tar;
    for (int i = 0; i < 8000; ++i) {
      const int number = (i * 61 + layer * 7919) % 200'000;
      tar.file("lib/module-" + std::to_string(number % 2000) + "/part-" + std::to_string(number), "x");
    }
    layers.add(tar);
  }
  return layers.merge();
}

std::size_t count_entries(const ImageTree& tree) {
  std::size_t entries = 0;
  for (Inode inode = 1; inode <= tree.inode_count(); ++inode) entries += tree.child_count(inode);
  return entries;
}

void make(benchmark::State& state, const std::function<TreePtr()>& make_tree) {
  const TreePtr tree = make_tree();
  std::size_t size = 0;
  for ([[maybe_unused]] auto _ : state)
    size = make_erofs(*tree, kImage, ErofsPlacement::two_devices).value().metadata.size();
  const auto entries = static_cast<double>(count_entries(*tree));
  state.counters["entries"] = entries;
  state.counters["entries/s"] =
      benchmark::Counter(entries * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
  state.counters["bytes/entry"] = static_cast<double>(size) / entries;
}

}  // namespace
}  // namespace layoutfs

int main(int argc, char** argv) {
  using namespace layoutfs;
  const std::vector<std::pair<std::string, TreePtr (*)()>> cases{
      {"debian", debian}, {"million", million}, {"mixed_layers_64", mixed}};
  for (const auto& [name, make_tree] : cases)
    benchmark::RegisterBenchmark(("erofs/" + name).c_str(), make, make_tree)->Unit(benchmark::kMillisecond);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
