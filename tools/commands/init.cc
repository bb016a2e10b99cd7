// `layoutfs init`.
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>

#include "core/cas/dir_engine.h"
#include "core/oci/reference.h"
#include "layoutfs/open.h"
#include "tools/cli/store.h"

namespace layoutfs::tools {
namespace {

// Returns the layout that contains the directory in which `path` is to be created; empty if there is none.
std::string layout_around(const std::string& path) {
  std::error_code failed;
  std::filesystem::path directory = std::filesystem::absolute(path, failed).lexically_normal();
  if (!directory.has_filename()) directory = directory.parent_path();
  // The nearest file that exists decides: below anything else nothing can be created.
  do {
    directory = directory.parent_path();
  } while (!std::filesystem::exists(directory, failed) && directory.has_relative_path());
  if (!std::filesystem::is_directory(directory, failed)) return "";
  for (;; directory = directory.parent_path()) {
    if (is_layout_dir(directory)) return directory;
    if (!directory.has_relative_path()) return "";
  }
}

}  // namespace

void add_init_command(Command program, int& exit_code) {
  struct Arguments {
    std::string layout;
    bool uses_refs_dir = false;
  };
  const auto arguments = std::make_shared<Arguments>();
  const Command command = program.add_subcommand("init", "Create an empty layout");
  command.example("layoutfs init ./img");
  command.example("layoutfs init ./img && layoutfs copy ./other:app ./img:app");
  command.add_option("LAYOUT", arguments->layout, "A path that does not exist").required();
  command.add_flag("--refs-dir", arguments->uses_refs_dir,
                   "Keep references as files in refs/ (image-spec before 1.0)");
  command.callback([arguments, &exit_code] {
    constexpr std::string_view kPrefix = "oci:";
    std::string path = arguments->layout;
    if (path.starts_with(kPrefix)) path.erase(0, kPrefix.size());
    if (path.empty()) {
      exit_code = report(Error(Errc::invalid_argument, "the path of the layout is empty"));
      return;
    }
    if (const auto name = parse_image_name(path); name && !name->reference.empty()) {
      exit_code = report(Error(Errc::invalid_argument, path + ": " + name->layout + " is a layout already")
                             .with_hint("add an image to it with: layoutfs copy SRC " + path));
      return;
    }
    if (const std::string above = layout_around(path); !above.empty()) {
      exit_code =
          report(Error(Errc::invalid_argument, path + ": inside the layout " + above)
                     .with_hint("add an image to that layout with: layoutfs copy SRC " + above + ":NAME"));
      return;
    }
    DirOptions options;
    if (arguments->uses_refs_dir) options.created_with = ReferenceFormat::refs_dir;
    if (auto made = create_dir(path, options); !made) exit_code = report_write(made.error());
  });
}

}  // namespace layoutfs::tools
