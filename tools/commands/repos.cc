// `layoutfs repos`.
#include <memory>

#include "core/base/json.h"
#include "core/base/list_text.h"
#include "tools/cli/registry.h"
#include "tools/cli/store.h"

namespace layoutfs::tools {
namespace {

struct ReposArguments {
  RegistryArguments registry;
  PageArguments page;
  bool is_json = false;
};

// A reference that is only a tag is in none of the repositories that are listed.
void notice_other_references(const RegistryStore& store) {
  const auto others = store.other_references();
  if (others.names.empty()) return;
  print_notice(store.path + ": " + count_of(others.names.size(), "reference") + " without a repository (" +
               list_of(others.names, 3) + ")" +
               (others.of_default.empty() ? "" : "; give one with --default-repository"));
}

int list_repositories(const ReposArguments& arguments, Output& output) {
  const auto page = parse_page(arguments.page);
  if (!page) return report(page.error());
  const auto store = open_registry_store(arguments.registry);
  if (!store) return report(store.error());
  const auto repositories = store->registry->repositories(*page);
  if (!repositories) return report(store->explained(repositories.error()));
  notice_other_references(*store);
  if (!arguments.is_json) {
    for (const std::string& name : *repositories) output << name << "\n";
    return kDone;
  }
  JsonWriter json;
  json.begin_object().key("version").integer(kStoreJsonVersion).key("repositories").begin_array();
  for (const std::string& name : *repositories) json.string(name);
  output << json.end_array().end_object().str() << "\n";
  return kDone;
}

}  // namespace

void add_repos_command(Command program, int& exit_code) {
  const auto arguments = std::make_shared<ReposArguments>();
  const Command command = program.add_subcommand("repos", "List the repositories of a store");
  command.example("layoutfs repos ./layouts");
  command.example("layoutfs repos --limit 10 --after team/app ./layouts");
  arguments->registry.add_options(command);
  arguments->page.add_options(command, "REPOSITORY");
  command.add_flag("--json", arguments->is_json, "Print JSON").group(kOutputGroup);
  command.callback([arguments, &exit_code] {
    exit_code = with_output([&](Output& output) { return list_repositories(*arguments, output); });
  });
}

}  // namespace layoutfs::tools
