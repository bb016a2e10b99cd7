// `layoutfs ref`: get, ls and rm.
#include "tools/commands/ref.h"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/cas/descriptor_json.h"
#include "core/cas/named_entries.h"
#include "core/cas/reference_store.h"
#include "core/oci/entry_names.h"
#include "core/oci/reference.h"
#include "tools/cli/entry_json.h"
#include "tools/cli/store.h"

namespace layoutfs::tools {
namespace {

struct RefGetArguments {
  LayoutArguments layout;
  std::string name;
};

struct RefListArguments {
  LayoutArguments layout;
  bool is_long = false;
  bool is_json = false;
};

// Returns the descriptor without its name, like the engine.
Result<Descriptor> find_reference(const LayoutReader& layout, const std::string& name) {
  const auto references = layout.references();
  if (!references) return fail(Error(references.error()));
  const auto found = find_entries(**references, name);
  if (found) return unnamed((*references)->entries[found->front()]);
  // The references exclude entries that cannot be parsed; get_reference() reports the error of one.
  if (found.error().code() != Errc::not_found) return fail(Error(found.error()));
  auto named = layout.get_reference(name);
  if (!named && named.error().code() == Errc::not_found) return fail(Error(found.error()));
  return named;
}

int get_reference(const RefGetArguments& arguments, Output& output) {
  const auto layout = open_to_read(arguments.layout);
  if (!layout) return report(layout.error());
  auto descriptor = find_reference(*layout->reader, arguments.name);
  if (!descriptor) return report(std::move(descriptor).error().with(layout->path));
  JsonWriter json(JsonWriter::Style::indented);
  write_descriptor(json, *descriptor);
  output << json.str() << "\n";
  return kDone;
}

// Returns the entries with a name, by label, without duplicates.
std::map<std::string, const Descriptor*> by_label(const References& references) {
  const EntryNames names(references.entries);
  std::map<std::string, const Descriptor*> labelled;
  for (std::size_t i = 0; i < references.entries.size(); ++i) {
    const Descriptor& entry = references.entries[i];
    if (entry.ref_name() || full_name(entry)) labelled.emplace(names.label(i), &entry);
  }
  return labelled;
}

int list_references(const RefListArguments& arguments, Output& output) {
  const auto layout = open_to_read(arguments.layout);
  if (!layout) return report(layout.error());
  auto references = layout->reader->references();
  if (!references) return report(std::move(references).error().with(layout->path));
  for (const std::string& problem : (*references)->problems) print_error(layout->path + ": " + problem);
  JsonWriter json;
  json.begin_object().key("version").integer(kStoreJsonVersion).key("references").begin_array();
  for (const auto& [label, entry] : by_label(**references)) {
    if (arguments.is_json) {
      json.begin_object();
      write_names(json, *entry, label);
      json.key("digest").string(entry->digest.str()).key("mediaType").string(entry->media_type);
      json.key("size").integer(to_json_integer(entry->size)).end_object();
      continue;
    }
    if (arguments.is_long)
      (output.digest(entry->digest) << " " << pad(human_size(entry->size), 8) << " ")
              .name(entry->media_type.empty() ? "-" : entry->media_type)
          << " ";
    output.name(label) << "\n";
  }
  json.end_array();
  write_problems(json, (*references)->problems);
  if (arguments.is_json) output << json.end_object().str() << "\n";
  return (*references)->problems.empty() ? kDone : kCorrupt;
}

// Removes the entries that the names find in one snapshot of the references: "@N" counts entries before the
// first removal.
class Removal {
 public:
  Removal(Engine& engine, const std::vector<std::string>& names) : engine_(engine), names_(names) {}

  // Returns true for each removed name, otherwise the error; Errc::not_found if the name does not exist.
  std::vector<Result<bool>> run() {
    const auto references = engine_.references();
    if (!references) return all_failed(references.error());
    const bool are_files = (*references)->document.empty();
    Status removed;
    if (are_files)
      find_all(**references);
    else
      removed = engine_.update_references([&](const References& now) { return find_all(now); });
    if (!removed) return all_failed(removed.error());
    std::vector<Result<bool>> results;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (found_[i])
        results.push_back(are_files ? engine_.delete_reference(file_of(**references, found_[i]->front()))
                                    : Result<bool>(true));
      else if (found_[i].error().code() == Errc::not_found)
        // The name may be that of an entry that cannot be parsed.
        results.push_back(or_reason(engine_.delete_reference(names_[i]), found_[i].error()));
      else
        results.emplace_back(fail(Error(found_[i].error())));
    }
    return results;
  }

 private:
  ReferenceChanges find_all(const References& now) {
    found_.clear();
    std::set<std::size_t> positions;
    for (const std::string& name : names_) {
      found_.push_back(find_entries(now, name));
      if (found_.back()) positions.insert(found_.back()->begin(), found_.back()->end());
    }
    ReferenceChanges changes;
    for (const std::size_t position : positions) changes.changed.push_back({position, std::nullopt});
    return changes;
  }

  std::vector<Result<bool>> all_failed(const Error& error) const {
    return std::vector<Result<bool>>(names_.size(), fail(Error(error)));
  }

  // If nothing was removed, the reason.
  static Result<bool> or_reason(Result<bool> removed, const Error& reason) {
    return removed && !*removed ? fail(Error(reason)) : std::move(removed);
  }

  static std::string_view file_of(const References& references, std::size_t position) {
    return references.entries[position].ref_name().value_or("");
  }

  Engine& engine_;
  const std::vector<std::string>& names_;
  std::vector<Result<std::vector<std::size_t>>> found_;  // positions, for each name
};

int remove_references(const RemoveArguments& arguments) {
  const auto layout = open_to_write(arguments.layout);
  if (!layout) return report_opening(layout.error());
  const auto results = Removal(*layout->engine, arguments.names).run();
  int code = kDone;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const bool is_missing = !results[i] && results[i].error().code() == Errc::not_found;
    if (is_missing && arguments.is_forced) continue;
    const int failed = report_removal(arguments, layout->path, "reference", arguments.names[i], results[i]);
    if (code == kDone) code = failed;
  }
  return code;
}

void add_ref_get_command(Command ref, int& exit_code) {
  const auto arguments = std::make_shared<RefGetArguments>();
  const Command command = ref.add_subcommand("get", "Print the descriptor of a reference as JSON");
  command.example("layoutfs ref get ./img app");
  command.example("layoutfs ref get ./img @0", "the first entry of index.json");
  arguments->layout.add_options(command);
  command.add_option("NAME", arguments->name, "Its name, @N for the N-th entry, or a digest").required();
  command.callback([arguments, &exit_code] {
    exit_code = with_output([&](Output& output) { return get_reference(*arguments, output); });
  });
}

void add_ref_ls_command(Command ref, int& exit_code) {
  const auto arguments = std::make_shared<RefListArguments>();
  const Command command = ref.add_subcommand("ls", "List the names of all references");
  command.example("layoutfs ref ls -l ./img");
  command.example("layoutfs ref ls --json ./img");
  arguments->layout.add_options(command);
  command.add_flag("-l,--long", arguments->is_long, "Print digests, sizes and media types")
      .group(kOutputGroup);
  command.add_flag("--json", arguments->is_json, "Print JSON").group(kOutputGroup);
  command.callback([arguments, &exit_code] {
    exit_code = with_output([&](Output& output) { return list_references(*arguments, output); });
  });
}

void add_ref_rm_command(Command ref, int& exit_code) {
  const auto arguments = std::make_shared<RemoveArguments>();
  const Command command = ref.add_subcommand("rm", "Remove references; gc removes their blobs");
  command.example("layoutfs ref rm ./img app-1.1");
  command.example("layoutfs ref rm ./img app-1.1 && layoutfs gc ./img", "and its blobs");
  arguments->layout.add_options(command);
  command.add_option("NAME", arguments->names, "Their names, @N for the N-th entry, or digests").required();
  command.add_flag("-f,--force", arguments->is_forced, "Ignore missing references");
  command.callback([arguments, &exit_code] { exit_code = remove_references(*arguments); });
}

}  // namespace

void add_ref_command(Command program, int& exit_code) {
  const Command ref = program.add_subcommand("ref", "Read and write references by name");
  add_ref_put_command(ref, exit_code);
  add_ref_get_command(ref, exit_code);
  add_ref_ls_command(ref, exit_code);
  add_ref_rm_command(ref, exit_code);
}

}  // namespace layoutfs::tools
