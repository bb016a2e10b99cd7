// Images made of tars in memory, and their content.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/image/image.h"
#include "core/image/merge.h"
#include "core/layer/indexer.h"
#include "tests/support/stream_index_builder.h"
#include "tests/support/tar_writer.h"

namespace layoutfs::testing {

inline const Digest kSomeImage = Digest::of(as_bytes("an image"));

inline std::shared_ptr<const LayerIndex> index_of(const Bytes& tar) {
  const Digest digest = Digest::of(tar);
  auto file = index_layer(std::make_shared<MemoryBlob>(tar), digest).value();
  return LayerIndex::open(SharedBytes::of(std::move(file)), digest).value();
}

inline Bytes merged_file(const std::vector<TarWriter>& layers, Whiteouts whiteouts = Whiteouts::apply) {
  std::vector<std::shared_ptr<const LayerIndex>> indexes;
  for (const TarWriter& layer : layers) indexes.push_back(index_of(layer.bytes()));
  return merge_layers(kSomeImage, indexes, whiteouts).value();
}

inline std::shared_ptr<const ImageTree> merged(const std::vector<TarWriter>& layers,
                                               Whiteouts whiteouts = Whiteouts::apply) {
  return ImageTree::open(SharedBytes::of(merged_file(layers, whiteouts)), kSomeImage).value();
}

// Tree and content.
inline Image image_of(const std::vector<TarWriter>& layers) {
  std::vector<std::shared_ptr<const LayerStream>> streams;
  std::vector<Digest> digests;
  const auto cache = std::make_shared<SpanCache>(1 << 20);
  for (const TarWriter& layer : layers) {
    const auto index = index_of(layer.bytes());
    const BlobPtr blob = std::make_shared<MemoryBlob>(layer.bytes());
    streams.push_back(std::make_shared<const LayerStream>([blob] { return blob; }, index->stream(), cache));
    digests.push_back(index->blob());
  }
  return Image(merged(layers), std::move(streams), std::move(digests));
}

// Every path below the root with one letter for its type, directories with their mode: "d755 etc", "f
// etc/hosts", "l bin -> usr/bin".
inline std::vector<std::string> listing(const ImageTree& tree) {
  std::vector<std::string> lines;
  std::vector<std::pair<Inode, std::string>> pending{{kRootInode, ""}};
  while (!pending.empty()) {
    const auto [directory, path] = pending.back();
    pending.pop_back();
    for (std::size_t rank = 0; rank < tree.child_count(directory); ++rank) {
      const auto [name, inode] = tree.child(directory, rank);
      const InodeView view = tree.inode(inode);
      const std::string child = path + std::string(name);
      constexpr std::string_view kLetters = "f?lcbdp";
      std::string line(1, kLetters[static_cast<std::size_t>(view.type)]);
      if (view.type == EntryType::directory) {
        line += octal(view.mode, 4).substr(0, 3);
        pending.emplace_back(inode, child + "/");
      }
      line += " " + child;
      if (view.type == EntryType::symlink) line += " -> " + std::string(view.target);
      lines.push_back(std::move(line));
    }
  }
  std::ranges::sort(lines, {}, [](const std::string& line) { return line.substr(line.find(' ')); });
  return lines;
}

}  // namespace layoutfs::testing
