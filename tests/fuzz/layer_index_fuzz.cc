// Fuzzes the loader of layer index files. An accepted file must be safe to inspect, to read a stream with,
// and to merge. An input is the size of a blob (two bytes), the blob, and the tables.
#include "core/image/image_tree.h"
#include "core/image/merge.h"
#include "core/layer/layer_index.h"
#include "core/layer/layer_tables.h"
#include "core/stream/layer_stream.h"
#include "tests/fuzz/table_fuzz.h"

namespace layoutfs::fuzzing {
namespace {

volatile unsigned seen;  // prevents the reads from being optimized away

void look_at(const LayerIndex& index) {
  unsigned sum = touch(index.diff_id().str()) + touch(index.blob().str());
  std::uint64_t xattrs = 0;
  const auto entries = index.entries();
  check(entries->size() == index.entry_count(), "the number of entries is wrong");
  for (std::size_t i = 0; i < entries->size(); ++i) {
    const EntryView entry = entries->entry(i);
    check(entry.type <= EntryType::fifo && entry.mode <= 07777, "an entry is out of range");
    sum += touch(entry.path) + touch(entry.target);
    for (const Extent& extent : entry.extents)
      check(extent.offset + extent.size <= entry.size, "an extent is outside of its file");
    // Entries may share xattrs: a limit keeps small files with many references to them from taking long.
    for (std::uint32_t n = 0; n < entry.xattr_count && xattrs < 10'000; ++n, ++xattrs) {
      const auto [name, value] = entries->xattr(entry.first_xattr + n);
      sum += touch(name) + touch(value);
    }
  }
  seen = sum;
}

// Reads at the boundaries of spans; every result except a crash is accepted.
void read_stream(const LayerIndex& index, const Bytes& blob) {
  const auto content = std::make_shared<testing::MemoryBlob>(blob);
  const auto cache = std::make_shared<SpanCache>(1 << 20);
  const StreamIndex stream = index.stream();
  const LayerStream verified([content] { return content; }, stream, cache, true);
  const LayerStream trusting([content] { return content; }, stream, cache, false);
  Bytes buffer(5000);
  for (std::size_t i = 0; i < std::min<std::size_t>(stream.spans.size(), 8); ++i) {
    for (const std::uint64_t offset : {stream.spans[i].offset, stream.span_end(i) - 1}) {
      for (const LayerStream* layer : {&verified, &trusting}) {
        const auto size = layer->read(buffer, offset);
        if (size)
          check(*size <= std::min<std::uint64_t>(buffer.size(), stream.size - offset), "too much was read");
      }
    }
  }
}

void run(Input input) {
  const std::size_t blob_size = input.below(1 << 16);
  const Bytes blob = copy_of(input.bytes(blob_size));
  const auto index =
      LayerIndex::open(sealed(TableKind::layer_index, kLayerIndexVersion, input.rest()), kSubject);
  if (!index) return;
  look_at(**index);
  read_stream(**index, blob);
  for (const Whiteouts whiteouts : {Whiteouts::apply, Whiteouts::show}) {
    const std::array layers{*index, *index};
    auto tree = merge_layers(kSubject, layers, whiteouts);
    if (tree)
      must(ImageTree::open(SharedBytes::of(*std::move(tree)), kSubject), "a merged tree does not open");
  }
}

}  // namespace
}  // namespace layoutfs::fuzzing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  layoutfs::fuzzing::run({data, size});
  return 0;
}
