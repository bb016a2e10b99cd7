#include "tools/cli/copy_target.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "core/cas/dir_engine.h"
#include "core/cas/driver.h"
#include "core/cas/named_entries.h"
#include "core/cas/reference_name.h"
#include "core/oci/entry_to_write.h"
#include "core/oci/familiar_name.h"
#include "core/oci/reference.h"
#include "core/oci/repository_names.h"
#include "core/oci/repository_tree.h"
#include "core/registry/repository_map.h"
#include "core/transfer/reference_batch.h"
#include "tools/cli/command.h"
#include "tools/cli/repositories_operand.h"

namespace layoutfs::tools {
namespace {

constexpr std::string_view kTarEnding = ".tar";

// Returns "PATH" of "PATH[:NAME]", up to the first colon.
std::string_view path_before_name(std::string_view text) { return text.substr(0, text.find(':')); }

// Returns whether `text` is the name of an image in a registry ("docker.io/library/alpine:3") and not a path:
// its first part is a host name or has a port, and is not an existing directory.
bool is_registry_name(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos || slash == 0 || text.starts_with('.')) return false;
  const std::string host(text.substr(0, slash));
  std::error_code failed;
  const bool is_host =
      host.find('.') != std::string::npos || host.find(':') != std::string::npos || host == "localhost";
  return is_host && !std::filesystem::exists(host, failed);
}

// Refuses destinations of other tools. `operand` is not an existing layout.
Status check_target(const std::string& operand) {
  const auto refuse = [&](const std::string& reason, const std::string& hint) -> Status {
    return fail(Error(Errc::unsupported, operand + ": " + reason).with_hint(hint));
  };
  constexpr std::array<std::string_view, 7> kTransports{
      "docker-daemon:", "containers-storage:", "docker-archive:", "dir:/", "dir:.", "ostree:", "sif:"};
  for (const std::string_view transport : kTransports)
    if (operand.starts_with(transport))
      return refuse("copy writes image layouts, OCI archives and registries only",
                    "copy to a layout first, then use: skopeo copy oci:LAYOUT:REF " + operand);
  std::string_view path = path_before_name(operand);
  if (operand.starts_with(kArchivePrefix) || operand.starts_with("oci:"))
    path = path_before_name(std::string_view(operand).substr(operand.find(':') + 1));
  else if (is_registry_name(operand))
    return refuse("the name of an image in a registry", "write docker://" + operand);
  for (const std::string_view ending :
       {".gz", ".tgz", ".zst", ".tzst", ".xz", ".txz", ".bz2", ".tbz2", ".lz4"})
    if (path.ends_with(ending) && path.size() > ending.size())
      return refuse("archives are written uncompressed, as their layers are compressed",
                    "use a name that ends in .tar");
  return {};
}

// Returns the entry's name in a repository, made from its own name or its full name.
Result<EntryName> entry_name_in(const NamedDescriptor& image, const std::string& given,
                                const std::string& repository) {
  if (!given.empty()) return parse_entry_name(given, repository);
  Descriptor named = image.descriptor;
  named.annotations.insert_or_assign(std::string(kRefName), image.name);
  return entry_name_of(named, repository);
}

// Removes the full name of an image to which the user gave another name.
void forget_other_full_name(NamedDescriptor& image, const std::string& given) {
  const auto full = full_name(image.descriptor);
  if (!full || given == image.descriptor.ref_name() || full_image_name(*full) == full_image_name(given))
    return;
  image.descriptor.annotations.erase(std::string(kContainerdName));
}

// Returns the error for two images with one tag.
Error one_tag(const std::string& tag, const NamedDescriptor& one, const NamedDescriptor& other) {
  if (one.name != other.name)
    return {Errc::invalid_argument,
            "'" + one.name + "' and '" + other.name + "' would both be named '" + tag + "'"};
  return {Errc::ambiguous,
          ambiguous_name(tag, {&one.descriptor, &other.descriptor}).message() +
              "; a tag of a repository names one (--platform chooses one of several platforms)"};
}

// Checks that each tag of the repository has one target, including existing entries.
Status check_tags(const LayoutReader& layout, const CopyJob& job) {
  const auto references = layout.references();
  if (!references) return fail(Error(references.error()), job.target);
  for (const NamedDescriptor& image : job.images)
    for (const Descriptor& entry : (*references)->entries) {
      if (image.name.empty() || entry.ref_name() != image.name || !full_name(entry)) continue;
      if (!full_name(image.descriptor) || full_name(entry) == full_name(image.descriptor)) continue;
      return fail(Errc::clobber, job.target + ": '" + image.name + "' is " + std::string(*full_name(entry)) +
                                     ", so " + std::string(*full_name(image.descriptor)) +
                                     " needs another name: a tag of a repository names one image");
    }
  return {};
}

}  // namespace

std::string_view CopyTarget::noun() const noexcept {
  switch (kind_) {
    case Kind::archive:
      return "archive";
    case Kind::remote:
      return "repository";
    default:
      return "layout";
  }
}

Result<CopyTarget> CopyTarget::parse(const std::string& operand, bool follow_links,
                                     const RemoteArguments& remote) {
  CopyTarget target;
  target.follow_links_ = follow_links;
  if (is_remote_name(operand)) {
    auto parsed = of_operand(RemoteName::parse(operand));
    if (!parsed) return fail(std::move(parsed).error());
    if (!parsed->digest.empty())
      return fail(Errc::invalid_argument, operand + ": expected a tag, not a digest");
    target.kind_ = Kind::remote;
    target.path_ = parsed->repository_name();
    target.name_ = std::move(parsed->tag);
    target.remote_ = remote;
    return target;
  }
  if (operand.starts_with(kRepositoriesPrefix)) {
    auto parsed = RepositoriesOperand::parse(operand);
    if (!parsed) return fail(std::move(parsed).error());
    if (!parsed->digest.empty())
      return fail(Errc::invalid_argument, operand + ": expected a tag, not a digest");
    target.kind_ = Kind::repositories;
    target.path_ = std::move(parsed->store);
    target.repository_ = std::move(parsed->repository);
    target.name_ = std::move(parsed->tag);
    return target;
  }
  std::string_view text = operand;
  auto existing = operand.starts_with(kArchivePrefix)
                      ? Result<ImageName>(fail(Errc::not_found, "a new archive"))
                      : of_operand(parse_image_name(operand));
  if (!existing)
    if (auto checked = check_target(operand); !checked) return fail(std::move(checked).error());
  if (existing) {
    target.path_ = std::move(existing->layout);
    target.name_ = std::move(existing->reference);
    if (!is_layout_dir(target.path_))
      return fail(Error(Errc::invalid_argument, target.path_ + ": existing archives cannot be changed")
                      .with_hint("copy to a new archive, as in: oci-archive:FILE"));
  } else if (operand.starts_with(kArchivePrefix)) {
    target.kind_ = Kind::archive;
    text.remove_prefix(kArchivePrefix.size());
  } else {
    const std::string_view prefix = builtin_drivers().prefix_of(text);
    text.remove_prefix(prefix.size());
    std::error_code failed;
    const std::string_view path = path_before_name(text);
    if (prefix.empty() && path.ends_with(kTarEnding) && path.size() > kTarEnding.size() &&
        !std::filesystem::is_directory(path, failed))
      target.kind_ = Kind::archive;
  }
  if (target.path_.empty()) {
    const auto colon = text.find(':');
    target.path_ = text.substr(0, colon);
    if (colon != std::string_view::npos) target.name_ = text.substr(colon + 1);
  }
  if (target.path_.empty()) return fail(Errc::invalid_argument, "copy: the path of DST is empty");
  if (!target.name_.empty() && !is_reference_name(target.name_))
    return fail(Errc::invalid_argument, "invalid reference name '" + target.name_ + "'");
  return target;
}

Result<CopyTarget::Destination> CopyTarget::destination_of(const SourceLayout& source,
                                                           const NamedDescriptor& image) const {
  const std::string& name = name_.empty() ? image.name : name_;
  if (kind_ == Kind::remote) {
    if (!name.empty() && !is_tag(name))
      return fail(
          Error(Errc::invalid_argument, "'" + name + "' is not a tag")
              .with_hint("copy one image and give its tag: layoutfs copy LAYOUT:REF " + path_ + ":TAG"));
    return Destination{path_, name};
  }
  if (kind_ != Kind::repositories) {
    const bool is_tag_of_source = !source.repository.empty() && name_.empty() && !name.empty();
    return Destination{path_, is_tag_of_source ? source.repository + ":" + name : name};
  }
  const std::string& repository = repository_.empty() ? source.repository : repository_;
  auto entry = entry_name_in(image, name_, repository);
  if (!entry)
    return fail(Errc::invalid_argument, "'" + name + "' is not a " +
                                            (repository.empty() ? "REPOSITORY:TAG" : "tag of " + repository) +
                                            "; give its new name: " + std::string(kRepositoriesPrefix) +
                                            "STORE:REPOSITORY:TAG");
  // An image of another repository keeps its tag.
  if (!repository_.empty()) entry->repository = repository_;
  if (!is_repository_directory(entry->repository))
    return fail(Errc::invalid_argument,
                "repository '" + entry->repository + "' cannot be beside the files of the layouts above it");
  if (auto way = RepositoryTree(path_).check_way(entry->repository); !way)
    return fail(std::move(way).error());
  return Destination{path_ + "/" + entry->repository,
                     entry->tag.empty() ? "" : entry->repository + ":" + entry->tag};
}

Status CopyTarget::check_one_name(const SourceLayout& source) const {
  const auto& images = source.images;
  if (name_.empty() || images.size() == 1) return {};
  // The manifests of several platforms are one image.
  const bool is_one = kind_ != Kind::repositories && kind_ != Kind::remote &&
                      std::ranges::all_of(images, [&](const NamedDescriptor& image) {
                        return image.descriptor.platform && image.name == images.front().name &&
                               full_name(image.descriptor) == full_name(images.front().descriptor);
                      });
  if (is_one) return {};
  return fail(Errc::invalid_argument, "'" + name_ + "' can name one image, and there are " +
                                          std::to_string(images.size()) + " in " + source.path +
                                          "; choose one of them, as in LAYOUT:REF");
}

Result<std::shared_ptr<Engine>> CopyTarget::open_existing(const std::string& path) {
  if (checked_engine_ != nullptr && checked_ == path) return checked_engine_;
  auto opened = open_dir(path, {.follow_links = follow_links_});
  if (!opened) return fail(std::move(opened).error());
  const std::shared_ptr<Engine> engine = std::move(*opened);
  if (checked_engine_ == nullptr) {
    checked_ = path;
    checked_engine_ = engine;
  }
  return engine;
}

Status CopyTarget::give_name(NamedDescriptor& image) {
  auto references = std::make_shared<const References>();
  if (kind_ == Kind::layout && is_layout_dir(path_)) {
    const auto engine = open_existing(path_);
    if (!engine) return fail(Error(engine.error()));
    auto present = (*engine)->references();
    if (!present) return fail(std::move(present).error(), path_);
    references = std::move(*present);
  }
  auto entry = find_entry_to_write(*references, name_, image.descriptor.digest);
  if (!entry) return fail(std::move(entry).error(), path_);
  image.name = std::move(entry->ref_name);
  if (entry->present) {
    std::string media_type = std::move(image.descriptor.media_type);
    image.descriptor = std::move(*entry->present);
    if (image.descriptor.media_type.empty()) image.descriptor.media_type = std::move(media_type);
    image.is_entry = true;
    return {};
  }
  forget_other_full_name(image, name_);
  if (entry->full_name)
    image.descriptor.annotations.insert_or_assign(std::string(kContainerdName), *entry->full_name);
  return {};
}

Result<std::vector<CopyJob>> CopyTarget::plan(const CopySource& source) {
  std::vector<CopyJob> jobs;
  for (const SourceLayout& layout : source.layouts) {
    if (!name_.empty() && source.layouts.size() > 1)
      return fail(Errc::invalid_argument,
                  "'" + name_ + "' can name one image, and there are several layouts");
    if (auto one = check_one_name(layout); !one) return fail(std::move(one).error());
    std::map<std::string, CopyJob> by_target;
    std::map<std::string, const NamedDescriptor*> taken;  // the image with each tag
    for (const NamedDescriptor& image : layout.images) {
      auto place = destination_of(layout, image);
      if (!place) return fail(std::move(place).error());
      const bool is_tag_of_repository = kind_ == Kind::repositories || kind_ == Kind::remote;
      if (is_tag_of_repository && !place->name.empty()) {
        const auto [holder, is_new] = taken.emplace(place->target + "/" + place->name, &image);
        const bool is_same = holder->second->descriptor.digest == image.descriptor.digest;
        if (!is_new && !is_same) return fail(one_tag(place->name, *holder->second, image));
      }
      NamedDescriptor placed = image;
      placed.name = std::move(place->name);
      // An existing entry loses a name that the user gave, or the tag of a repository.
      if (!placed.name.empty() && layout.images.size() == 1 && !name_.empty()) placed.is_entry = false;
      if (!placed.name.empty() && is_tag_of_repository) placed.is_entry = false;
      if (!name_.empty() && is_tag_of_repository) forget_other_full_name(placed, placed.name);
      if (!name_.empty() && !is_tag_of_repository)
        if (auto named = give_name(placed); !named) return fail(std::move(named).error());
      by_target[place->target].images.push_back(std::move(placed));
    }
    for (auto& [target, job] : by_target) jobs.push_back({layout.reader, target, std::move(job.images)});
  }
  return jobs;
}

Status CopyTarget::check(const CopyJob& job) {
  if (kind_ == Kind::remote) {
    const auto repository = open_remote(job);
    return repository ? (*repository)->check() : fail(Error(repository.error()));
  }
  if (kind_ == Kind::archive || !is_layout_dir(job.target)) return {};
  const auto engine = open_existing(job.target);
  if (!engine) return fail(Error(engine.error()));
  if (auto checked = check_names(**engine, job.images, ReplacedEntry::unnamed); !checked)
    return fail(std::move(checked).error(), job.target);
  return kind_ == Kind::repositories ? check_tags(**engine, job) : Status();
}

bool CopyTarget::creates(const CopyJob& job) const {
  return kind_ == Kind::archive || (kind_ != Kind::remote && !is_layout_dir(job.target));
}

Result<std::shared_ptr<RemoteEngine>> CopyTarget::open_remote(const CopyJob& job) const {
  const auto name = RemoteName::parse(job.target);
  if (!name) return fail(Error(name.error()));
  auto engine = open_remote_engine(*name, remote_);
  if (!engine) return fail(std::move(engine).error());
  const auto source = std::dynamic_pointer_cast<const RemoteLayout>(job.source);
  if (source != nullptr && source->name().host == name->host && source->name().repository != name->repository)
    (*engine)->set_origin(source->name().repository);
  return engine;
}

Result<std::shared_ptr<Engine>> CopyTarget::open(const CopyJob& job) {
  if (kind_ == Kind::remote) return open_remote(job);
  if (kind_ == Kind::archive) {
    if (archive_ == nullptr) {
      auto created = create_archive(path_);
      if (!created) return fail(std::move(created).error());
      archive_ = std::move(*created);
    }
    return archive_;
  }
  if (checked_engine_ != nullptr && checked_ == job.target) return std::exchange(checked_engine_, nullptr);
  auto engine = open_dir(job.target, {.create_if_missing = true,
                                      .is_beside_others = kind_ == Kind::repositories,
                                      .follow_links = follow_links_});
  if (!engine) return fail(std::move(engine).error());
  return std::shared_ptr<Engine>(std::move(*engine));
}

Status CopyTarget::finish() { return archive_ == nullptr ? Status() : archive_->finish(); }

}  // namespace layoutfs::tools
