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
  const auto store = open_registry_store(arguments.registry, ForeignEntry::error, arguments.keeps_untagged);
  if (!store) return report(store.error());
  return remove_names(arguments, *store, [&](const RegistryName& name) -> Status {
    if (is_digest_operand(name.object))
      return fail(Errc::invalid_argument,
                  "'" + name.object + "' is a digest: manifest rm removes a manifest by its digest");
    return store->registry->delete_tag(name.repository, name.object);
  });
}

void add_tag_rm_command(Command tag, int& exit_code) {
  const auto arguments = std::make_shared<TagRemoveArguments>();
  const Command command = tag.add_subcommand("rm", "Remove tags of a repository; their blobs stay until gc");
  add_remove_options(command, *arguments, "TAG",
                     "The tags, as `layoutfs tags` prints them; or REPOSITORY:TAG alone");
  command.add_flag("--keep-untagged", arguments->keeps_untagged,
                   "Keep a manifest that loses its last tag, without a tag");
  command.callback([arguments, &exit_code] { exit_code = remove_tag(*arguments); });
}

}  // namespace

void add_tag_command(Command program, int& exit_code) {
  const Command tag = program.add_subcommand("tag", "The tags of a repository: rm");
  add_tag_rm_command(tag, exit_code);
}

}  // namespace layoutfs::tools
