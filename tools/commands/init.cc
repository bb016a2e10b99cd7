// `layoutfs init`.
#include <memory>
#include <string>

#include "layoutfs/open.h"
#include "tools/cli/store.h"

namespace layoutfs::tools {

void add_init_command(Command program, int& exit_code) {
  struct Arguments {
    std::string layout;
    bool uses_refs_dir = false;
  };
  const auto arguments = std::make_shared<Arguments>();
  const Command command =
      program.add_subcommand("init", "Make an empty layout, and the directories above it");
  command.add_option("LAYOUT", arguments->layout, "A path where nothing is yet").required();
  command.add_flag("--refs-dir", arguments->uses_refs_dir,
                   "Keep references as files in refs/, as before image-spec 1.0, not in index.json");
  command.callback([arguments, &exit_code] {
    constexpr std::string_view kPrefix = "oci:";
    std::string path = arguments->layout;
    if (path.starts_with(kPrefix)) path.erase(0, kPrefix.size());
    if (path.empty()) {
      exit_code = report(Error(Errc::invalid_argument, "no layout is named"));
      return;
    }
    DirOptions options;
    if (arguments->uses_refs_dir) options.created_with = ReferenceFormat::refs_dir;
    if (auto made = create_dir(path, options); !made) exit_code = report_write(made.error());
  });
}

}  // namespace layoutfs::tools
