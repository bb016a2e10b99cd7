// `layoutfs image label`.
#include <memory>
#include <string>
#include <vector>

#include "tools/cli/name_store.h"
#include "tools/cli/store.h"
#include "tools/commands/image.h"

namespace layoutfs::tools {
namespace {

struct LabelArguments {
  NameStoreArguments store;
  std::string name;
  std::vector<std::string> labels;
};

// Returns an empty value for a label to remove.
Result<std::pair<std::string, std::string>> parse_change(const std::string& text) {
  if (text.size() > 1 && text.ends_with('-') && !text.contains('='))
    return std::pair(text.substr(0, text.size() - 1), std::string());
  return parse_label(text);
}

int label(const LabelArguments& arguments) {
  NamedImage image{.name = arguments.name};
  std::vector<std::string> paths;
  for (const std::string& text : arguments.labels) {
    auto change = parse_change(text);
    if (!change) return report(change.error());
    paths.push_back("labels." + change->first);
    image.labels.insert_or_assign(std::move(change->first), std::move(change->second));
  }
  auto store = open_name_store(arguments.store);
  if (!store) return report(store.error());
  const auto updated = store->update(std::move(image), paths);
  return updated ? kDone : report_write(updated.error());
}

}  // namespace

Result<std::pair<std::string, std::string>> parse_label(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    return fail(Errc::invalid_argument, "label '" + text + "': expected KEY=VALUE");
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

void add_image_label_command(Command image, int& exit_code) {
  const auto arguments = std::make_shared<LabelArguments>();
  const Command command = image.add_subcommand("label", "Change the labels of an image");
  command.usage("NAME KEY=VALUE|KEY-...");
  command.example("layoutfs image label prod/app tier=test old-", "set one label, remove another");
  command.example("layoutfs image label prod/app layoutfs.layout=/srv/img", "its layout has moved");
  command.add_option("NAME", arguments->name, "").type_name(kImageNameKind).required();
  command.add_option("LABELS", arguments->labels, "KEY=VALUE to set a label, KEY- or KEY= to remove it")
      .type_name("KEY=VALUE")
      .required();
  arguments->store.add_options(command);
  command.callback([arguments, &exit_code] { exit_code = label(*arguments); });
}

}  // namespace layoutfs::tools
