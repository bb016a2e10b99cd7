// The facts of one image that `inspect` and `history` show.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "layoutfs/descriptor.h"
#include "layoutfs/documents.h"
#include "layoutfs/error.h"
#include "tools/cli/image_arguments.h"

namespace layoutfs::tools {

// How many files have each xattr that a mount of the image hides.
using HiddenXattrs = std::map<std::string, std::uint64_t, std::less<>>;

struct LayerSummary {
  Descriptor descriptor;
  std::optional<std::uint64_t> unpacked_size;  // of the uncompressed stream, if that is known
  std::optional<std::uint64_t> files;          // entries but directories and whiteouts, if it is indexed
  std::optional<std::size_t> history;          // position of its history entry
};

struct ImageSummary {
  Descriptor entry;  // that the reference means: the manifest, or an index
  Descriptor manifest_descriptor;
  Manifest manifest;
  ImageConfig config;                 // empty if the manifest's config is not one of an image
  std::vector<Descriptor> platforms;  // the images of the index, one for each platform
  Annotations annotations;            // of the manifest, and of the index where the manifest has no such
  std::vector<LayerSummary> layers;   // from the base up
  std::uint64_t size = 0;             // of the layers, each once
};

// Reads the documents of the image, and the indexes of its layers that are in the cache; builds nothing.
Result<ImageSummary> summarize(const OpenLayout& layout, const ImageArguments& arguments);

// Beyond the image's own documents.
struct Surroundings {
  std::vector<Descriptor> referrers;   // signatures and others whose subject is the manifest or the index
  std::vector<std::string> problems;   // a sentence if referrers may be missing
  std::optional<HiddenXattrs> hidden;  // nothing if the image is not indexed
};
// Cost: reads each document of the layout once.
Surroundings surroundings_of(const OpenLayout& layout, const ImageArguments& arguments,
                             const ImageSummary& image);

}  // namespace layoutfs::tools
