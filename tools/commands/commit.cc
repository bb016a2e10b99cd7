// `layoutfs commit`.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tools/cli/command.h"
#include "tools/cli/stop_signals.h"
#include "tools/cli/store.h"
#include "tools/commands/commit_changes.h"
#include "tools/commands/new_image_arguments.h"

namespace layoutfs::tools {
namespace {

struct CommitCommand {
  std::string upper;
  ImageArguments image;
  std::vector<std::string> operands;  // LAYOUT[:REF] NEWREF; only the latter if --layout is given
  NewImageArguments created;
  ConfigArguments config;
  CommitOptions options;
};

int commit(CommitCommand command, Output& output) {
  if (command.upper.empty()) return report(missing_operand("commit", "UPPER " + new_image_operands()));
  auto reference = command.image.take_operand_before("commit", std::move(command.operands), "NEWREF");
  if (!reference) return report(reference.error());
  command.created.reference = std::move(*reference);
  auto config = command.config.parse();
  if (!config) return report(config.error());
  const auto changes = changes_of(command.created, std::move(*config), "layoutfs commit");
  if (!changes) return report(changes.error());
  if (auto checked = check_commit_options(command.options); !checked) return report(checked.error());
  const StopSignals signals;
  auto layout = open_image_layout(command.image, command.created, signals.context());
  if (!layout) return report_opening(layout.error());
  command.options.cache_dir = command.image.cache_dir;
  const auto digest =
      commit_changes(*layout, command.upper, command.created, *changes, command.options, signals.context());
  if (!digest) return signals.report_write(digest.error());
  output << digest->str() << "\n";
  return kDone;
}

}  // namespace

void add_commit_command(Command program, int& exit_code) {
  const auto arguments = std::make_shared<CommitCommand>();
  const Command command =
      program.add_subcommand("commit", "Make an image of an image and the changes that an overlay has kept");
  command.usage("UPPER " + new_image_operands());
  command
      .add_option("UPPER", arguments->upper,
                  "The directory of 'chroot --upper', or the upper directory of an overlay")
      .type_name("DIR");
  command
      .add_option("OPERANDS", arguments->operands,
                  "The image below the changes, and the reference of the new one")
      .type_name(new_image_operands());
  command.example("layoutfs commit ./changes ./img:app app-2");
  command.example("layoutfs commit --cmd '[\"/bin/app\"]' ./changes ./img:app app-2");
  arguments->options.add_options(command);
  arguments->created.add_options(command);
  arguments->config.add_options(command);
  arguments->image.add_options(command);
  command.callback([arguments, &exit_code] {
    exit_code = with_output([&](Output& output) { return commit(std::move(*arguments), output); });
  });
}

}  // namespace layoutfs::tools
