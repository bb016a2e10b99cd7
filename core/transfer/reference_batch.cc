#include "core/transfer/reference_batch.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <string_view>
#include <utility>

#include "core/cas/named_entries.h"
#include "core/cas/reference_name.h"
#include "core/transfer/entry_naming.h"

namespace layoutfs {
namespace {

Status check_there(const LayoutReader& reader, const Digest& digest) {
  const auto is_there = reader.exists(digest);
  if (!is_there) return fail(Error(is_there.error()));
  if (!*is_there) return fail(Errc::not_found, digest.str() + ": no such blob");
  return {};
}

Status check_grammar(std::span<const NamedDescriptor> images) {
  for (const NamedDescriptor& image : images) {
    const bool is_own = image.is_entry && image.name == image.descriptor.ref_name().value_or("");
    if (!image.name.empty() && !is_own && !is_reference_name(image.name))
      return fail(Errc::invalid_argument, "invalid reference name '" + image.name + "'");
  }
  return {};
}

Error is_one_file(const std::string& name, const Descriptor& one, const Descriptor& other) {
  const Error several = ambiguous_name(name, {&one, &other});
  return {Errc::unsupported, several.message() + "; refs/ has one image per name"};
}

// Checks the current target of a name in refs/.
Status check_file(const LayoutReader& reader, const NamedDescriptor& image) {
  const auto there = reader.get_reference(image.name);
  if (!there) return there.error().code() == Errc::invalid_argument ? fail(Error(there.error())) : Status();
  if (!full_name(*there) || !full_name(image.descriptor) || full_name(*there) == full_name(image.descriptor))
    return {};
  return fail(Errc::clobber, is_one_file(image.name, *there, image.descriptor).message());
}

Status check_files(const LayoutReader& reader, std::span<const NamedDescriptor> images) {
  std::map<std::string_view, const NamedDescriptor*> named;
  for (const NamedDescriptor& image : images) {
    if (image.name.empty())
      return fail(Errc::unsupported, image.descriptor.digest.str() + ": references in refs/ need a name");
    const auto [found, is_new] = named.try_emplace(image.name, &image);
    const Descriptor& other = found->second->descriptor;
    const bool is_same =
        other.digest == image.descriptor.digest && full_name(other) == full_name(image.descriptor);
    if (!is_new && !is_same && image.is_entry) return fail(is_one_file(image.name, other, image.descriptor));
    if (auto file = check_file(reader, image); !file) return file;
  }
  return {};
}

// One by one: references in `refs/` are separate files.
Status put_each(Engine& engine, std::span<const NamedDescriptor> images, const Context& context) {
  for (const NamedDescriptor& image : images)
    if (auto put = engine.put_reference(image.name, image.descriptor, PutMode::replace, context); !put)
      return fail(std::move(put).error(), image.name);
  return {};
}

Status write_references(Engine& engine, const std::vector<NamedDescriptor>& images,
                        std::span<const Digest> needed, ReplacedEntry replaced, const Context& context) {
  if (auto checked = check_names(engine, images, replaced); !checked) return checked;
  const auto references = engine.references(context);
  if (!references) return fail(Error(references.error()));
  if ((*references)->document.empty()) return put_each(engine, images, context);
  const auto name_all = [&](const References& now) -> Result<ReferenceChanges> {
    for (const NamedDescriptor& image : images)
      if (auto there = check_there(engine, image.descriptor.digest); !there)
        return fail(std::move(there).error());
    for (const Digest& digest : needed)
      if (auto there = check_there(engine, digest); !there) return fail(std::move(there).error());
    return changes_to_name(now, images, replaced);
  };
  return engine.update_references(name_all, context);
}

}  // namespace

Status check_names(const LayoutReader& reader, std::span<const NamedDescriptor> images,
                   ReplacedEntry replaced) {
  if (auto valid = check_grammar(images); !valid) return valid;
  const auto references = reader.references();
  if (!references) return fail(Error(references.error()));
  if ((*references)->document.empty()) return check_files(reader, images);
  if (auto changes = changes_to_name(**references, images, replaced); !changes)
    return fail(std::move(changes).error());
  return {};
}

void ReferenceBatch::add(NamedDescriptor image) { entries_.lock()->push_back(std::move(image)); }

void ReferenceBatch::add(std::string name, Descriptor descriptor) {
  add(NamedDescriptor{std::move(name), std::move(descriptor)});
}

std::size_t ReferenceBatch::size() const { return entries_.lock()->size(); }

Status ReferenceBatch::write(Engine& engine, std::span<const Digest> needed, const Context& context) {
  std::vector<NamedDescriptor> images;
  images.swap(*entries_.lock());
  if (images.empty()) return {};
  auto written = write_references(engine, images, needed, replaced_, context);
  if (written) return written;
  // Before entries that were added in the meantime.
  auto entries = entries_.lock();
  std::ranges::move(*entries, std::back_inserter(images));
  entries->swap(images);
  return written;
}

}  // namespace layoutfs
