// `layoutfs clean`.
#include <memory>
#include <string>

#include "tools/cli/store.h"

namespace layoutfs::tools {

void add_clean_command(Command program, int& exit_code) {
  const auto layout = std::make_shared<StoreArguments>();
  const Command command = program.add_subcommand(
      "clean", "Remove what interrupted writers left behind; never a blob or a reference");
  layout->add_options(command);
  command.callback([layout, &exit_code] {
    const auto store = open_store(*layout);
    if (!store)
      exit_code = report(store.error());
    else if (auto done = store->engine->clean(); !done)
      exit_code = report_write(std::move(done).error().with(store->path));
  });
}

}  // namespace layoutfs::tools
