// `layoutfs tags`.
#include <memory>
#include <string>

#include "core/base/json.h"
#include "tools/cli/registry.h"
#include "tools/cli/store.h"

namespace layoutfs::tools {
namespace {

struct TagsArguments {
  RegistryArguments registry;
  std::string repository;
  PageArguments page;
  bool is_json = false;
};

int list_tags(const TagsArguments& arguments, Output& output) {
  const auto page = parse_page(arguments.page);
  if (!page) return report(page.error());
  const auto store = open_registry_store(arguments.registry);
  if (!store) return report(store.error());
  const auto tags = store->registry->tags(arguments.repository, *page);
  if (!tags) return report(store->explained(tags.error()));
  if (!arguments.is_json) {
    for (const std::string& tag : *tags) output << tag << "\n";
    return kDone;
  }
  JsonWriter json;
  json.begin_object().key("version").integer(kStoreJsonVersion);
  json.key("repository").string(arguments.repository).key("tags").begin_array();
  for (const std::string& tag : *tags) json.string(tag);
  output << json.end_array().end_object().str() << "\n";
  return kDone;
}

}  // namespace

void add_tags_command(Command program, int& exit_code) {
  const auto arguments = std::make_shared<TagsArguments>();
  const Command command = program.add_subcommand("tags", "List the tags of a repository");
  command.example("layoutfs tags ./layouts team/app");
  command.example("layoutfs tags --limit 10 --after 1.0 ./layouts team/app");
  arguments->registry.add_options(command);
  command.add_option("REPOSITORY", arguments->repository, "").required();
  arguments->page.add_options(command, "TAG");
  command.add_flag("--json", arguments->is_json, "Print JSON").group(kOutputGroup);
  command.callback([arguments, &exit_code] {
    exit_code = with_output([&](Output& output) { return list_tags(*arguments, output); });
  });
}

}  // namespace layoutfs::tools
