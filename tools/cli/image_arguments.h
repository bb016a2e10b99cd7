// The options and operands that select a layout, an image and a platform, and functions that open them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/cache/index_cache.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/error.h"
#include "layoutfs/layout_reader.h"
#include "layoutfs/platform.h"
#include "tools/cli/command_line.h"
#include "tools/cli/remote.h"

namespace layoutfs::tools {

// The kind of an operand that is a layout or an image in it (tools/commands/complete.h).
inline constexpr const char* kImageKind = "LAYOUT[:REF|@DIGEST]";

struct ImageArguments {
  std::string name;           // LAYOUT[:REF|@DIGEST], or docker://HOST/REPOSITORY[:TAG|@DIGEST]
  std::string layout;         // --layout, for ambiguous names
  std::string reference;      // --ref
  std::string platform;       // --platform; empty: the host's
  std::string cache_dir;      // --cache-dir; empty: the default
  bool follow_links = false;  // --follow-links
  RemoteArguments remote;     // of an image in a registry
  RemoteSettings remote_settings;
  // Adds the options, but not the operand `name`.
  void add_options(Command command);
  // Adds the options except --layout and --ref, for a command with several images.
  void add_common_options(Command command);
  // Adds the operand too, for a command that has no other ones.
  void add_operand_and_options(Command command);
  // missing_operand() if neither the operand nor --layout is given.
  Status check_given(const std::string& command) const;
  // For a command that has further operands: moves the first one to `name`, unless --layout is given.
  // missing_operand(), naming `expected`, if there is none.
  Status take_operand(const std::string& command, std::vector<std::string>& operands,
                      const std::string& expected = kImageKind);
  // For a command with one operand `kind` after the image: takes the image, and returns the operand.
  // missing_operand() and unexpected_operand().
  Result<std::string> take_operand_before(const std::string& command, std::vector<std::string> operands,
                                          const std::string& kind);
  // The same for a path that may be missing: nullopt.
  Result<std::optional<std::string>> take_operand_before_path(const std::string& command,
                                                              std::vector<std::string> operands);
};

struct OpenLayout {
  std::string path;
  std::shared_ptr<const LayoutReader> reader;
  std::string reference;  // empty if none was given
};
// Returns LAYOUT:REF, LAYOUT@DIGEST or LAYOUT, for messages. `reference` is a name, a position ("@3"), a
// digest, with or without '@', or empty.
std::string name_of_image(const std::string& layout, const std::string& reference);
// Opens the layout. An operand that is not a layout may be an image in the store of names (name_store.h),
// which stands for a layout and a digest. Errc::invalid_argument if two layouts or two references are given.
Result<OpenLayout> open_layout(const ImageArguments& arguments);
Result<Platform> platform_of(const ImageArguments& arguments);
// Returns the entry of the image: a manifest, or an index of several platforms.
Result<Descriptor> find_entry(const OpenLayout& layout, const ImageArguments& arguments);
// Returns the manifest of the image for the chosen platform.
Result<Descriptor> find_manifest(const OpenLayout& layout, const ImageArguments& arguments);
IndexCache open_cache(const std::string& cache_dir,
                      IndexCache::Keeping keeping = IndexCache::Keeping::where_possible);

}  // namespace layoutfs::tools
