// The options and steps that the commands share that derive a new image: commit, config, chroot --commit.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/commit/new_image.h"
#include "layoutfs/context.h"
#include "layoutfs/engine.h"
#include "tools/cli/command_line.h"
#include "tools/cli/image_arguments.h"

namespace layoutfs::tools {

// The operands of commit and config.
inline std::string new_image_operands() { return std::string(kImageKind) + " NEWREF"; }

struct NewImageArguments {
  std::string reference;  // of the new image: NEWREF
  std::string author, message, created;
  std::vector<std::string> annotations;  // KEY=VALUE or KEY-
  bool is_forced = false;
  // Adds the options for the history, the annotations and the reference.
  void add_options(Command command);
};

struct ConfigArguments {
  std::vector<std::string> environment, labels, ports;  // NAME=VALUE or NAME-; PORT[/PROTOCOL] or PORT-
  std::vector<std::string> entrypoint, cmd;             // words, or one JSON array
  std::string user, working_directory;
  std::optional<Option> user_option, working_directory_option;  // for is_given()
  void add_options(Command command);
  // Errc::invalid_argument, naming the option.
  Result<ConfigChanges> parse() const;
  // Returns the options as they were given, for the history.
  std::string text() const;
};

// Returns the changes that the options describe. `created_by` is the command of the history entry.
// Errc::invalid_argument, naming the option.
Result<ImageChanges> changes_of(const NewImageArguments& arguments, ConfigChanges config,
                                std::string created_by);

// The layout of the base and of the new image.
struct ImageLayout {
  std::string path;
  std::unique_ptr<Engine> engine;
  BaseImage base;
};
// Opens the layout for writing, reads the base, and checks that the new image can get its name. Changes
// nothing. Errors of open_layout(), find_manifest(), BaseImage::read() and check_new_name(); Errc::io and
// EROFS for an archive; Errc::unsupported for a registry.
Result<ImageLayout> open_image_layout(const ImageArguments& image, const NewImageArguments& arguments,
                                      const Context& context);

// Stores the documents of the new image and its reference, in this order. Returns the digest of its manifest,
// or of its index. Errors name the layout.
Result<Digest> put_new_image(ImageLayout& layout, const NewImageArguments& arguments,
                             const ImageChanges& changes, const Context& context);

}  // namespace layoutfs::tools
