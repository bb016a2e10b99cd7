// `layoutfs tag`: rm.
#include <memory>

#include "tools/cli/store.h"
#include "tools/commands/registry_remove.h"

namespace layoutfs::tools {
namespace {

struct TagRemoveArguments : RegistryRemoveArguments {
  bool keeps_untagged = false;
};

int remove_tag(const TagRemoveArguments& arguments) {
  const auto store = open_registry_store(arguments.registry, ForeignEntry::skip_without_repository,
                                         arguments.keeps_untagged);
  if (!store) return report(store.error());
  return remove_names(arguments, *store, [&](const RegistryName& name) -> Status {
    const auto object = find_object(*store, name.repository, name.object);
    if (!object) return fail(Error(object.error()));
    if (!object->is_tag())
      return fail(Errc::invalid_argument,
                  "'" + name.object + "' is a digest; remove a manifest with: layoutfs manifest rm");
    return store->registry->delete_tag(name.repository, object->tag);
  });
}

void add_tag_rm_command(Command tag, int& exit_code) {
  const auto arguments = std::make_shared<TagRemoveArguments>();
  const Command command = tag.add_subcommand("rm", "Remove tags of a repository; gc removes their blobs");
  command.usage("STORE REPOSITORY TAG...");
  command.usage("STORE REPOSITORY:TAG...");
  command.example("layoutfs tag rm ./layouts team/app 1.1");
  command.example("layoutfs tag rm ./layouts team/app:1.1 team/tool:0.9");
  add_remove_options(command, *arguments, "TAG", "");
  command.add_flag("--keep-untagged", arguments->keeps_untagged, "Keep a manifest that loses its last tag");
  command.callback([arguments, &exit_code] { exit_code = remove_tag(*arguments); });
}

}  // namespace

void add_tag_command(Command program, int& exit_code) {
  const Command tag = program.add_subcommand("tag", "Remove tags of a repository");
  for (const char* const word : {"ls", "list"})
    tag.explain(word, "list the tags of a repository with: layoutfs tags STORE REPOSITORY");
  tag.explain(
      "", "name an image with: layoutfs image tag LAYOUT:REF NAME; add a reference with: layoutfs ref put");
  add_tag_rm_command(tag, exit_code);
}

}  // namespace layoutfs::tools
