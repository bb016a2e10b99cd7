// `layoutfs config`.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tools/cli/command.h"
#include "tools/cli/stop_signals.h"
#include "tools/cli/store.h"
#include "tools/commands/new_image_arguments.h"

namespace layoutfs::tools {
namespace {

struct ConfigCommand {
  ImageArguments image;
  std::vector<std::string> operands;  // LAYOUT[:REF] NEWREF; only the latter if --layout is given
  NewImageArguments created;
  ConfigArguments config;
};

int edit(ConfigCommand command, Output& output) {
  auto reference = command.image.take_operand_before("config", std::move(command.operands), "NEWREF");
  if (!reference) return report(reference.error());
  command.created.reference = std::move(*reference);
  auto config = command.config.parse();
  if (!config) return report(config.error());
  if (config->is_empty() && command.created.annotations.empty())
    return report(
        Error(Errc::invalid_argument, "config: nothing to change: no option of the configuration is given"));
  auto changes = changes_of(command.created, std::move(*config), "layoutfs config" + command.config.text());
  if (!changes) return report(changes.error());
  changes->step.is_empty_layer = true;
  const StopSignals signals;
  auto layout = open_image_layout(command.image, command.created, signals.context());
  if (!layout) return report_opening(layout.error());
  const auto digest = put_new_image(*layout, command.created, *changes, signals.context());
  if (!digest) return signals.report_write(digest.error());
  output << digest->str() << "\n";
  return kDone;
}

}  // namespace

void add_config_command(Command program, int& exit_code) {
  const auto arguments = std::make_shared<ConfigCommand>();
  const Command command =
      program.add_subcommand("config", "Make an image with another configuration and the same layers");
  command.usage(new_image_operands());
  command.add_option("OPERANDS", arguments->operands, "The image, and the reference of the new one")
      .type_name(new_image_operands());
  command.example("layoutfs config --env MODE=test --cmd '[\"/bin/app\"]' ./img:app app-test");
  command.example("layoutfs config --label tier- --force ./img:app app", "remove a label");
  arguments->config.add_options(command);
  arguments->created.add_options(command);
  arguments->image.add_options(command);
  command.callback([arguments, &exit_code] {
    exit_code = with_output([&](Output& output) { return edit(std::move(*arguments), output); });
  });
}

}  // namespace layoutfs::tools
