// `layoutfs clean`.
#include <memory>
#include <string>

#include "tools/cli/store.h"

namespace layoutfs::tools {

void add_clean_command(Command program, int& exit_code) {
  const auto arguments = std::make_shared<LayoutArguments>();
  const Command command = program.add_subcommand("clean", "Remove the leftovers of interrupted writers");
  command.example("layoutfs clean ./img");
  command.example("layoutfs clean ./img && layoutfs gc ./img");
  arguments->add_options(command);
  command.callback([arguments, &exit_code] {
    const auto layout = open_to_write(*arguments);
    if (!layout)
      exit_code = report_opening(layout.error());
    else if (auto done = layout->engine->clean(); !done)
      exit_code = report_write(std::move(done).error().with(layout->path));
  });
}

}  // namespace layoutfs::tools
