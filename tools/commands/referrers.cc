// `layoutfs referrers`.
#include <memory>
#include <string>

#include "core/base/json.h"
#include "core/cas/descriptor_json.h"
#include "tools/cli/registry.h"
#include "tools/cli/store.h"

namespace layoutfs::tools {
namespace {

struct ReferrersArguments {
  RegistryArguments registry;
  std::string repository;
  std::string subject;  // TAG|DIGEST
  std::string artifact_type;
  bool is_json = false;
};

Result<Digest> subject_of(const RegistryStore& store, const ReferrersArguments& arguments) {
  // The repository need not have the subject itself.
  auto object = find_object(store, arguments.repository, arguments.subject);
  if (!object) return fail(std::move(object).error());
  if (!object->is_tag()) return *std::move(object->digest);
  const auto descriptor = store.registry->resolve_tag(arguments.repository, object->tag);
  if (!descriptor) return fail(Error(descriptor.error()));
  return descriptor->digest;
}

void print_referrers_json(const ReferrersArguments& arguments, const Digest& subject,
                          const std::vector<Descriptor>& referrers, Output& output) {
  JsonWriter json;
  json.begin_object().key("version").integer(kStoreJsonVersion);
  json.key("repository").string(arguments.repository).key("subject").string(subject.str());
  json.key("referrers").begin_array();
  for (const Descriptor& referrer : referrers) write_descriptor(json, referrer);
  output << json.end_array().end_object().str() << "\n";
}

int list_referrers(const ReferrersArguments& arguments, Output& output) {
  const auto store = open_registry_store(arguments.registry);
  if (!store) return report(store.error());
  const auto subject = subject_of(*store, arguments);
  if (!subject) return report(store->explained(subject.error()));
  const auto referrers = store->registry->referrers(arguments.repository, *subject, arguments.artifact_type);
  if (!referrers) return report(store->explained(referrers.error()));
  if (arguments.is_json) {
    print_referrers_json(arguments, *subject, *referrers, output);
    return kDone;
  }
  for (const Descriptor& referrer : *referrers)
    (output.digest(referrer.digest) << " " << pad(human_size(referrer.size), 8) << " ")
            .name(referrer.artifact_type.empty() ? "-" : referrer.artifact_type)
        << "\n";
  return kDone;
}

}  // namespace

void add_referrers_command(Command program, int& exit_code) {
  const auto arguments = std::make_shared<ReferrersArguments>();
  const Command command =
      program.add_subcommand("referrers", "List the referrers of a manifest, such as signatures");
  command.example("layoutfs referrers ./layouts team/app 1.2");
  command.example("layoutfs referrers --artifact-type application/spdx+json ./img app 1.2");
  arguments->registry.add_options(command);
  command.add_option("REPOSITORY", arguments->repository, "").required();
  command
      .add_option(kObjectKind, arguments->subject, "The manifest; it need not exist if its digest is given")
      .required();
  command.add_option("--artifact-type", arguments->artifact_type, "List only artifacts of this type")
      .type_name("TYPE");
  command.add_flag("--json", arguments->is_json, "Print JSON").group(kOutputGroup);
  command.callback([arguments, &exit_code] {
    exit_code = with_output([&](Output& output) { return list_referrers(*arguments, output); });
  });
}

}  // namespace layoutfs::tools
