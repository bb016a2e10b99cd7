// The facts of one image, for `inspect`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fs/tree/view.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/documents.h"
#include "layoutfs/error.h"
#include "tools/cli/image_arguments.h"

namespace layoutfs::tools {

// The number of files with each xattr that a mount of the image hides.
using HiddenXattrs = std::map<std::string, std::uint64_t, std::less<>>;

struct LayerSummary {
  Descriptor descriptor;
  std::optional<std::uint64_t> unpacked_size;  // of the uncompressed stream, if known
  std::optional<std::uint64_t> files;  // entries except directories and whiteouts, if the layer is indexed
  std::optional<std::size_t> history;  // position of its history entry
};

struct ImageSummary {
  Descriptor entry;  // the target of the reference: the manifest, or an index
  Descriptor manifest_descriptor;
  Manifest manifest;
  ImageConfig config;                 // empty if the config is not an image config
  std::vector<Descriptor> platforms;  // the images of the index, one for each platform
  Annotations annotations;  // of the manifest, then of the index for keys that the manifest does not have
  std::vector<LayerSummary> layers;  // from the base upwards
  std::uint64_t size = 0;            // of the layers, each counted once; in bytes
};

// Reads the documents of the image, and the cached indexes of its layers. Builds no index.
Result<ImageSummary> summarize(const OpenLayout& layout, const ImageArguments& arguments);

// A mount of a single image.
struct MountedAt {
  std::string mount_point;
  View view;
};

// Facts from other documents than the image's own, and from the kernel.
struct Surroundings {
  std::vector<Descriptor>
      referrers;  // documents whose subject is the manifest or the index, such as signatures
  std::vector<std::string> problems;   // a sentence if the referrers may be incomplete
  std::optional<HiddenXattrs> hidden;  // nullopt if the image is not indexed
  std::vector<MountedAt> mounts;       // those that answer this user
};
// Cost: reads each document of the layout once, and asks each mount of layoutfs once. Single-threaded
// programs only: forks.
Surroundings surroundings_of(const OpenLayout& layout, const ImageArguments& arguments,
                             const ImageSummary& image);

}  // namespace layoutfs::tools
