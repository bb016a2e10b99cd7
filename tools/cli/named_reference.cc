#include "tools/cli/named_reference.h"

#include <utility>

#include "core/cas/named_entries.h"
#include "core/cas/reference_name.h"
#include "core/oci/entry_names.h"

namespace layoutfs::tools {
namespace {

Error taken(const std::string& name) {
  return Error(Errc::clobber, "reference '" + name + "' already exists").with_hint("replace it with --force");
}

}  // namespace

Result<EntryToWrite> entry_of_name(const LayoutReader& layout, const std::string& name,
                                   Descriptor& descriptor) {
  const auto references = layout.references();
  if (!references) return fail(Error(references.error()));
  auto entry = find_entry_to_write(**references, name, descriptor.digest);
  if (entry && entry->full_name && !full_name(descriptor))
    descriptor.annotations.insert_or_assign(std::string(kContainerdName), *entry->full_name);
  return entry;
}

Status check_new_name(const LayoutReader& layout, const std::string& name, bool is_forced) {
  using Rule = EntryNames::Rule;
  if (!is_reference_name(name))
    return fail(Errc::invalid_argument, "'" + name + "' is not a name of a reference");
  const auto references = layout.references();
  if (!references) return fail(Error(references.error()));
  const auto entry = find_entry_to_write(**references, name, {});
  if (!entry) return fail(Error(entry.error()));
  const auto rule = EntryNames((*references)->entries).match(name).rule;
  const bool exists = rule == Rule::ref_name || rule == Rule::full_name || rule == Rule::familiar;
  return exists && !is_forced ? Status(fail(taken(name))) : Status();
}

Status put_named(Engine& engine, const std::string& name, Descriptor descriptor, bool is_forced) {
  const auto entry = entry_of_name(engine, name, descriptor);
  if (!entry) return fail(Error(entry.error()));
  if (entry->present && entry->ref_name.empty()) return {};
  auto done =
      engine.put_reference(entry->ref_name, descriptor, is_forced ? PutMode::replace : PutMode::no_clobber);
  if (!done && done.error().code() == Errc::clobber && !is_forced) return fail(taken(name));
  return done;
}

}  // namespace layoutfs::tools
