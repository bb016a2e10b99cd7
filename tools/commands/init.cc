// `layoutfs init`.
#include <memory>
#include <string>

#include "core/oci/reference.h"
#include "layoutfs/open.h"
#include "tools/cli/store.h"

namespace layoutfs::tools {

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
    DirOptions options;
    if (arguments->uses_refs_dir) options.created_with = ReferenceFormat::refs_dir;
    if (auto made = create_dir(path, options); !made) exit_code = report_write(made.error());
  });
}

}  // namespace layoutfs::tools
