// `layoutfs manifest`: rm.
#include <memory>
#include <string>

#include "tools/cli/store.h"
#include "tools/commands/registry_remove.h"

namespace layoutfs::tools {
namespace {

// Returns the error for a manifest without an entry of its own, to which another document of the repository
// refers.
Error in_an_index(const RegistryName& name) {
  return {Errc::denied,
          name.repository + "@" + name.object +
              ": no tag or entry of its own, but another document refers to it; remove that one"};
}

// Removes all entries of the manifest. Prints a notice if something else still protects it from garbage
// collection.
Status remove_one(const RegistryStore& store, const RegistryName& name) {
  Registry& registry = *store.registry;
  const auto object = find_object(store, name.repository, name.object);
  if (!object) return fail(Error(object.error()));
  if (object->is_tag())
    return fail(Errc::invalid_argument,
                "'" + name.object + "' is not a digest; remove a tag with: layoutfs tag rm");
  const Digest& digest = *object->digest;
  const auto referrers = registry.referrers(name.repository, digest);
  auto removed = registry.delete_manifest(name.repository, digest);
  const bool is_reachable = registry.resolve_manifest(name.repository, digest).has_value();
  if (!removed && registry_code(removed.error()) == RegistryCode::manifest_unknown && is_reachable)
    return fail(in_an_index(name));
  if (!removed) return removed;
  if (is_reachable) print_notice(digest.str() + ": another document still refers to it, so gc keeps it");
  if (referrers && !referrers->empty())
    print_notice(digest.str() + ": gc keeps it until its " + count_of(referrers->size(), "referrer") +
                 (referrers->size() == 1 ? " is" : " are") + " removed");
  return {};
}

int remove_manifest(const RegistryRemoveArguments& arguments) {
  const auto store = open_registry_store(arguments.registry);
  if (!store) return report(store.error());
  return remove_names(arguments, *store, [&](const RegistryName& name) { return remove_one(*store, name); });
}

void add_manifest_rm_command(Command manifest, int& exit_code) {
  const auto arguments = std::make_shared<RegistryRemoveArguments>();
  const Command command =
      manifest.add_subcommand("rm", "Remove manifests with all their tags; gc removes their blobs");
  command.usage("STORE REPOSITORY DIGEST...");
  command.usage("STORE REPOSITORY@DIGEST...");
  command.example("layoutfs manifest rm ./layouts team/app sha256:5b0bcabd...");
  command.example("layoutfs manifest rm ./layouts team/app@sha256:5b0bcabd...");
  add_remove_options(command, *arguments, "DIGEST", "");
  command.callback([arguments, &exit_code] { exit_code = remove_manifest(*arguments); });
}

}  // namespace

void add_manifest_command(Command program, int& exit_code) {
  const Command manifest = program.add_subcommand("manifest", "Remove manifests of a repository");
  for (const char* const word : {"get", "inspect", "show"})
    manifest.explain(word, "print a manifest with: layoutfs pull STORE REPOSITORY TAG");
  add_manifest_rm_command(manifest, exit_code);
}

}  // namespace layoutfs::tools
