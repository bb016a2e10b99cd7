// How the commands are told which layout, which image in it, and for which platform; and how they open it.
#pragma once

#include <memory>
#include <string>

#include "core/cache/index_cache.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/error.h"
#include "layoutfs/layout_reader.h"
#include "layoutfs/platform.h"
#include "tools/cli/command_line.h"

namespace layoutfs {
class Image;
}  // namespace layoutfs

namespace layoutfs::tools {

// What stands in a usage for a layout, or for an image in it; see tools/commands/complete.h.
inline constexpr const char* kImageKind = "LAYOUT[:REF|@DIGEST]";

struct ImageArguments {
  std::string name;           // LAYOUT[:REF|@DIGEST]
  std::string layout;         // --layout, for names that confuse
  std::string reference;      // --ref
  std::string platform;       // --platform; empty: the host's
  std::string cache_dir;      // --cache-dir; empty: the default
  bool follow_links = false;  // --follow-links
  // Adds the options; `name` is a positional argument of its own.
  void add_options(Command command);
};

struct OpenLayout {
  std::string path;
  std::shared_ptr<const LayoutReader> reader;
  std::string reference;  // empty where none was given
};
// What names no layout may be an image of the store of names (name_store.h): its layout then, and its digest.
// Errc::invalid_argument where the arguments name two layouts, or two references.
Result<OpenLayout> open_layout(const ImageArguments& arguments);
Result<Platform> platform_of(const ImageArguments& arguments);
// The entry that the arguments mean: a manifest, or an index of several platforms.
Result<Descriptor> find_entry(const OpenLayout& layout, const ImageArguments& arguments);
// The manifest that the arguments mean, on the platform they mean.
Result<Descriptor> find_manifest(const OpenLayout& layout, const ImageArguments& arguments);
IndexCache open_cache(const std::string& cache_dir,
                      IndexCache::Keeping keeping = IndexCache::Keeping::where_possible);
// Errc::corrupt, naming the first, where entries of the layers cannot be applied.
Status check_complete(const Image& image);

}  // namespace layoutfs::tools
